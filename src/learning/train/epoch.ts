// The steps of one epoch.
import { ConvergenceError, permutation, present, random, sizeOf } from "../../engine/index.ts";
import { batchReader } from "./dataset.ts";
import type { Epoch, FitOptions } from "./fit.ts";
import { agreement, scored } from "./metrics/index.ts";
import type { Pauses } from "./pause.ts";
import { smoothFall } from "./schedules.ts";
import type { Trainee } from "./trainee.ts";

export const samplesPerStep = ({ batchSize, accumulate = 1 }: FitOptions): number =>
  batchSize * accumulate;
export const stepsPerEpochOf = (options: FitOptions): number =>
  Math.floor(options.data.length / samplesPerStep(options));

interface At {
  readonly epoch: number;
  /** Steps done. */
  readonly step: number;
  /** The learning rate's factor. */
  readonly rate: number;
  readonly keep: (step: number) => Promise<void>;
  readonly pause: Pauses;
}
/** Its steps from `step` on: what on.epoch is told of them. */
export async function trainEpoch(
  trainee: Trainee,
  options: FitOptions,
  { epoch, step: from, rate, keep, pause }: At,
): Promise<Pick<Epoch, "learningRate" | "trainLoss" | "trainAccuracy">> {
  const { epochs, optimizer, schedule = smoothFall(), loss } = options;
  const stepsPerEpoch = stepsPerEpochOf(options);
  const steps = epochs * stepsPerEpoch;
  const take = openStep(trainee, options, epoch, pause);
  let [step, total, right, of, learningRate] = [from, 0, 0, 0, 0];
  for (let k = step - epoch * stepsPerEpoch; k < stepsPerEpoch; k++) {
    learningRate = optimizer.options.learningRate * rate * schedule.factor(step, steps);
    const taken = await take(k, learningRate);
    if (!Number.isFinite(taken.loss))
      throw new ConvergenceError(
        `fit: the loss is ${taken.loss} at step ${step + 1} (epoch ${epoch + 1}); lower the learning rate`,
        { step, epoch },
      );
    step++;
    total += taken.loss;
    [right, of] = [right + taken.right, of + taken.of];
    await options.on?.step?.({
      epoch: epoch + 1,
      epochs,
      step,
      steps,
      loss: taken.loss,
      learningRate,
    });
    // the last state of an epoch waits for what the epoch's evaluation says
    if (k < stepsPerEpoch - 1) await keep(step);
  }
  const trainAccuracy = loss.classes || loss.labels ? right / of : undefined;
  return present({ learningRate, trainLoss: total / (step - from), trainAccuracy });
}

interface Taken {
  readonly loss: number;
  readonly right: number;
  readonly of: number;
}
/** A function that takes step k of an epoch: its batches, one after the other. */
function openStep(
  trainee: Trainee,
  options: FitOptions,
  epoch: number,
  pause: Pauses,
): (k: number, learningRate: number) => Promise<Taken> {
  const { data, batchSize, seed, loss, accumulate = 1 } = options;
  // the order of an epoch depends on the seed and its number alone, so that a run can go on in the
  // middle of one
  const order = permutation(data.length, random(seed).fork(`epoch ${epoch}`));
  const input = new Float32Array(batchSize * sizeOf(data.inputShape));
  const target = new Float32Array(batchSize * sizeOf(data.targetShape));
  const read = batchReader(data);
  const batches = stepsPerEpochOf(options) * accumulate;
  const batch = (n: number): number[] =>
    n < batches ? order.slice(n * batchSize, (n + 1) * batchSize) : [];
  return async (k, learningRate) => {
    let [value, right, of] = [0, 0, 0];
    for (let part = 0; part < accumulate; part++) {
      const n = k * accumulate + part;
      await read({ input, target }, batch(n), epoch, batch(n + 1));
      const last = accumulate > 1 ? [part === accumulate - 1 ? 1 : 0] : undefined;
      const feed = present({ input, target, rate: [learningRate], last }) as Record<
        string,
        ArrayLike<number>
      >;
      const out = await pause.during((watched) => trainee.plan.execute(feed, watched));
      // nothing is added to what is no number any more
      if (!Number.isFinite(out.loss[0])) return { loss: out.loss[0], right, of };
      value += out.loss[0] / accumulate;
      if (!out.y) continue;
      const own = agreement(scored(loss, out.y, target, trainee.outputShape));
      [right, of] = [right + own.right, of + own.of];
    }
    return { loss: value, right, of };
  };
}
