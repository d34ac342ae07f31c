// The search of a ball: many starts, a few steps each, and a long climb from the best of them, for
// every goal. It only proposes perturbations: the laboratory clips and measures what is found.
import { ConfigError } from "../../engine/index.ts";
import { norm } from "../../imaging/index.ts";
import { stretched } from "./ascent.ts";
import { budgetOf, type Budget } from "./budget.ts";
import { climbBall, type Climber, type Climbed } from "./climb.ts";
import type { Scene } from "./objective.ts";
import type { Goal, SearchStep, Sight } from "./step.ts";

/** Where a search begins, at any length: it is made as long as the ball allows. */
export interface Start {
  readonly kind: string;
  readonly r: Float64Array;
}

export interface SearchSettings {
  /**
   * Gradient steps at most of the climb from the best start for the judged goal in the largest
   * ball; budget.ts has the shares of other goals and balls.
   */
  readonly steps: number;
  /** Gradient steps that every start is given before the best one is chosen. */
  readonly trial: number;
  /** Gradient steps of the two best starts of what is judged, before the better one is climbed. */
  readonly semifinal: number;
  /** Random starts per goal and radius. */
  readonly randomStarts: number;
  /** Share α of the new step in the momentum. */
  readonly momentum: number;
}
export interface SearchOptions extends Partial<SearchSettings> {
  /** Radii of the balls, increasing, in units of r: each goes on from what the last one found. */
  readonly radii: readonly number[];
}

/** One start: what it reached within its trial, and the best so far after each of its steps. */
export interface Tried {
  readonly kind: string;
  readonly value: number;
  readonly curve: readonly number[];
}
/** A random perturbation that was looked at because no gradient was seen. */
export interface Probe {
  /** ‖r‖, in units of r; in ℓ∞, of every cell. */
  readonly length: number;
  readonly value: number;
}
/** What was found for one goal in one ball. Values are ‖w(x̂ − p)‖, in units of the image. */
export interface GoalFound {
  readonly goal: string;
  /** The perturbation, at most as long as the radius but for float32 rounding. */
  readonly r: Float64Array;
  readonly value: number;
  /** The value at r = 0. */
  readonly before: number;
  /** The kind of start that it was reached from. */
  readonly start: string;
  readonly tried: readonly Tried[];
  /** The best so far after each step of the climb. */
  readonly curve: readonly number[];
  /** Whether a last climb that began anew, with large steps, still gained more than 2 %. */
  readonly rising: boolean;
  /** No point that was looked at had a gradient: the search is blind, and no evidence. */
  readonly vanishing: boolean;
  /** Of a blind search: whether the method moves at all, and how far. */
  readonly probes: readonly Probe[];
  readonly gradients: number;
  /** Of a search without gradients, which is weaker: how often it asked. */
  readonly queries?: number;
}
export interface Found {
  readonly radius: number;
  /** In the order of the goals; the first goal's is what is judged. */
  readonly goals: readonly GoalFound[];
  /** Computed in this ball. */
  readonly gradients: number;
}

/** One method on one image, as a search sees it. */
export interface Searched {
  readonly step: SearchStep;
  readonly scene: Scene;
  /** What is judged first; every goal's best is a start of the others. */
  readonly goals: readonly Goal[];
  /** A random direction in the row space of A, so that ‖Ar‖ is what ‖r‖ promises. */
  random(): Float64Array | Promise<Float64Array>;
  /** Tried with both signs in the smallest ball: the local singular vector, a known trace. */
  readonly starts?: readonly Start[];
  /** Awaited after every gradient step. */
  readonly tick?: () => Promise<void>;
}

export const searchDefaults: SearchSettings = {
  steps: 60,
  trial: 2,
  semifinal: 6,
  randomStarts: 1,
  momentum: 0.75,
};
/** The last share of a climb begins anew, with large steps: what gains then was not finished. */
const LAST_LEG = 0.3;
/** Of what was gained above the value at r = 0, by the last leg. */
const RISING = 0.02;
/** Of what was gained so far: a climb that gains less between two checkpoints stands still. */
const STILL = 0.003;
/** Legs that a climb has at most: each begins with a look at its start. */
const LEGS = 25;
/**
 * First steps of a trial, a semifinal, a climb and of its last share, in radii: long ones lead out
 * of a basin that is only the nearest, short ones to the top of a crooked one.
 */
const FIRST = { trial: 2, semifinal: 1, climb: 0.5, last: 0.1 };
/** A radius along such a slope changes the value by less than its float32 holds. */
const BLIND = 1e-7;
/** Lengths of the probes of a blind search, in radii. */
const PROBES = [1, 4, 16];

