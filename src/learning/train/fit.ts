// Training: one plan holds forward pass, gradients and updates; fit feeds it batches in seeded
// order. The graph is made in training-graph.ts, what a run keeps and gives back in trainee.ts.
import {
  ConfigError,
  ConvergenceError,
  nameOfBackend,
  permutation,
  present,
  random,
  sizeOf,
  version,
  type Backend,
} from "../../engine/index.ts";
import type { Loss } from "../nn/losses.ts";
import type { Network } from "../nn/network.ts";
import { checkResumable, type TrainingState } from "./checkpoint.ts";
import { checkAlike, examine, readBatch, type Dataset, type Settings } from "./dataset.ts";
import { agreeing, compileEvaluation, type Evaluation } from "./evaluate.ts";
import { plainForward, type Forward } from "./forward.ts";
import type { Optimizer } from "./optimizers.ts";
import { smoothFall, type Schedule } from "./schedules.ts";
import { openTrainee, type Trainee } from "./trainee.ts";
import { trainingGraph, type TrainingGraph } from "./training-graph.ts";
import { nothingWatched, watch, type Watched } from "./watch.ts";

export interface Progress {
  readonly epoch: number;
  readonly epochs: number;
  readonly step: number;
  readonly steps: number;
  readonly loss: number;
  readonly learningRate: number;
}
export interface Epoch {
  readonly epoch: number;
  readonly learningRate: number;
  readonly trainLoss: number;
  readonly trainAccuracy?: number;
  readonly validation?: Evaluation;
}
export interface FitOptions {
  readonly data: Dataset;
  readonly loss: Loss;
  readonly optimizer: Optimizer;
  readonly epochs: number;
  readonly batchSize: number;
  /**
   * Batches whose gradients are averaged before an update, for batches that do not fit in memory; 1
   * unless given.
   */
  readonly accumulate?: number;
  readonly seed: number;
  readonly backend: Backend;
  /** smoothFall unless given: from the learning rate to 0, level at both ends. */
  readonly schedule?: Schedule;
  /**
   * Trains as ever, and returns the moving average w̄ ← d·w̄ + (1 − d)·w of the weights with this
   * d.
   */
  readonly averageDecay?: number;
  /** Evaluated after every epoch, through the same Forward. */
  readonly validation?: Dataset;
  /**
   * Ends after so many epochs without a lower validation loss. The network of the epoch with the
   * lowest one is returned, whether training ended early or not.
   */
  readonly earlyStopping?: { readonly patience: number };
  /**
   * Multiplies the learning rate by `factor` after so many epochs without a lower validation loss.
   */
  readonly plateau?: { readonly patience: number; readonly factor: number };
  /**
   * Goes on from a state that on.checkpoint was given, and ends with the bits of a run never
   * stopped.
   */
  readonly resume?: TrainingState;
  /**
   * What else makes the run what it is, such as a Forward's own options: a resumed one has the
   * same.
   */
  readonly settings?: Settings;
  /** Steps between calls of on.checkpoint; an epoch unless given. */
  readonly checkpointEvery?: number;
  /** Ends the run between two steps of its plan, with the signal's reason. */
  readonly signal?: AbortSignal;
  readonly on?: {
    /** A given state fits this run, which goes on after so many steps. */
    readonly resume?: (step: number) => void;
    /** `current` gives the network as it is then. */
    readonly epoch?: (e: Epoch, current: () => Promise<Network>) => void | Promise<void>;
    readonly step?: (p: Progress) => void | Promise<void>;
    readonly checkpoint?: (state: TrainingState) => void | Promise<void>;
  };
}

const samplesPerStep = ({ batchSize, accumulate = 1 }: FitOptions): number => batchSize * accumulate;
const stepsPerEpochOf = (options: FitOptions): number => Math.floor(options.data.length / samplesPerStep(options));
const isWatched = ({ earlyStopping, plateau }: FitOptions): boolean =>
  earlyStopping !== undefined || plateau !== undefined;

