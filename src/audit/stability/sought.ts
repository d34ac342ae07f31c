// What tests that search for harm have in common: how long it takes, and what is recorded of it.
import { present } from "../../engine/index.ts";
import { querySteps } from "../attack/gradient-free.ts";
import { searchSteps, type Found, type GoalFound, type SearchSettings } from "../attack/search.ts";
import type { Measurement } from "../schema.ts";
import { SINGULAR_STEPS } from "../subject.ts";

/** Gradient steps at most: two goals, with the local singular vector as a start. */
export const soughtSteps = (radii: number, settings: Partial<SearchSettings> = {}): number =>
  SINGULAR_STEPS +
  searchSteps({ goals: 2, starts: 1 }, { ...settings, radii: new Array<number>(radii).fill(1) });

/** Queries at most, of a method without gradients. */
export const soughtQueries = (radii: number, queries: number | undefined, goals = 2): number =>
  querySteps(goals, present({ radii: new Array<number>(radii).fill(1), queries }));

/** Of one goal in one ball: what was judged. */
export function searchFigures(found: GoalFound): NonNullable<Measurement["search"]> {
  const { goal, tried, rising, curve, start, gradients, vanishing, queries } = found;
  const changes = tried.map((t) => t.value);
  return present({
    goal,
    changes,
    rising,
    curve: [...curve],
    start,
    gradients,
    vanishing,
    queries,
  });
}
/** Of one ball that was searched for harm: what was judged, and the largest change beside it. */
export function harmFigures({ goals: [harm, change] }: Found): NonNullable<Measurement["search"]> {
  const queries = harm.queries === undefined ? undefined : harm.queries + (change.queries ?? 0);
  return present({
    ...searchFigures(harm),
    gradients: harm.gradients + change.gradients,
    largestChange: change.value,
    queries,
  });
}
