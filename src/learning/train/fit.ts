// Training: one plan holds forward pass, gradients and updates; fit feeds it batches in seeded
// order. The graph is made in training-graph.ts, what a run keeps and gives back in trainee.ts, an
// epoch's steps in epoch.ts, what makes a run's bits in run-settings.ts.
import { present, type Backend } from "../../engine/index.ts";
import type { Loss } from "./losses/loss.ts";
import type { Network, Parameter } from "../nn/network.ts";
import { checkResumable, type TrainingState } from "./checkpoint.ts";
import type { Dataset, Settings } from "./dataset.ts";
import { stepsPerEpochOf, trainEpoch } from "./epoch.ts";
import { compileEvaluation, type Evaluation } from "./evaluate.ts";
import { plainForward, type Forward } from "./forward.ts";
import type { ParameterGroup } from "./groups.ts";
import type { Metric } from "./metrics/index.ts";
import type { Optimizer } from "./optimizers.ts";
import { pauses } from "./pause.ts";
import { checkOptions, settingsOf } from "./run-settings.ts";
import type { Schedule } from "./schedules.ts";
import { openTrainee, type Trainee } from "./trainee.ts";
import { trainingGraph } from "./training-graph.ts";
import { isBest, nothingWatched, scoreOf, watch, type Watched } from "./watch.ts";

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
  /** Parameters that are frozen, or trained at rates or decays of their own. */
  readonly groups?: readonly ParameterGroup[];
  /**
   * What weight decay is of: "all" parameters, the default, or "weights", which leaves out biases,
   * what normalisations learn, and all else of one axis.
   */
  readonly decayed?: "all" | "weights";
  /** Evaluated after every epoch, through the same Forward. */
  readonly validation?: Dataset;
  /** Figures of the validation data beside its loss. */
  readonly metrics?: readonly Metric[];
  /**
   * What "better" means below: a lower validation "loss", which it is unless given, a higher
   * "accuracy", or a better metric, by its name.
   */
  readonly monitor?: string;
  /** Returns the network of the best epoch; it does with earlyStopping. */
  readonly keepBest?: boolean;
  /**
   * Ends after so many epochs without a better one. The network of the best epoch is returned,
   * whether training ended early or not.
   */
  readonly earlyStopping?: { readonly patience: number };
  /** Multiplies the learning rate by `factor` after so many epochs without a better one. */
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

/** What an epoch ends with. */
interface After {
  readonly evaluation?: Evaluation;
  readonly watched: Watched;
  /** The parameters of the best epoch so far. */
  readonly best?: ReadonlyMap<string, Parameter> | undefined;
}
type Evaluate = (network: Network, data: Dataset) => Promise<Evaluation>;
/** Evaluates the network as it is, and sees whether it is the best so far. */
async function lookAt(
  trainee: Trainee,
  options: FitOptions,
  evaluate: Evaluate,
  before: { epoch: number; watched: Watched; best: After["best"] },
): Promise<After> {
  const { validation, plateau, earlyStopping, keepBest } = options;
  const now = await trainee.current();
  const evaluation = await evaluate(now, validation!);
  const watched = watch(before.watched, scoreOf(evaluation, options), before.epoch, plateau);
  const kept = (earlyStopping || keepBest) && isBest(watched, before.epoch);
  return { evaluation, watched, best: kept ? now.parameters : before.best };
}

/**
 * Trains by minibatches in a seeded order; a last batch that is not full is left out, another one
 * every epoch. Throws ConfigError for impossible options or a state of another run, ShapeError and
 * DtypeError for samples that cannot be trained or evaluated on, before the first step;
 * ConvergenceError at the first loss that is not finite, naming the step.
 */
export async function fit(
  network: Network,
  options: FitOptions,
  forward: Forward = plainForward,
): Promise<Network> {
  checkOptions(options);
  const { validation, backend, earlyStopping, resume, on, signal } = options;
  const pause = pauses(signal);
  const graph = trainingGraph(network, options, forward);
  const settings = await settingsOf(options, graph, pause.due);
  if (resume) checkResumable(resume, network, settings);
  const trainee = await openTrainee(network, graph, options);
  if (resume) await trainee.restore(resume);
  if (resume) on?.resume?.(resume.step);
  const { loss, batchSize, metrics } = options;
  const asked = { loss, batchSize, backend, forward, ...present({ metrics, signal }) };
  const evaluate = validation && (await compileEvaluation(network, { data: validation, ...asked }));

  const stepsPerEpoch = stepsPerEpochOf(options);
  const { checkpointEvery = stepsPerEpoch } = options;
  let after: After = { watched: resume?.watched ?? nothingWatched, best: resume?.best };
  const keep = async (step: number): Promise<void> => {
    if (!on?.checkpoint || step % checkpointEvery !== 0 || step >= options.epochs * stepsPerEpoch)
      return;
    await trainee.keep({ step, settings, watched: after.watched, best: after.best });
  };
  let step = resume?.step ?? 0;
  for (let epoch = Math.floor(step / stepsPerEpoch); epoch < options.epochs; epoch++) {
    const { rate } = after.watched;
    const trained = await trainEpoch(trainee, options, { epoch, step, rate, keep, pause });
    step = (epoch + 1) * stepsPerEpoch;
    if (evaluate)
      after = await lookAt(trainee, options, evaluate, {
        ...after,
        epoch: epoch + 1,
        best: after.best,
      });
    const facts = present({ epoch: epoch + 1, ...trained, validation: after.evaluation });
    await on?.epoch?.(facts, () => trainee.current());
    if (earlyStopping && after.watched.waited >= earlyStopping.patience) break;
    await keep(step);
  }
  const last = await trainee.current();
  const { best, watched } = after;
  if (!best) return last;
  // in the network's order, which a state that was read does not have
  const parameters = new Map([...network.parameters.keys()].map((name) => [name, best.get(name)!]));
  return { ...last, parameters, provenance: { ...last.provenance, bestEpoch: watched.bestEpoch } };
}