/** Gradient steps that a search takes at most, for a progress bar. */
export function searchSteps(
  counts: { goals: number; starts: number },
  options: SearchOptions,
): number {
  const { radii, ...given } = options;
  const { goals, starts } = counts;
  const settings = { ...searchDefaults, ...given };
  const balls = radii.length;
  const inOne = (ball: number): number => {
    const known = ball === 0 ? 2 * starts : goals;
    const spent = Array.from({ length: goals }, (_, goal) => {
      const { steps, most, trial, semifinal, rivals } = budgetOf(settings, {
        ball,
        balls,
        judged: goal === 0,
      });
      const tried = known + settings.randomStarts + 1 + (goals - 1 - goal);
      const semifinals = semifinal > 0 ? 2 * (semifinal + 1) : 0;
      const others = rivals && goals > 1 ? steps + 1 : 0;
      return tried * (trial + 1) + semifinals + others + most + LEGS + 1 + PROBES.length;
    });
    return spent.reduce((sum, n) => sum + n, 0);
  };
  return radii.reduce((sum, _, ball) => sum + inOne(ball), 0);
}

/**
 * Searches balls of growing radius for the r that moves f(y(r)) furthest from each goal's p, or
 * nearest to it. In every ball the goals are pursued from the last to the first, so that what is
 * judged begins also where the others ended. Starts: the clean measurement, the smaller ball's
 * bests stretched, the other goals' bests, the given ones, random ones. Each is tried for a few
 * steps; the best is climbed. The same draws of `random` give the same bits, on any number of
 * threads. Throws ConfigError for radii that do not increase, ConvergenceError when a
 * reconstruction is not finite.
 */
export async function search(searched: Searched, options: SearchOptions): Promise<Found[]> {
  const { radii, ...given } = options;
  const settings = { ...searchDefaults, ...given };
  if (
    radii.length === 0 ||
    !radii.every((radius, i) => radius > (radii[i - 1] ?? 0) && Number.isFinite(radius))
  )
    throw new ConfigError(`search: the radii ${radii.join(", ")} must be positive and increase`, {
      radii,
    });
  const found: Found[] = [];
  let smaller: readonly GoalFound[] | undefined;
  for (const [ball, radius] of radii.entries()) {
    const budget = (judged: boolean): Budget =>
      budgetOf(settings, { ball, balls: radii.length, judged });
    smaller = await inBall(searched, { radius, settings, budget }, smaller);
    found.push({ radius, goals: smaller, gradients: smaller.reduce((n, g) => n + g.gradients, 0) });
  }
  return found;
}

/** One ball, and what may be spent in it. */
interface InBall {
  readonly radius: number;
  readonly settings: SearchSettings;
  budget(judged: boolean): Budget;
}

/** Every goal in one ball, from what a smaller one found. */
async function inBall(
  searched: Searched,
  ball: InBall,
  smaller: readonly GoalFound[] | undefined,
): Promise<GoalFound[]> {
  const goals: GoalFound[] = [];
  for (const goal of [...searched.goals].reverse()) {
    const known = [
      ...(smaller ? stretchedFrom(smaller, goal) : bothSigns(searched.starts ?? [])),
      ...bests(goals),
    ];
    goals.unshift(await pursue(searched, goal, ball, known));
  }
  return goals;
}

const bests = (goals: readonly GoalFound[]): Start[] =>
  goals.map(({ goal, r }) => ({ kind: goal, r }));
const stretchedFrom = (goals: readonly GoalFound[], { name }: Goal): Start[] =>
  goals.map(({ goal, r }) => ({
    kind: goal === name ? "smaller radius" : `smaller radius, ${goal}`,
    r,
  }));
const bothSigns = (starts: readonly Start[]): Start[] =>
  starts.flatMap(({ kind, r }) => [
    { kind, r },
    { kind: `${kind}, negative`, r: r.map((v) => -v) },
  ]);

/** Whether a step of a whole radius along the gradient would be lost in rounding. */
const blind = (sights: readonly Sight[], radius: number): boolean =>
  sights.every(({ slope, value }) => slope * radius <= BLIND * value ** 2);

interface Candidate extends Climbed {
  readonly kind: string;
}

/** Every start, climbed for a few steps. */
async function tryStarts(
  climber: Climber,
  starts: readonly Start[],
  trial: number,
): Promise<Candidate[]> {
  const { radius, step } = climber;
  const tried: Candidate[] = [];
  for (const { kind, r } of starts) {
    const begin = norm(r) > 0 ? stretched(r, radius, step.ball) : r;
    const first = kind === "clean" ? 1 : FIRST.trial;
    tried.push({ kind, ...(await climbBall(climber, begin, { steps: trial, first })) });
  }
  return tried;
}

