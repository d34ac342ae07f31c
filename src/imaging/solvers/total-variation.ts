// Total variation by ADMM, unrolled in the graph: a classical method that is attacked with exact
// gradients like any network.
import { arithmetic, ConfigError, PI, present, sinCos, type GraphBuilder, type Value } from "../../engine/index.ts";
import type { Operator } from "../operators/operator.ts";
import { atUnitScale, type Reconstructor } from "../reconstructor.ts";
import { describeWeight, weightFor } from "./tuned.ts";

/** x ↦ the x that solves ADMM's quadratic step, given ρ∇*(z − u) and the last x. */
type Quadratic = (right: Value, last: Value) => Value;

/** diagonal + ρ·(symbol of ∇*∇), inverted, in centred k-space: 4 sin²(πk/n) along each axis. */
function inverseOf([H, W]: readonly number[], rho: number, diagonal: (k: number) => number): Float32Array {
  const symbol = (n: number): Float64Array =>
    Float64Array.from({ length: n }, (_, i) => 4 * sinCos((PI * (i - Math.floor(n / 2))) / n)[0] ** 2);
  const [vertical, horizontal] = [symbol(H), symbol(W)];
  return Float32Array.from(
    { length: H * W },
    (_, i) => 1 / Math.max(1e-9, diagonal(i) + rho * (vertical[Math.floor(i / W)] + horizontal[i % W])),
  );
}

/** (A*A + ρ∇*∇)x = A*y + right, exactly, where A*A is a diagonal in k-space. */
function exactStep(b: GraphBuilder, y: Value, operator: Operator, diagonal: Uint8Array, rho: number): Quadratic {
  const { add, mul } = arithmetic(b);
  const [, H, W] = operator.domain;
  const weights = b.constant(
    inverseOf([H, W], rho, (k) => diagonal[k]),
    [H, W],
  );
  const data = b.emit("fft2", { x: operator.adjoint(b, y) }, { inverse: false });
  return (right) => {
    const sum = add(data, b.emit("fft2", { x: right }, { inverse: false }));
    return b.emit("fft2", { x: mul(sum, weights) }, { inverse: true });
  };
}

/** Steps towards the quadratic problem of one iteration, where it is not solved exactly. */
const SWEEPS = 2;

/**
 * The same step for any other A: A*A is replaced by ‖A‖² about the last x, which is never less. The
 * iteration is proximal ADMM, and its limit the same minimiser. Source: He & Yuan 2012; Fazel,
 * Pong,
 * Sun, Tseng 2013.
 */
function majorisedStep(b: GraphBuilder, y: Value, operator: Operator, norm: number, rho: number): Quadratic {
  const { add, mul, sub } = arithmetic(b);
  const [, H, W] = operator.domain;
  const weights = b.constant(
    inverseOf([H, W], rho, () => norm ** 2),
    [H, W],
  );
  const once = (right: Value, last: Value): Value => {
    const slope = operator.adjoint(b, sub(y, operator.forward(b, last)));
    const sum = add(add(right, slope), mul(last, norm ** 2));
    const k = b.emit("fft2", { x: sum }, { inverse: false });
    return b.emit("fft2", { x: mul(k, weights) }, { inverse: true });
  };
  return (right, last) => {
    let x = last;
    for (let k = 0; k < SWEEPS; k++) x = once(right, x);
    return x;
  };
}

/** `iterations` of ADMM on λ‖∇x‖ with the quadratic step given. */
function alternate(
  b: GraphBuilder,
  initial: Value,
  step: Quadratic,
  { lambda, rho, iterations }: { lambda: number; rho: number; iterations: number },
): Value {
  const { add, div, mul, relu, reshape, roll, sqrt, square, sub, sum } = arithmetic(b);
  const difference = (x: Value, axis: number): Value => sub(roll(x, axis, -1), x);
  const adjointDifference = (gx: Value, gy: Value): Value => add(sub(roll(gx, 2, 1), gx), sub(roll(gy, 3, 1), gy));
  const [N, , H, W] = initial.shape;
  let x = initial;
  let z: Value[] | undefined;
  let u: Value[] | undefined;
  for (let k = 0; k < iterations; k++) {
    if (z && u) x = step(mul(adjointDifference(sub(z[0], u[0]), sub(z[1], u[1])), rho), x);
    const before = u;
    const g = [2, 3].map((axis, i) => (before ? add(difference(x, axis), before[i]) : difference(x, axis)));
    const length = sqrt(add(add(sum(square(g[0]), [1]), sum(square(g[1]), [1])), 1e-12));
    const shrink = reshape(relu(sub(1, div(b.scalar(lambda / rho), length))), [N, 1, H, W]);
    z = g.map((v) => mul(v, shrink));
    u = g.map((v, i) => sub(v, z![i]));
  }
  return x;
}

/**
 * x̂ = argmin ½‖Ax − y‖² + λ‖∇x‖₂,₁ at unit image scale: isotropic total variation over the complex
 * image, periodic differences, `iterations` of ADMM with penalty ρ. Its quadratic step is solved
 * exactly in k-space where A*A is diagonal there, and majorised by ‖A‖² for every other operator;
 * both end at the same minimiser. Without λ, the one tuned for noise of deviation `sigma` in y.
 * Throws ConfigError for a λ, ρ or count that is not positive. Source: Rudin, Osher, Fatemi 1992;
 * Goldstein & Osher 2009.
 */
export function totalVariation(
  options: { lambda?: number; sigma?: number; iterations?: number; rho?: number } = {},
): Reconstructor {
  const { lambda, sigma, iterations = 60, rho } = options;
  if (!((lambda ?? 1) > 0) || !((rho ?? 1) > 0) || !(iterations >= 1) || !((sigma ?? 0) >= 0))
    throw new ConfigError(
      `totalVariation: lambda ${lambda}, rho ${rho} and iterations ${iterations} must be positive, sigma ${sigma} not negative`,
      { lambda, rho, iterations, sigma },
    );
  return {
    name: "total variation",
    classical: true,
    description: present({ kind: "totalVariation", ...describeWeight(options), iterations, rho }),
    requires: ["norm"],
    apply(b, y, operator) {
      const weight = weightFor("totalVariation", operator, options);
      const penalty = rho ?? 5 * weight.lambda;
      const solve = (scaled: Value, initial: Value): Value => {
        const { spectralDiagonal: diagonal, norm = 1 } = operator;
        const step = diagonal
          ? exactStep(b, scaled, operator, diagonal, penalty)
          : majorisedStep(b, scaled, operator, norm, penalty);
        return alternate(b, initial, step, { lambda: weight.lambda, rho: penalty, iterations });
      };
      return atUnitScale(operator, b, y, solve, weight.ratio);
    },
  };
}
