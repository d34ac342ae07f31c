// What tests that search for harm have in common: how long it takes, and what is recorded of it.
import { searchSteps, type Found, type SearchSettings } from "../attack/search.ts";
import type { Measurement } from "../schema.ts";
import { SINGULAR_STEPS } from "../subject.ts";

/** Gradient steps at most: two goals, with the local singular vector as a start. */
export const soughtSteps = (radii: number, settings: Partial<SearchSettings> = {}): number =>
  SINGULAR_STEPS + searchSteps({ radii, goals: 2, starts: 1 }, settings);

/** Of one ball: what was judged, and the largest change beside it. */
export function searchFigures({ goals: [harm, change] }: Found): NonNullable<Measurement["search"]> {
  return {
    goal: harm.goal,
    changes: harm.tried.map((t) => t.value),
    rising: harm.rising,
    curve: [...harm.curve],
    start: harm.start,
    gradients: harm.gradients + change.gradients,
    largestChange: change.value,
    vanishing: harm.vanishing,
  };
}
