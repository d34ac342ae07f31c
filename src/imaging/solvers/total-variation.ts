// Total variation by ADMM, unrolled in the graph: a classical method that is attacked with exact
// gradients like any network.
import {
  arithmetic,
  ConfigError,
  PI,
  present,
  sinCos,
  type GraphBuilder,
  type Value,
} from "../../engine/index.ts";
import type { Operator } from "../operators/operator.ts";
import { inner } from "./inner.ts";
import { atUnitScale, type Reconstructor } from "../reconstructor.ts";
import { describeWeight, weightFor, withUnits, type WeightOptions } from "./tuned.ts";

/** x ↦ the x that solves ADMM's quadratic step, given ρ∇*(z − u) and the last x. */
type Quadratic = (right: Value, last: Value) => Value;

/** Periodic differences of neighbours along an axis. */
function difference(b: GraphBuilder, x: Value, axis: number): Value {
  const { roll, sub } = arithmetic(b);
  return sub(roll(x, axis, -1), x);
}
/** The adjoint of both differences. */
function adjointDifference(b: GraphBuilder, down: Value, right: Value): Value {
  const { add, roll, sub } = arithmetic(b);
  return add(sub(roll(down, 2, 1), down), sub(roll(right, 3, 1), right));
}
/** diagonal + ρ·(symbol of ∇*∇), inverted, in centred k-space: 4 sin²(πk/n) along each axis. */
function inverseOf(
  [H, W]: readonly number[],
  rho: number,
  diagonal: (k: number) => number,
): Float32Array {
  const symbol = (n: number): Float64Array =>
    Float64Array.from(
      { length: n },
      (_, i) => 4 * sinCos((PI * (i - Math.floor(n / 2))) / n)[0] ** 2,
    );
  const [vertical, horizontal] = [symbol(H), symbol(W)];
  return Float32Array.from(
    { length: H * W },
    (_, i) =>
      1 / Math.max(1e-9, diagonal(i) + rho * (vertical[Math.floor(i / W)] + horizontal[i % W])),
  );
}

