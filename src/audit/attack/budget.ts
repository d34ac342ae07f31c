// How many gradient steps a search spends where: most in the largest ball and for what is judged.
import type { SearchSettings } from "./search.ts";

/** Of one goal in one ball. */
export interface Budget {
  /** Of the climb from the best start. */
  readonly steps: number;
  /** At most, where the climb was still gaining. */
  readonly most: number;
  /** Of every start, before the best one is chosen. */
  readonly trial: number;
  /** Of the two best starts, before the better one is climbed. */
  readonly semifinal: number;
}

/**
 * Shares of the steps: of the largest ball, of the one before, of smaller ones, which are nearly
 * linear and done sooner; and of goals that are not judged, which give starts and a second figure.
 * scripts/strong-search.mjs gains at most 5 % with them.
 */
const SHARES = { largest: 1, next: 0.4, smaller: 0.25, aside: 0.2 };
/** While it gains, a climb may become so many times as long, and never longer than the steps. */
const LONGER = 2;

/** The budget in ball `ball` of `balls`, from 0. */
export function budgetOf(
  { steps, trial, semifinal }: SearchSettings,
  { ball, balls, judged }: { readonly ball: number; readonly balls: number; readonly judged: boolean },
): Budget {
  const left = balls - 1 - ball;
  const share = left === 0 ? SHARES.largest : left === 1 ? SHARES.next : SHARES.smaller;
  const own = Math.ceil(steps * (judged ? share : SHARES.aside));
  const most = Math.min(steps, LONGER * Math.ceil(steps * share));
  return { steps: own, most, trial, semifinal: judged ? semifinal : 0 };
}
