// What early stopping and plateau have seen of the validation loss, or of what stands for it.
import type { Evaluation } from "./evaluate.ts";
import type { FitOptions } from "./fit.ts";

/** It travels with the state, so that a resumed run stops where an unbroken one does. */
export interface Watched {
  /** The lowest score so far, and its epoch, from 1. */
  readonly best: number;
  readonly bestEpoch: number;
  /** Epochs since then, for early stopping and for the rate. */
  readonly waited: number;
  readonly waitedForRate: number;
  /** The learning rate's factor. */
  readonly rate: number;
}
export const nothingWatched: Watched = {
  // not Infinity, which JSON does not have
  best: Number.MAX_VALUE,
  bestEpoch: 0,
  waited: 0,
  waitedForRate: 0,
  rate: 1,
};

/** What `monitor` asks for as a number of which the lower is the better. */
export function scoreOf(
  evaluation: Evaluation,
  { monitor = "loss", metrics = [] }: FitOptions,
): number {
  if (monitor === "loss") return evaluation.loss;
  if (monitor === "accuracy") return -(evaluation.accuracy ?? 0);
  const value = evaluation.metrics![monitor];
  const lower = metrics.find(({ name }) => name === monitor)?.better === "lower";
  return lower ? value : -value;
}
export const isBest = (watched: Watched, epoch: number): boolean => watched.bestEpoch === epoch;

/** What is known after one more epoch. */
export function watch(
  before: Watched,
  loss: number,
  epoch: number,
  plateau: FitOptions["plateau"],
): Watched {
  const better = loss < before.best;
  const waitedForRate = better ? 0 : before.waitedForRate + 1;
  const lower = plateau !== undefined && waitedForRate >= plateau.patience;
  return {
    best: better ? loss : before.best,
    bestEpoch: better ? epoch : before.bestEpoch,
    waited: better ? 0 : before.waited + 1,
    waitedForRate: lower ? 0 : waitedForRate,
    rate: lower ? before.rate * plateau.factor : before.rate,
  };
}
