// One climb in a ball from one start: APGD's step sizes and restarts around the compiled step.
import type { Scene } from "./objective.ts";
import type { Goal, SearchStep, Sight } from "./step.ts";

export interface Climber {
  readonly step: SearchStep;
  readonly scene: Scene;
  readonly goal: Goal;
  readonly radius: number;
  readonly momentum: number;
  readonly tick?: (() => Promise<void>) | undefined;
}
export interface ClimbBudget {
  /** Steps at most. */
  readonly steps: number;
  /** The first step's size, in radii. */
  readonly first: number;
  /**
   * Ends the climb at a checkpoint since whose forerunner the best moved by less than this; never
   * unless given.
   */
  readonly still?: number;
}
export interface Climbed {
  readonly r: Float64Array;
  readonly value: number;
  /** The best so far at every point. */
  readonly curve: readonly number[];
  /** What was seen at every point. */
  readonly sights: readonly Sight[];
}

/** Steps after which a climb of `steps` looks whether its step size is too large. */
export function checkpoints(steps: number): number[] {
  const shares = [0, 0.22];
  while (shares[shares.length - 1] < 1) {
    const [before, last] = shares.slice(-2);
    shares.push(last + Math.max(last - before - 0.03, 0.06));
  }
  return shares.slice(1).map((share) => Math.ceil(share * steps));
}

/**
 * Projected ascent with momentum from one start (descent for a goal that goes towards p): the step
 * size, `first` radii at first, is halved, and the climb sent back to its best point, where less
 * than three quarters of the steps since the last checkpoint gained, or where neither the step size
 * nor the best changed between two checkpoints. Looks at `steps` + 1 points, or fewer where it
 * stands `still`. Source: Croce & Hein, ICML 2020 (APGD), with gradients normalised in the ball's
 * norm.
 */
export async function climbBall(
  climber: Climber,
  start: Float64Array,
  { steps, first, still = -1 }: ClimbBudget,
): Promise<Climbed> {
  const { step, scene, goal, radius, momentum, tick } = climber;
  const gains = (p: number, q: number): boolean => (goal.towards ? p < q : p > q);
  const looks = checkpoints(steps);
  const curve: number[] = [];
  const sights: Sight[] = [];
  let stepSize = first * radius;
  let restart = false;
  let since = { step: 0, gains: 0, best: Number.NaN, halved: true };
  await step.begin(scene, goal, start);
  for (let k = 0; k <= steps; k++) {
    const sight = await step.advance(radius, {
      stepSize,
      momentum: k === 0 ? 1 : momentum,
      restart,
    });
    await tick?.();
    const last = sights.at(-1);
    if (last && gains(sight.value, last.value)) since.gains++;
    const best = curve.length > 0 && !gains(sight.value, curve[k - 1]) ? curve[k - 1] : sight.value;
    sights.push(sight);
    curve.push(best);
    restart = false;
    if (!looks.includes(k) || k === since.step) continue;
    if (Math.abs(best - since.best) < still) break;
    const slow = since.gains < 0.75 * (k - since.step);
    const stuck = !since.halved && best === since.best;
    restart = slow || stuck;
    if (restart) stepSize /= 2;
    since = { step: k, gains: 0, best, halved: restart };
  }
  return { r: await step.best(), value: curve[curve.length - 1], curve, sights };
}