/** (A*A + ρ∇*∇)x = A*y + right, exactly, where A*A is a diagonal in k-space. */
function exactStep(
  b: GraphBuilder,
  y: Value,
  operator: Operator,
  diagonal: Uint8Array,
  rho: number,
): Quadratic {
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
 * Pong, Sun, Tseng 2013.
 */
function majorisedStep(
  b: GraphBuilder,
  y: Value,
  operator: Operator,
  norm: number,
  rho: number,
): Quadratic {
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

/**
 * The same step where ‖A‖² is far above what A keeps of most images, as for line integrals: SWEEPS
 * of conjugate gradients from the last x, preconditioned by A*A ≈ ‖A‖·√meanSquare, which lies
 * between what A keeps at most and on the mean. A*A x is carried
 * along, so that each costs A and A* once. Source: Hestenes & Stiefel 1952.
 */
function conjugateStep(
  b: GraphBuilder,
  y: Value,
  operator: Operator,
  typical: number,
  rho: number,
): Quadratic {
  const { add, div, mul, sub } = arithmetic(b);
  const [, H, W] = operator.domain;
  const weights = b.constant(
    inverseOf([H, W], rho, () => typical),
    [H, W],
  );
  const data = operator.adjoint(b, y);
  const normal = (x: Value): Value => operator.adjoint(b, operator.forward(b, x));
  const smooth = (x: Value): Value =>
    mul(adjointDifference(b, difference(b, x, 2), difference(b, x, 3)), rho);
  const conditioned = (r: Value): Value => {
    const k = b.emit("fft2", { x: r }, { inverse: false });
    return b.emit("fft2", { x: mul(k, weights) }, { inverse: true });
  };
  /** A*A of the last x */
  let seen: Value | undefined;
  return (right, last) => {
    let x = last;
    seen ??= normal(last);
    let residual = sub(add(data, right), add(seen, smooth(last)));
    let direction = conditioned(residual);
    let energy = inner(b, residual, direction);
    for (let k = 0; k < SWEEPS; k++) {
      const image = normal(direction);
      const whole = add(image, smooth(direction));
      const length = div(energy, inner(b, direction, whole));
      x = add(x, mul(direction, length));
      seen = add(seen, mul(image, length));
      if (k + 1 === SWEEPS) break;
      residual = sub(residual, mul(whole, length));
      const next = conditioned(residual);
      const left = inner(b, residual, next);
      direction = add(next, mul(direction, div(left, energy)));
      energy = left;
    }
    return x;
  };
}

/** The quadratic step as well as the operator's facts let it be solved. */
function quadraticStep(b: GraphBuilder, y: Value, operator: Operator, rho: number): Quadratic {
  const { spectralDiagonal, meanSquare, norm = 1 } = operator;
  if (spectralDiagonal) return exactStep(b, y, operator, spectralDiagonal, rho);
  if (meanSquare !== undefined)
    return conjugateStep(b, y, operator, norm * Math.sqrt(meanSquare), rho);
  return majorisedStep(b, y, operator, norm, rho);
}

/** `iterations` of ADMM on λ‖∇x‖ with the quadratic step given. */
function alternate(
  b: GraphBuilder,
  initial: Value,
  step: Quadratic,
  { lambda, rho, iterations }: { lambda: number; rho: number; iterations: number },
): Value {
  const { add, div, mul, relu, reshape, sqrt, square, sub, sum } = arithmetic(b);
  const [N, , H, W] = initial.shape;
  let x = initial;
  let z: Value[] | undefined;
  let u: Value[] | undefined;
  for (let k = 0; k < iterations; k++) {
    if (z && u) x = step(mul(adjointDifference(b, sub(z[0], u[0]), sub(z[1], u[1])), rho), x);
    const before = u;
    const g = [2, 3].map((axis, i) =>
      before ? add(difference(b, x, axis), before[i]) : difference(b, x, axis),
    );
    const length = sqrt(add(add(sum(square(g[0]), [1]), sum(square(g[1]), [1])), 1e-12));
    const shrink = reshape(relu(sub(1, div(b.scalar(lambda / rho), length))), [N, 1, H, W]);
    z = g.map((v) => mul(v, shrink));
    u = g.map((v, i) => sub(v, z![i]));
  }
  return x;
}

type TotalVariation = WeightOptions & { readonly iterations: number; readonly rho?: number };

/** Of measurements whose units make them so many times as large. */
function inUnits(options: TotalVariation, units: number): Reconstructor {
  const { iterations, rho } = options;
  return {
    name: "total variation",
    classical: true,
    description: present({ kind: "totalVariation", ...describeWeight(options), iterations, rho }),
    requires: ["norm"],
    ...withUnits(inUnits, options, units),
    apply(b, y, operator) {
      const weight = weightFor("totalVariation", operator, options, units);
      const penalty = rho ?? 5 * weight.lambda;
      const solve = (scaled: Value, initial: Value): Value => {
        const step = quadraticStep(b, scaled, operator, penalty);
        return alternate(b, initial, step, { lambda: weight.lambda, rho: penalty, iterations });
      };
      return atUnitScale(operator, b, y, solve, weight.ratio);
    },
  };
}

/**
 * x̂ = argmin ½‖Ax − y‖² + λ‖∇x‖₂,₁ at unit image scale: isotropic total variation over the complex
 * image, periodic differences, `iterations` of ADMM with penalty ρ. Its quadratic step is solved
 * exactly in k-space where A*A is diagonal there, by conjugate gradients where the operator says
 * its `meanSquare`, and majorised by ‖A‖² otherwise; all end at the same minimiser. Without λ, the
 * one tuned for noise of deviation `sigma` in y.
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
  return inUnits({ ...options, iterations }, 1);
}
