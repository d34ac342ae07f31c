// Which learning rate to begin with: one run in which it rises, and where the loss falls steepest.
import { ConfigError, permutation, pow, random, sizeOf } from "../../engine/index.ts";
import type { Network } from "../nn/network.ts";
import { batchReader } from "./dataset.ts";
import type { FitOptions } from "./fit.ts";
import { plainForward, type Forward } from "./forward.ts";
import { pauses } from "./pause.ts";
import { openTrainee } from "./trainee.ts";
import { trainingGraph } from "./training-graph.ts";

export type RateSearchOptions = Pick<
  FitOptions,
  "data" | "loss" | "optimizer" | "batchSize" | "seed" | "backend" | "groups" | "decayed" | "signal"
> & {
  /** Learning rates at the first and the last step; 1e-7 and 10 unless given. */
  readonly from?: number;
  readonly to?: number;
  /** 100 unless given; the data is gone through again where it is too short. */
  readonly steps?: number;
};
export interface RateSearch {
  /** Of the steps that were taken. */
  readonly rates: readonly number[];
  /** Losses, smoothed. */
  readonly losses: readonly number[];
  /**
   * Where the loss falls steepest over the logarithm of the rate, the first sixth of the steps left
   * out: a rate to train with.
   */
  readonly steepest: number;
  /** A tenth of that at the lowest loss, for the careful. */
  readonly belowLowest: number;
}

/** Weight of the past in the smoothed loss. */
const PAST = 0.95;
/** The search ends where the loss is so many times its lowest. */
const LOST = 4;

/**
 * Trains a copy of the network with a learning rate that rises evenly in its logarithm, until the
 * loss is four times its lowest (Smith 2017, as in fastai and Lightning). The network is not
 * changed. Throws what fit throws of its options, and ConfigError for rates that do not rise.
 */
export async function findLearningRate(
  network: Network,
  options: RateSearchOptions,
  forward: Forward = plainForward,
): Promise<RateSearch> {
  const { data, batchSize, seed, from = 1e-7, to = 10, steps = 100, signal } = options;
  if (!(from > 0 && to > from))
    throw new ConfigError(`findLearningRate: from ${from} to ${to} must rise`, { from, to });
  if (!Number.isInteger(steps) || steps < 10)
    throw new ConfigError(`findLearningRate: steps ${steps} must be a whole number from 10 up`, {
      steps,
    });
  if (!(batchSize >= 1 && batchSize <= data.length))
    throw new ConfigError(
      `findLearningRate: batchSize ${batchSize} must be from 1 to ${data.length}`,
      { batchSize },
    );
  const pause = pauses(signal);
  const fitted: FitOptions = { ...options, epochs: 1 };
  const { plan } = await openTrainee(network, trainingGraph(network, fitted, forward), fitted);
  const read = batchReader(data);
  const input = new Float32Array(batchSize * sizeOf(data.inputShape));
  const target = new Float32Array(batchSize * sizeOf(data.targetShape));
  const perEpoch = Math.floor(data.length / batchSize);
  const [rates, losses]: [number[], number[]] = [[], []];
  let [mean, lowest, order] = [0, Number.POSITIVE_INFINITY, [] as number[]];
  for (let k = 0; k < steps; k++) {
    const [epoch, at] = [Math.floor(k / perEpoch), (k % perEpoch) * batchSize];
    if (at === 0) order = permutation(data.length, random(seed).fork(`epoch ${epoch}`));
    await read({ input, target }, order.slice(at, at + batchSize), epoch);
    const rate = from * pow(to / from, k / (steps - 1));
    const out = await pause.during((watched) =>
      plan.execute({ input, target, rate: [rate] }, watched),
    );
    if (!Number.isFinite(out.loss[0])) break;
    mean = PAST * mean + (1 - PAST) * out.loss[0];
    // of few values the mean is too small by this share
    const smooth = mean / (1 - pow(PAST, k + 1));
    lowest = Math.min(lowest, smooth);
    if (smooth > LOST * lowest) break;
    rates.push(rate);
    losses.push(smooth);
  }
  if (rates.length < 3)
    throw new ConfigError(
      `findLearningRate: the loss is lost at once; begin lower than from ${from}`,
      { from },
    );
  return { rates, losses, ...chosen(rates, losses) };
}
/** Share of the steps at the beginning whose loss is of too few batches to have a slope. */
const UNSURE = 1 / 6;
function chosen(
  rates: readonly number[],
  losses: readonly number[],
): Pick<RateSearch, "steepest" | "belowLowest"> {
  const last = rates.length - 1;
  // the rates are even in their logarithm, so differences of losses are slopes
  const slope = (i: number): number => losses[Math.min(last, i + 2)] - losses[Math.max(0, i - 2)];
  let steepest = Math.min(last, Math.ceil(UNSURE * last));
  let lowest = 0;
  for (let i = steepest; i <= last; i++) if (slope(i) < slope(steepest)) steepest = i;
  for (let i = 0; i <= last; i++) if (losses[i] < losses[lowest]) lowest = i;
  return { steepest: rates[steepest], belowLowest: rates[lowest] / 10 };
}
