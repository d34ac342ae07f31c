// The two searches. They only propose perturbations: the runner clips and measures what they find.
import { ConvergenceError, type Random } from "../../engine/index.ts";
import { norm } from "../../imaging/index.ts";

/** x̂ and the gradient of ½‖x̂ − p‖² at r. */
export type Climb = (r: Float64Array) => Promise<{ x: Float64Array; gradient: Float64Array }>;

export interface HeavyBallOptions {
  readonly lambda: number;
  readonly stepSize: number;
  readonly momentum: number;
  /** τ: the start is τ·U[0, 1) in every element. */
  readonly start: number;
  readonly iterations: number;
  /**
   * Increasing norms at which the ascent is looked at: r₁, r₂, r₃. Or, the numbers of steps after
   * which it is.
   */
  readonly norms?: readonly number[];
  readonly stops?: readonly number[];
  /** The ascent ends where ‖r‖ passes it. */
  readonly maximumNorm?: number;
}
export interface Stop {
  readonly r: Float64Array;
  readonly iteration: number;
  readonly reached: boolean;
}

/**
 * v ← γv + η∇Q(r), r ← r + v with Q(r) = ½‖f(y(r)) − p‖² − (λ/2)‖r‖², from r = τ·U[0,1), v = 0: one
 * ascent, which stops for a look when ‖r‖ first reaches each of `norms`, or after each of `stops`
 * steps. Stops that `iterations` did not reach are left out, but for the last iterate when there is
 * none at all. Throws ConvergenceError when the gradient is not finite. Source: Antun et al., PNAS
 * 2020; Invfool, Runner.
 */
export async function heavyBallAscent(
  climb: Climb,
  size: number,
  options: HeavyBallOptions,
  rng: Random,
  onStep?: () => Promise<void>,
): Promise<Stop[]> {
  const {
    lambda,
    stepSize,
    momentum,
    start,
    iterations,
    norms = [],
    stops: looks = [],
    maximumNorm = Number.POSITIVE_INFINITY,
  } = options;
  const wanted = norms.length + looks.length;
  const r = Float64Array.from({ length: size }, () => start * rng.uniform());
  const v = new Float64Array(size);
  const stops: Stop[] = [];
  for (let k = 0; k < iterations && stops.length < wanted; k++) {
    const { gradient } = await climb(r);
    await onStep?.();
    for (let i = 0; i < size; i++) {
      v[i] = momentum * v[i] + stepSize * (gradient[i] - lambda * r[i]);
      r[i] += v[i];
    }
    const length = norm(r);
    if (!Number.isFinite(length))
      throw new ConvergenceError(
        `the ascent's perturbation is not finite after step ${k + 1}; the reconstruction returns NaN or the step size is too large`,
        { step: k + 1 },
      );
    while (stops.length < norms.length && length >= norms[stops.length])
      stops.push({ r: r.slice(), iteration: k + 1, reached: true });
    if (looks.includes(k + 1) || (length > maximumNorm && looks.length > 0))
      stops.push({ r: r.slice(), iteration: k + 1, reached: true });
    if (length > maximumNorm) break;
  }
  if (stops.length === 0) stops.push({ r, iteration: iterations, reached: false });
  return stops;
}

/** ℓ2: ‖r‖₂ ≤ radius. ℓ∞: |rₖ| ≤ radius for the complex value of every cell. */
export type Ball = "l2" | "linf";
/** r moved to the nearest point of the ball. r is [2,…]: real parts, then imaginary ones. */
export function projected(r: Float64Array, radius: number, ball: Ball): Float64Array {
  if (ball === "l2") {
    const length = norm(r);
    return length > radius ? r.map((x) => (x * radius) / length) : r;
  }
  return perCell(r, (size) => (size > radius ? radius / size : 1));
}
function perCell(r: Float64Array, factor: (size: number) => number): Float64Array {
  const n = r.length / 2;
  const out = new Float64Array(r.length);
  for (let k = 0; k < n; k++) {
    const f = factor(Math.sqrt(r[k] ** 2 + r[n + k] ** 2));
    [out[k], out[n + k]] = [r[k] * f, r[n + k] * f];
  }
  return out;
}
/** r as long as the ball's radius allows in its direction; in ℓ∞, in every cell. */
export function stretched(r: Float64Array, radius: number, ball: Ball): Float64Array {
  const length = norm(r);
  return ball === "l2"
    ? r.map((x) => (x * radius) / length)
    : perCell(r, (size) => (size > 0 ? radius / size : 0));
}

export interface ProjectedOptions {
  readonly radius: number;
  readonly steps: number;
  readonly restarts: number;
  /** ℓ2 unless given. */
  readonly ball?: Ball;
  /** Goes down, towards p, instead of away from it. */
  readonly towards?: boolean;
}
export interface Found {
  readonly r: Float64Array;
  /** ‖w(f(y(r)) − p)‖ there. */
  readonly change: number;
  /** The best of every start. */
  readonly changes: number[];
  /** Whether the best start was still gaining more than 1 % over its last fifth of steps. */
  readonly rising: boolean;
  /** The best of the best start after every step. */
  readonly curve: number[];
}

/**
 * Projected gradient ascent (or descent) of ½‖w(f(y(r)) − p)‖² in a ball: steps along the gradient,
 * normalised in the ball's own norm, of a quarter of the radius, and of a tenth for every other
 * start; from random points of half the radius; `first`, where given, takes the first one's place.
 * `distance` is ‖w(x̂ − p)‖. Throws ConvergenceError when a reconstruction is not finite. Source:
 * Madry et al. 2018, as Genzel, Macdonald, März 2022 use it.
 */
export async function projectedAscent(
  climb: Climb,
  distance: (x: Float64Array) => number,
  random: () => Float64Array | Promise<Float64Array>,
  options: ProjectedOptions,
  first?: Float64Array,
  onStep?: () => Promise<void>,
): Promise<Found> {
  const { radius, steps, restarts, ball = "l2", towards = false } = options;
  const sign = towards ? -1 : 1;
  const starts: Float64Array[] = [];
  for (let s = 0; s < restarts; s++) starts.push(stretched(await random(), 0.5 * radius, ball));
  if (first)
    starts[0] =
      ball === "l2"
        ? projected(stretched(first, radius, ball), radius, ball)
        : projected(first, radius, ball);
  let best: Omit<Found, "changes"> = { r: starts[0], change: Number.NaN, rising: false, curve: [] };
  const changes: number[] = [];
  for (const [s, begin] of starts.entries()) {
    let r: Float64Array = begin;
    let own = { r, change: Number.NaN };
    let early = Number.NaN;
    const curve: number[] = [];
    for (let k = 0; k <= steps; k++) {
      const { x, gradient } = await climb(r);
      await onStep?.();
      const change = distance(x);
      if (!Number.isFinite(change))
        throw new ConvergenceError(
          `the reconstruction is not finite at step ${k + 1} of the search`,
          { step: k + 1 },
        );
      if (!(sign * change <= sign * own.change)) own = { r, change };
      curve.push(own.change);
      if (k <= 0.8 * steps) early = own.change;
      if (k === steps || norm(gradient) === 0) break;
      const step = stretched(gradient, (sign * radius) / (s % 2 === 0 ? 4 : 10), ball);
      r = projected(
        r.map((v, i) => v + step[i]),
        radius,
        ball,
      );
    }
    changes.push(own.change);
    if (!(sign * own.change <= sign * best.change))
      best = {
        ...own,
        curve,
        rising: towards ? own.change < 0.99 * early : own.change > 1.01 * early,
      };
  }
  return { ...best, changes };
}