/** Throws ConfigError or ShapeError for what could not train, before anything is computed. */
function checkOptions(options: FitOptions): void {
  const { data, validation, epochs, batchSize, accumulate = 1, checkpointEvery = 1 } = options;
  if (!(epochs >= 1) || !(batchSize >= 1))
    throw new ConfigError(`fit: epochs ${epochs} and batchSize ${batchSize} must be at least 1`, { epochs, batchSize });
  for (const [name, value] of Object.entries({ accumulate, checkpointEvery }))
    if (!Number.isInteger(value) || value < 1)
      throw new ConfigError(`fit: ${name} ${value} must be a whole number from 1 up`, { [name]: value });
  if (samplesPerStep(options) > data.length)
    throw new ConfigError(
      `fit: the batch size ${accumulate > 1 ? `${batchSize}, ${accumulate} of which make an update,` : batchSize} is larger than the set of ${data.length} samples; make it smaller`,
      { batchSize, length: data.length },
    );
  if (isWatched(options) && !validation)
    throw new ConfigError("fit: earlyStopping and plateau watch the validation loss; give validation data", {});
  if (validation) checkAlike(data, validation);
}

/**
 * Everything that changes the bits of a run. Throws DtypeError for a sample that cannot be trained
 * on.
 */
function settingsOf(options: FitOptions, { y }: TrainingGraph): Settings {
  const { data, validation, seed, epochs, batchSize, accumulate = 1, averageDecay, optimizer, loss } = options;
  const { schedule = smoothFall(), earlyStopping, plateau, backend } = options;
  const classes = loss.classes ? y.shape[1] : undefined;
  const samples = examine("training", data, classes);
  const tested = validation && examine("validation", validation, classes);
  return present({
    ...samples.by,
    ...options.settings,
    software: `fiducial ${version}`,
    backend: nameOfBackend(backend),
    seed,
    epochs,
    batchSize,
    samples: data.length,
    data: samples.sha256.slice(0, 16),
    // what is only looked at changes nothing
    validation: isWatched(options) ? tested?.sha256.slice(0, 16) : undefined,
    optimizer: `${optimizer.name} ${JSON.stringify(optimizer.options)}`,
    schedule: schedule.name,
    loss: loss.name,
    earlyStopping: earlyStopping?.patience,
    plateau: plateau && JSON.stringify(plateau),
    accumulate: accumulate > 1 ? accumulate : undefined,
    averageDecay,
  }) as Settings;
}

interface EpochOutcome {
  readonly trainLoss: number;
  readonly right: number;
  readonly samples: number;
  readonly learningRate: number;
}

/** The steps of one epoch from `step` on. */
async function trainEpoch(
  trainee: Trainee,
  options: FitOptions,
  at: { epoch: number; step: number; rate: number; keep: (step: number) => Promise<void> },
): Promise<EpochOutcome> {
  const { data, epochs, batchSize, seed, loss, optimizer, accumulate = 1, schedule = smoothFall(), signal } = options;
  const { epoch, rate, keep } = at;
  const stepsPerEpoch = stepsPerEpochOf(options);
  const steps = epochs * stepsPerEpoch;
  // the order of an epoch depends on the seed and its number alone, so that a run can go on in the
  // middle of one
  const order = permutation(data.length, random(seed).fork(`epoch ${epoch}`));
  const input = new Float32Array(batchSize * sizeOf(data.inputShape));
  const target = new Float32Array(batchSize * sizeOf(data.targetShape));
  let [step, total, right, learningRate] = [at.step, 0, 0, 0];
  for (let k = step - epoch * stepsPerEpoch; k < stepsPerEpoch; k++) {
    learningRate = optimizer.options.learningRate * rate * schedule.factor(step, steps);
    let value = 0;
    for (let part = 0; part < accumulate; part++) {
      const first = (k * accumulate + part) * batchSize;
      readBatch(data, order.slice(first, first + batchSize), { input, target }, epoch);
      const last = accumulate > 1 ? [part === accumulate - 1 ? 1 : 0] : undefined;
      const feed = present({ input, target, rate: [learningRate], last }) as Record<string, ArrayLike<number>>;
      const out = await trainee.plan.execute(feed, present({ signal }));
      if (!Number.isFinite(out.loss[0]))
        throw new ConvergenceError(
          `fit: the loss is ${out.loss[0]} at step ${step + 1} (epoch ${epoch + 1}); lower the learning rate`,
          { step, epoch },
        );
      value += out.loss[0] / accumulate;
      if (loss.classes) right += agreeing(out.y, target, batchSize);
    }
    step++;
    total += value;
    await options.on?.step?.({ epoch: epoch + 1, epochs, step, steps, loss: value, learningRate });
    // the last state of an epoch waits for what the epoch's evaluation says
    if (k < stepsPerEpoch - 1) await keep(step);
  }
  const done = step - at.step;
  return { trainLoss: total / done, right, samples: done * samplesPerStep(options), learningRate };
}

