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
  /** Whether what the other goals found in this ball is climbed as long as the best start. */
  readonly rivals: boolean;
}

/**
 * Shares of the steps: of the largest ball, of the one before, and of smaller ones, which are
 * nearly linear and done sooner. scripts/strong-search.mjs gains 4.3 % at most with them.
 */
const JUDGED = { largest: 1, next: 0.4, smaller: 0.25 };
/** Of goals that are not judged, which give starts and a second figure. */
const ASIDE = { largest: 0.6, next: 0.2, smaller: 0.2 };
/** Steps of their starts, but for the smaller balls': what they lead to is in another basin. */
const ASIDE_TRIAL = 8;
/** While it gains, a climb may become so many times as long, and never longer than the steps. */
const LONGER = 2;

/** By how many larger balls there are. */
const placeOf = (larger: number): keyof typeof JUDGED =>
  larger === 0 ? "largest" : larger === 1 ? "next" : "smaller";

/** The budget in ball `ball` of `balls`, from 0. */
export function budgetOf(
  { steps, trial, semifinal }: SearchSettings,
  {
    ball,
    balls,
    judged,
  }: { readonly ball: number; readonly balls: number; readonly judged: boolean },
): Budget {
  const place = placeOf(balls - 1 - ball);
  const own = Math.ceil(steps * (judged ? JUDGED : ASIDE)[place]);
  const most = Math.min(steps, LONGER * Math.ceil(steps * JUDGED[place]));
  if (judged) return { steps: own, most, trial, semifinal, rivals: place === "largest" };
  const asideTrial = place === "smaller" ? trial : Math.max(trial, ASIDE_TRIAL);
  return { steps: own, most, trial: asideTrial, semifinal: 0, rivals: false };
}
