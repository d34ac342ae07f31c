// A ball that is looked at by asking alone: what searches without gradients are given. They propose
// directions in the image; here these become perturbations of the ball's radius, are asked about,
// counted, and the best is kept.
import { ConvergenceError } from "../../engine/index.ts";
import { inGroups, magnitude, norm } from "../../imaging/index.ts";
import { stretched, type Ball } from "./ascent.ts";
import type { Goal } from "./step.ts";

/** ‖w(x̂ − p)‖, or of magnitudes: what a goal is measured by, in units of the image. */
export function distanceFor({ p, magnitudes = false, window }: Goal): (x: Float64Array) => number {
  const target = magnitudes ? magnitude(p) : p;
  return (x) => {
    const seen = magnitudes ? magnitude(x) : x;
    let sum = 0;
    for (let k = 0; k < seen.length; k++)
      sum += ((window ? window[k % window.length] : 1) * (seen[k] - target[k])) ** 2;
    return Math.sqrt(sum);
  };
}

/** A direction and what was found along it. */
export interface Reached {
  /** [2,H,W], of norm 1: only where it points counts. */
  readonly z: Float64Array;
  readonly r: Float64Array;
  readonly value: number;
}
/** What a ball is asked with. */
export interface Asking {
  /** x̂ of each perturbation. */
  look(rs: readonly Float64Array[]): Promise<Float64Array[]>;
  /** The perturbation that an image-shaped direction is: itself, or Az. */
  place(z: Float64Array): Promise<Float64Array>;
  readonly ball: Ball;
  readonly radius: number;
  readonly goal: Goal;
  /** How many are looked at together. */
  readonly together: number;
  readonly tick?: (() => Promise<void>) | undefined;
}
export interface Asked {
  /**
   * What each direction reaches at the ball's surface. Throws ConvergenceError where a
   * reconstruction is not finite.
   */
  ask(zs: readonly Float64Array[]): Promise<Reached[]>;
  /** Whether the first is further on the goal's way. */
  better(p: number, q: number): boolean;
  /** The best answer; undefined before the first. */
  best(): Reached | undefined;
  /** The best value so far after every query. */
  readonly curve: number[];
}

export const unit = (z: Float64Array): Float64Array => {
  const length = norm(z);
  return length > 0 ? z.map((v) => v / length) : z;
};

export function openAsking({ look, place, ball, radius, goal, together, tick }: Asking): Asked {
  const distance = distanceFor(goal);
  const better = (p: number, q: number): boolean => (goal.towards ? p < q : p > q);
  const curve: number[] = [];
  let best: Reached | undefined;
  const group = async (zs: readonly Float64Array[]): Promise<Reached[]> => {
    const rs: Float64Array[] = [];
    for (const z of zs) rs.push(stretched(await place(z), radius, ball));
    const answers: Reached[] = [];
    for (const [k, x] of (await look(rs)).entries()) {
      const answer = { z: zs[k], r: rs[k], value: distance(x) };
      if (!Number.isFinite(answer.value))
        throw new ConvergenceError(
          `the reconstruction is not finite at query ${curve.length + 1} of the search`,
          {},
        );
      if (!best || better(answer.value, best.value)) best = answer;
      curve.push(best.value);
      answers.push(answer);
      await tick?.();
    }
    return answers;
  };
  return {
    better,
    best: () => best,
    curve,
    ask: (zs) => inGroups(zs.map(unit), together, group),
  };
}
