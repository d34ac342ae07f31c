// FIRENET: a network whose layers are the restarted iterations of a square-root LASSO, with a proof
// of its accuracy and stability instead of training.
import { arithmetic, ConfigError, type GraphBuilder, type Value } from "../../engine/index.ts";
import { atUnitScale, type Reconstructor } from "../reconstructor.ts";
import { describeWeight, weightFor } from "./tuned.ts";
import { shrinkDetails, type Wavelet } from "./wavelet-sparsity.ts";

/**
 * z ≈ argmin g(z) + ‖Az − y‖ for y [N,…], by `outer` restarts of `inner` steps of Chambolle and
 * Pock (τ = σ = 1/L, ‖A‖ ≤ L) on a problem that is scaled up at each: ε ← (δ + ε)/e, β = ε/2L, α =
 * 1/(β·inner), the mean of the steps on αy, divided by α again. `shrink` is the proximal map of
 * step·g, step being 1/L. The distance to the minimum falls like e^(−outer), down to what δ, the
 * error of the input, allows. Source: Colbrook, Antun, Hansen, PNAS 2022.
 */
export function restartedPrimalDual(
  b: GraphBuilder,
  y: Value,
  options: {
    forward: (z: Value) => Value;
    adjoint: (y: Value) => Value;
    shrink: (z: Value, step: number) => Value;
    outer: number;
    inner: number;
    delta: number;
    operatorNorm: number;
  },
): Value {
  const { forward, adjoint, shrink, outer, inner, delta, operatorNorm: L } = options;
  const { add, div, mul, reshape, sqrt, square, sub, sum } = arithmetic(b);
  const axes = y.shape.map((_, i) => i).slice(1);
  const norm = (v: Value): Value => reshape(sqrt(add(sum(square(v), axes), 1e-20)), [y.shape[0], ...axes.map(() => 1)]);
  /** Steps of 1 are left out of the graph. */
  const scaled = (v: Value): Value => (L === 1 ? v : mul(v, 1 / L));
  let epsilon = norm(y);
  let x = mul(adjoint(y), 0);
  for (let k = 0; k < outer; k++) {
    epsilon = mul(add(epsilon, delta), 1 / Math.E);
    const alpha = div((2 * L) / inner, epsilon);
    // one number per image; x may have other axes than y
    const forX =
      alpha.shape.length === x.shape.length ? alpha : reshape(alpha, [x.shape[0], ...x.shape.slice(1).map(() => 1)]);
    const data = mul(y, alpha);
    let step = mul(x, forX);
    let dual = mul(y, 0);
    const steps: Value[] = [];
    for (let j = 0; j < inner; j++) {
      const next = shrink(sub(step, scaled(adjoint(dual))), 1 / L);
      const raised = add(dual, scaled(sub(forward(sub(mul(next, 2), step)), data)));
      dual = div(raised, b.emit("maximum", { a: norm(raised), b: b.scalar(1) }, {}));
      steps.push(next);
      step = next;
    }
    x = div(
      mul(
        steps.reduce((p, q) => add(p, q)),
        1 / inner,
      ),
      forX,
    );
  }
  return x;
}

/**
 * x̂ ≈ argmin λ·Σ|details of x| + ‖Ax − y‖ at unit image scale, by restartedPrimalDual: x̂ moves by
 * at most a constant times what y moves. The paper's images use λ = 0.00025; without λ, the one
 * tuned for noise of deviation `sigma` in y and images of typical brightness: at another scale of y
 * this cost keeps its minimiser, so λ needs no factor. Throws ConfigError for a λ or count that is
 * not positive.
 * Source: Colbrook, Antun, Hansen, PNAS 2022.
 */
export function firenet(
  options: {
    lambda?: number;
    sigma?: number;
    outer?: number;
    inner?: number;
    delta?: number;
    wavelet?: Wavelet;
    levels?: number;
  } = {},
): Reconstructor {
  const { lambda, sigma, outer = 5, inner = 10, delta = 1e-9, wavelet = "haar", levels = 4 } = options;
  if (!((lambda ?? 1) > 0) || !((sigma ?? 0) >= 0) || !(outer >= 1) || !(inner >= 1) || !(levels >= 1) || !(delta >= 0))
    throw new ConfigError(
      `firenet: lambda ${lambda}, outer ${outer}, inner ${inner} and levels ${levels} must be positive, delta ${delta} and sigma ${sigma} not negative`,
      { lambda, sigma, outer, inner, levels, delta },
    );
  return {
    name: "FIRENET",
    classical: true,
    description: { kind: "firenet", ...describeWeight(options), outer, inner, delta, wavelet, levels },
    requires: ["norm"],
    apply(b, y, operator) {
      const weight = weightFor("firenet", operator, options).lambda;
      return atUnitScale(operator, b, y, (scaled) =>
        restartedPrimalDual(b, scaled, {
          forward: (x) => operator.forward(b, x),
          adjoint: (v) => operator.adjoint(b, v),
          shrink: (x, step) => shrinkDetails(b, x, { threshold: step * weight, wavelet, levels }),
          outer,
          inner,
          delta,
          operatorNorm: operator.norm ?? 1,
        }),
      );
    },
  };
}
