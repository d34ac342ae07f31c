// The two searches. They only propose perturbations: the runner clips and measures what they find.
import { ConvergenceError, type Random } from "../../engine/index.ts";
import { norm } from "../../imaging/index.ts";

/** x̂ and the gradient of ½‖x̂ − p‖² at r. */
export type Climb = (r: Float64Array) => { x: Float64Array; gradient: Float64Array };

export interface HeavyBallOptions {
  readonly lambda: number;
  readonly stepSize: number;
  readonly momentum: number;
  /** τ: the start is τ·U[0, 1) in every element. */
  readonly start: number;
  readonly iterations: number;
  /** Increasing norms at which the ascent is looked at: r₁, r₂, r₃. */
  readonly norms: readonly number[];
}
export interface Stop { readonly r: Float64Array; readonly iteration: number; readonly reached: boolean }

/** v ← γv + η∇Q(r), r ← r + v with Q(r) = ½‖f(y(r)) − p‖² − (λ/2)‖r‖², from r = τ·U[0,1), v = 0: one ascent, which stops for a look when ‖r‖ first reaches each of `norms`. Stops that `iterations` did not reach are left out, but for the last iterate when there is none at all. Throws ConvergenceError when the gradient is not finite. Source: Antun et al., PNAS 2020; Invfool, Runner. */
export async function heavyBallAscent(climb: Climb, size: number, options: HeavyBallOptions, rng: Random, onStep?: () => Promise<void>): Promise<Stop[]> {
  const { lambda, stepSize, momentum, start, iterations, norms } = options;
  const r = Float64Array.from({ length: size }, () => start * rng.uniform());
  const v = new Float64Array(size);
  const stops: Stop[] = [];
  for (let k = 0; k < iterations && stops.length < norms.length; k++) {
    const { gradient } = climb(r);
    await onStep?.();
    for (let i = 0; i < size; i++) {
      v[i] = momentum * v[i] + stepSize * (gradient[i] - lambda * r[i]);
      r[i] += v[i];
    }
    const length = norm(r);
    if (!Number.isFinite(length)) throw new ConvergenceError(`the ascent's perturbation is not finite after step ${k + 1}; the reconstruction returns NaN or the step size is too large`, { step: k + 1 });
    while (stops.length < norms.length && length >= norms[stops.length]) stops.push({ r: r.slice(), iteration: k + 1, reached: true });
  }
  if (stops.length === 0) stops.push({ r, iteration: iterations, reached: false });
  return stops;
}

export interface ProjectedOptions { readonly radius: number; readonly steps: number; readonly restarts: number }

/** Projected gradient ascent of ½‖f(y(r)) − p‖² in the ball ‖r‖₂ ≤ radius: steps of a quarter radius along the normalised gradient, from random points inside the ball; `first`, where given, is one more start. Returns the point with the largest change seen, the largest change of every start, and whether the best start was still gaining more than 1 % over its last fifth of steps. */
export async function projectedAscent(climb: Climb, p: Float64Array, random: () => Float64Array, options: ProjectedOptions, first?: Float64Array, onStep?: () => Promise<void>): Promise<{ r: Float64Array; change: number; changes: number[]; rising: boolean }> {
  const { radius, steps, restarts } = options;
  const toBall = (r: Float64Array): Float64Array => {
    const length = norm(r);
    return length > radius ? r.map((x) => (x * radius) / length) : r;
  };
  const starts: Float64Array[] = Array.from({ length: restarts }, () => {
    const r = random();
    const length = norm(r);
    return r.map((x) => (x * radius * 0.5) / length);
  });
  if (first) {
    const length = norm(first);
    starts[0] = toBall(first.map((x) => (x * radius) / length));
  }
  let best = { r: starts[0], change: -1, rising: false };
  const changes: number[] = [];
  for (const begin of starts) {
    let r: Float64Array = begin;
    let own = { r, change: -1 };
    let early = -1;
    for (let k = 0; k <= steps; k++) {
      const { x, gradient } = climb(r);
      await onStep?.();
      const change = norm(x.map((v, i) => v - p[i]));
      if (!Number.isFinite(change)) throw new ConvergenceError(`the reconstruction is not finite at step ${k + 1} of the search`, { step: k + 1 });
      if (change > own.change) own = { r, change };
      if (k <= 0.8 * steps) early = own.change;
      const slope = norm(gradient);
      if (k === steps || slope === 0) break;
      r = toBall(r.map((v, i) => v + (radius / 4 / slope) * gradient[i]));
    }
    changes.push(own.change);
    if (own.change > best.change) best = { ...own, rising: own.change > 1.01 * early };
  }
  return { ...best, changes };
}
