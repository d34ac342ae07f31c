// FIRENET: a network whose layers are the restarted iterations of a square-root LASSO, with a proof of its accuracy and stability instead of training.
import { arithmetic, ConfigError, type GraphBuilder, type Value } from "../../engine/index.ts";
import type { Operator } from "../operators/operator.ts";
import { atUnitScale, type Reconstructor } from "../reconstructor.ts";
import { shrinkDetails, type Wavelet } from "./wavelet-sparsity.ts";

/** x̂ ≈ argmin λ·Σ|details of x| + ‖Ax − y‖ at unit image scale, by `outer` restarts of `inner` steps of Chambolle and Pock (τ = σ = 1, ‖A‖ ≤ 1) on a problem that is scaled up at each: ε ← (δ + ε)/e, β = ε/2, α = 1/(β·inner), the mean of the steps on αy, divided by α again. The distance to the minimum falls like e^(−outer), and x̂ moves by at most a constant times what y moves. The paper's images use λ = 0.00025; the default here is the best of some on held-out phantoms. Throws ConfigError for a λ or count that is not positive. Source: Colbrook, Antun, Hansen, PNAS 2022. */
export function firenet(options: { operator: Operator; lambda?: number; outer?: number; inner?: number; delta?: number; wavelet?: Wavelet; levels?: number }): Reconstructor {
  const { operator, lambda = 0.001, outer = 5, inner = 10, delta = 1e-9, wavelet = "haar", levels = 4 } = options;
  if (!(lambda > 0) || !(outer >= 1) || !(inner >= 1) || !(levels >= 1) || !(delta >= 0)) throw new ConfigError(`firenet: lambda ${lambda}, outer ${outer}, inner ${inner} and levels ${levels} must be positive, delta ${delta} not negative`, { lambda, outer, inner, levels, delta });
  const solve = (b: GraphBuilder, y: Value, initial: Value): Value => {
    const { add, div, mul, reshape, sqrt, square, sub, sum } = arithmetic(b);
    const N = y.shape[0];
    const each = (v: Value): Value => reshape(v, [N, 1, 1, 1]);
    const norm = (v: Value): Value => each(sqrt(add(sum(square(v), [1, 2, 3]), 1e-20)));
    let epsilon = norm(y);
    let x = mul(initial, 0);
    for (let k = 0; k < outer; k++) {
      epsilon = mul(add(epsilon, delta), 1 / Math.E);
      const alpha = div(2 / inner, epsilon);
      const data = mul(y, alpha);
      let step = mul(x, alpha);
      let dual = mul(y, 0);
      const steps: Value[] = [];
      for (let j = 0; j < inner; j++) {
        const next = shrinkDetails(b, sub(step, operator.adjoint(b, dual)), { threshold: lambda, wavelet, levels });
        const raised = add(dual, sub(operator.forward(b, sub(mul(next, 2), step)), data));
        dual = div(raised, b.emit("maximum", { a: norm(raised), b: b.scalar(1) }, {}));
        steps.push(next);
        step = next;
      }
      x = div(mul(steps.reduce((p, q) => add(p, q)), 1 / inner), alpha);
    }
    return x;
  };
  return {
    name: "FIRENET", operator, on: (other) => firenet({ ...options, operator: other }), description: { kind: "firenet", lambda, outer, inner, delta, wavelet, levels },
    apply: (b, y) => atUnitScale(operator, b, y, (scaled, initial) => solve(b, scaled, initial)),
  };
}