/**
 * Trains by minibatches in a seeded order; a last batch that is not full is left out, another one
 * every epoch. Throws ConfigError for impossible options or a state of another run, ShapeError and
 * DtypeError for samples that cannot be trained or evaluated on, before the first step;
 * ConvergenceError at the first loss that is not finite, naming the step.
 */
export async function fit(network: Network, options: FitOptions, forward: Forward = plainForward): Promise<Network> {
  checkOptions(options);
  const { validation, loss, batchSize, backend, earlyStopping, plateau, resume, on } = options;
  const graph = trainingGraph(network, options, forward);
  const settings = settingsOf(options, graph);
  if (resume) checkResumable(resume, network, settings);
  const trainee = await openTrainee(network, graph, options);
  if (resume) await trainee.restore(resume);
  if (resume) on?.resume?.(resume.step);
  const evaluate =
    validation && (await compileEvaluation(network, { data: validation, loss, batchSize, backend, forward }));

  const stepsPerEpoch = stepsPerEpochOf(options);
  const { checkpointEvery = stepsPerEpoch } = options;
  let watched: Watched = resume?.watched ?? nothingWatched;
  let best = resume?.best;
  const keep = async (step: number): Promise<void> => {
    if (on?.checkpoint && step % checkpointEvery === 0 && step < options.epochs * stepsPerEpoch)
      await trainee.keep({ step, settings, watched, best });
  };
  let step = resume?.step ?? 0;
  for (let epoch = Math.floor(step / stepsPerEpoch); epoch < options.epochs; epoch++) {
    const { trainLoss, right, samples, learningRate } = await trainEpoch(trainee, options, {
      epoch,
      step,
      rate: watched.rate,
      keep,
    });
    step = (epoch + 1) * stepsPerEpoch;
    let evaluation: Evaluation | undefined;
    if (evaluate && validation) {
      const now = await trainee.current();
      evaluation = await evaluate(now, validation);
      watched = watch(watched, evaluation.loss, epoch + 1, plateau);
      if (earlyStopping && watched.bestEpoch === epoch + 1) best = now.parameters;
    }
    const trainAccuracy = loss.classes ? right / samples : undefined;
    const facts = present({ epoch: epoch + 1, learningRate, trainLoss, trainAccuracy, validation: evaluation });
    await on?.epoch?.(facts, () => trainee.current());
    if (earlyStopping && watched.waited >= earlyStopping.patience) break;
    await keep(step);
  }
  const last = await trainee.current();
  if (!best) return last;
  // in the network's order, which a state that was read does not have
  const parameters = new Map([...network.parameters.keys()].map((name) => [name, best!.get(name)!]));
  return { ...last, parameters, provenance: { ...last.provenance, bestEpoch: watched.bestEpoch } };
}