/** Whether p is further than q towards what a goal wants: sorts the best first. */
const ahead =
  ({ towards }: Goal) =>
  (p: Climbed, q: Climbed): number =>
    towards ? p.value - q.value : q.value - p.value;

/**
 * A long climb from the best start and from its rival, and from the better one legs that begin
 * anew, with large steps, while they gain. None goes on where it stands still. `start` is the
 * better one's kind, `lost` the other climb.
 */
async function toTheEnd(
  climber: Climber,
  finalists: readonly Candidate[],
  { steps, most }: Budget,
  before: number,
): Promise<{ start: string; legs: Climbed[]; lost: Climbed[]; rising: boolean }> {
  const leg = Math.ceil(LAST_LEG * steps);
  const still = STILL * Math.abs(finalists[0].value - before);
  const long: Candidate[] = [];
  for (const { kind, r } of finalists)
    long.push({
      kind,
      ...(await climbBall(climber, r, { steps: steps - leg, first: FIRST.climb, still })),
    });
  const [first, ...lost] = long.sort(ahead(climber.goal));
  const legs: Climbed[] = [first];
  let rising = true;
  for (let used = steps - leg; rising && (legs.length === 1 || used + leg <= most); used += leg) {
    const last = legs[legs.length - 1];
    const next = await climbBall(climber, last.r, { steps: leg, first: FIRST.last, still });
    rising = Math.abs(next.value - last.value) > RISING * Math.abs(next.value - before);
    legs.push(next);
  }
  return { start: first.kind, legs, lost, rising };
}

/**
 * One goal in one ball: every start tried, the two best climbed on, the better one to the end; and,
 * where the budget has it, what the other goals found as well.
 */
async function pursue(
  searched: Searched,
  goal: Goal,
  { radius, settings, budget: budgetFor }: InBall,
  known: readonly Start[],
): Promise<GoalFound> {
  const { momentum, randomStarts } = settings;
  const { step, scene, tick } = searched;
  const budget = budgetFor(goal === searched.goals[0]);
  const climber: Climber = { step, scene, goal, radius, momentum, tick };
  const bestFirst = ahead(goal);

  const clean = new Float64Array(step.size);
  const at0 = { kind: "clean", ...(await climbBall(climber, clean, { steps: 0, first: 0 })) };
  // where nothing pulls at r = 0, as on the change from there, a climb would stand still
  const starts = blind(at0.sights, radius) ? [...known] : [{ kind: "clean", r: clean }, ...known];
  const draws = Math.max(randomStarts, starts.length > 0 ? 0 : 1);
  for (let k = 0; k < draws; k++) starts.push({ kind: "random", r: await searched.random() });
  const tried = await tryStarts(climber, starts, budget.trial);

  const semifinals = [...tried, at0].sort(bestFirst).slice(0, 2);
  const further = { steps: budget.semifinal, first: FIRST.semifinal };
  for (const { kind, r } of further.steps > 0 ? [...semifinals] : [])
    semifinals.push({ kind, ...(await climbBall(climber, r, further)) });
  const best = [...semifinals].sort(bestFirst)[0];
  const others = searched.goals.map(({ name }) => name);
  const rivals = tried
    .filter(({ kind }) => kind !== best.kind && others.includes(kind))
    .sort(bestFirst);
  const finalists = [best, ...rivals.slice(0, budget.rivals ? 1 : 0)];
  const { start, legs, lost, rising } = await toTheEnd(climber, finalists, budget, at0.value);

  const all = [at0, ...tried, ...semifinals.slice(2), ...lost, ...legs];
  const vanishing = all.every(({ sights }) => blind(sights, radius));
  const probes = vanishing ? await probe(searched, climber) : [];
  const { r, value } = legs[legs.length - 1];
  return {
    goal: goal.name,
    r,
    value,
    before: at0.value,
    start,
    tried: tried.map(({ kind, value: reached, curve }) => ({ kind, value: reached, curve })),
    curve: legs.flatMap((leg) => leg.curve),
    rising,
    vanishing,
    probes,
    gradients: all.reduce((n, c) => n + c.sights.length, probes.length),
  };
}

/** Random perturbations of the ball's length and longer, looked at once each. */
async function probe({ random }: Searched, climber: Climber): Promise<Probe[]> {
  const probes: Probe[] = [];
  for (const times of PROBES) {
    const length = times * climber.radius;
    const r = stretched(await random(), length, climber.step.ball);
    const { value } = await climbBall({ ...climber, radius: length }, r, { steps: 0, first: 0 });
    probes.push({ length, value });
  }
  return probes;
}
