// The search of a ball where there is no gradient: a square attack and SPSA from the same starts,
// the better of both kept. It finds less than a search along gradients does, and is no evidence
// that there is nothing to be found; docs/verdicts.md says how much less.
import { norm } from "../../imaging/index.ts";
import type { Random } from "../../engine/index.ts";
import { budgetOf } from "./budget.ts";
import { openAsking, distanceFor, type Reached, type Asked, type Asking } from "./queries.ts";
import { searchDefaults, type Found, type GoalFound, type Start, type Tried } from "./search.ts";
import { spsa } from "./spsa.ts";
import { squareAttack, stripes } from "./square.ts";
import type { Goal } from "./step.ts";

/** One method on one image, as a search without gradients sees it. */
export interface Queried extends Pick<Asking, "look" | "place" | "ball" | "together" | "tick"> {
  /** [H,W] */
  readonly shape: readonly [number, number];
  /** x̂ of the clean measurement. */
  readonly clean: Float64Array;
  /** What is judged first; every goal's best is a start of the others. */
  readonly goals: readonly Goal[];
  /** The image-shaped direction of a perturbation: itself, or A*r. */
  directionOf(r: Float64Array): Promise<Float64Array>;
  /** A random perturbation in the row space of A. */
  random(): Promise<Float64Array>;
  /** Tried with both signs in the smallest ball. */
  readonly starts?: readonly Start[];
  readonly rng: Random;
}
export interface QueryOptions {
  /** Radii of the balls, increasing, in units of r. */
  readonly radii: readonly number[];
  /**
   * Queries for the judged goal in the largest ball; budget.ts has the shares of other goals and
   * balls.
   */
  readonly queries?: number;
}
export const QUERIES = 600;

/** Random starts, beside a grid of squares. */
const RANDOM_STARTS = 3;
/** Proposals of the square attack from one point, pairs of SPSA's, and its tiles' side. */
const [PROPOSALS, PAIRS, TILE] = [4, 8, 4];
/** Of what was gained, by the last fifth of the queries. */
const RISING = 0.02;

/** Share of the queries for a goal that is not judged. */
const ASIDE = 0.2;

/** Of one goal in one ball. */
const queriesOf = (
  queries: number,
  at: { ball: number; balls: number; judged: boolean },
): number =>
  at.judged
    ? budgetOf({ ...searchDefaults, steps: queries }, at).steps
    : Math.ceil(ASIDE * queries);

/** Queries that a search takes at most, for a progress bar. */
export function querySteps(goals: number, { radii, queries = QUERIES }: QueryOptions): number {
  const balls = radii.length;
  const inOne = (ball: number): number =>
    Array.from({ length: goals }, (_, goal) =>
      queriesOf(queries, { ball, balls, judged: goal === 0 }),
    ).reduce((sum, n) => sum + n, 0);
  return radii.reduce((sum, _, ball) => sum + inOne(ball), 0);
}

/**
 * Searches balls of growing radius as `search` does, by asking alone. Every perturbation has the
 * ball's full radius. The same `rng` gives the same bits. Throws ConvergenceError when a
 * reconstruction is not finite.
 */
export async function searchByQueries(searched: Queried, options: QueryOptions): Promise<Found[]> {
  const { radii, queries = QUERIES } = options;
  const found: Found[] = [];
  let smaller: readonly GoalFound[] = [];
  for (const [ball, radius] of radii.entries()) {
    const goals: GoalFound[] = [];
    for (const [k, goal] of [...searched.goals.entries()].reverse()) {
      const known = [
        ...(ball === 0 ? bothSigns(searched.starts ?? []) : startsOf(smaller, "smaller radius")),
        ...startsOf(goals),
      ];
      const budget = queriesOf(queries, { ball, balls: radii.length, judged: k === 0 });
      goals.unshift(await pursue(searched, goal, { radius, budget, known }));
    }
    smaller = goals;
    found.push({ radius, goals, gradients: 0 });
  }
  return found;
}

const startsOf = (goals: readonly GoalFound[], before?: string): Start[] =>
  goals.map(({ goal, r }) => ({ kind: before === undefined ? goal : `${before}, ${goal}`, r }));
const bothSigns = (starts: readonly Start[]): Start[] =>
  starts.flatMap(({ kind, r }) => [
    { kind, r },
    { kind: `${kind}, negative`, r: r.map((v) => -v) },
  ]);

interface Pursuit {
  readonly radius: number;
  readonly budget: number;
  readonly known: readonly Start[];
}

/** What every start reaches, the best first; at most as many as there are queries. */
async function tryStarts(
  searched: Queried,
  asked: Asked,
  { known, budget }: Pursuit,
): Promise<Started[]> {
  const { directionOf, random, rng, shape } = searched;
  const starts: { kind: string; z: Float64Array }[] = [];
  for (const { kind, r } of known) if (norm(r) > 0) starts.push({ kind, z: await directionOf(r) });
  starts.push({ kind: "squares", z: stripes(shape, rng) });
  for (let k = 0; k < RANDOM_STARTS; k++)
    starts.push({ kind: "random", z: await directionOf(await random()) });
  const some = starts.filter(({ z }) => norm(z) > 0).slice(0, Math.max(1, budget));
  const answers = await asked.ask(some.map(({ z }) => z));
  const started = answers.map((answer, k) => ({ ...answer, kind: some[k].kind }));
  return started.sort((p, q) =>
    asked.better(p.value, q.value) ? -1 : asked.better(q.value, p.value) ? 1 : 0,
  );
}
interface Started extends Reached {
  readonly kind: string;
}

/** One goal in one ball: every start asked about, and both searches from the best of them. */
async function pursue(searched: Queried, goal: Goal, pursuit: Pursuit): Promise<GoalFound> {
  const { rng, shape, clean } = searched;
  const { radius, budget } = pursuit;
  const asked = openAsking({ ...searched, goal, radius });
  const before = distanceFor(goal)(clean);
  const started = await tryStarts(searched, asked, pursuit);
  const [first] = started;
  const half = Math.floor((budget - started.length) / 2);
  const tried: Tried[] = started.map(({ kind, value }) => ({ kind, value, curve: [] }));
  const attempt = async (kind: string, run: () => Promise<Reached>): Promise<void> => {
    const { value } = await run();
    tried.push({ kind, value, curve: [] });
  };
  await attempt("square attack", () =>
    squareAttack(asked, first, { queries: half, proposals: PROPOSALS, shape, rng }),
  );
  await attempt("SPSA", () =>
    spsa(asked, first, { queries: half, pairs: PAIRS, tile: TILE, shape, rng }),
  );
  const best = asked.best() ?? first;
  const { curve } = asked;
  const early = curve[Math.floor(0.8 * (curve.length - 1))];
  return {
    goal: goal.name,
    r: best.r,
    value: best.value,
    before,
    start: tried.find((t) => t.value === best.value)?.kind ?? first.kind,
    tried,
    curve: [...curve],
    rising: Math.abs(best.value - early) > RISING * Math.abs(best.value - before),
    vanishing: false,
    probes: [],
    gradients: 0,
    queries: curve.length,
  };
}
