// Training: one plan holds forward pass, gradients and updates; fit feeds it batches in seeded
// order.
import {
  arithmetic,
  ConfigError,
  ConvergenceError,
  GraphBuilder,
  gradients,
  ops,
  permutation,
  random,
  sizeOf,
  type Backend,
  type Plan,
  type Shape,
  type Value,
} from "../../engine/index.ts";
import type { Loss } from "../nn/losses.ts";
import { applyNetwork, type Network, type Parameter } from "../nn/network.ts";
import { checkResumable, type TrainingState } from "./checkpoint.ts";
import type { Optimizer } from "./optimizers.ts";
import { smoothFall, type Schedule } from "./schedules.ts";

/** Samples by index. Nothing says they are in memory. */
export interface Dataset {
  readonly length: number;
  readonly inputShape: Shape;
  readonly targetShape: Shape;
  /** Writes sample i. `epoch`, from 0, is for what changes from one to the next (augmentation). */
  read(i: number, input: Float32Array, target: Float32Array, epoch?: number): void;
}
export interface Progress {
  readonly epoch: number;
  readonly epochs: number;
  readonly step: number;
  readonly steps: number;
  readonly loss: number;
  readonly learningRate: number;
}
export interface Evaluation {
  readonly loss: number;
  /** Share of samples whose largest output is the target's; for losses over classes only. */
  readonly accuracy?: number;
  /**
   * Samples by their class and by the class they were taken for; for losses over at most 100
   * classes.
   */
  readonly confusion?: readonly (readonly number[])[];
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
  /** Evaluated after every epoch. */
  readonly validation?: Dataset;
  /** Ends after so many epochs without a lower validation loss. */
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
  /** Steps between calls of on.checkpoint; an epoch unless given. */
  readonly checkpointEvery?: number;
  readonly on?: {
    readonly epoch?: (e: Epoch) => void | Promise<void>;
    readonly step?: (p: Progress) => void | Promise<void>;
    readonly checkpoint?: (state: TrainingState) => void | Promise<void>;
  };
}
/**
 * What stands between a sample and the network's input, and between its output and the loss:
 * identity for a classifier, a reconstructor's initial image otherwise. Values in `held` are
 * constants to the gradient, as an adversary's perturbation is.
 */
export type Forward = (
  b: GraphBuilder,
  network: Network,
  input: Value,
  target: Value,
) => { y: Value; parameters: Map<string, Value>; held?: readonly Value[] };

/** Before the names of averaged weights. */
const AVERAGE = "average.";

/** A network with the same architecture and other values. */
export async function withParameters(
  network: Network,
  read: (name: string) => Promise<ArrayLike<number>>,
  provenance: Network["provenance"],
): Promise<Network> {
  const parameters = new Map<string, Parameter>();
  for (const [name, p] of network.parameters)
    parameters.set(name, { shape: p.shape, data: Float32Array.from(await read(name)) });
  return { ...network, parameters, provenance };
}

/**
 * Gathers gradients over runs: only where `last` is 1 do the updates that `apply` adds take place,
 * on the mean of all, and the gathering starts anew.
 */
function accumulated(
  b: GraphBuilder,
  parameters: ReadonlyMap<string, Value>,
  own: readonly Value[],
  count: number,
  last: Value,
  apply: (mean: Value[]) => void,
): void {
  const { add, mul, sub } = arithmetic(b);
  const others = sub(1, last);
  const names = [...parameters.keys()];
  const sums = own.map((g, i) => {
    const before = b.parameter(`accumulated.${names[i]}`, g.shape, new Float32Array(sizeOf(g.shape)));
    const sum = add(before, g);
    b.update(before, mul(sum, others));
    return sum;
  });
  const known = new Set(b.updates.keys());
  apply(sums.map((sum) => mul(sum, 1 / count)));
  for (const [id, next] of [...b.updates]) {
    if (known.has(id)) continue;
    const [old, value] = [id, next].map((k) => ({ id: k, shape: b.nodes[k].shape }));
    // last is 0 or 1, so one of the two terms is exactly 0
    b.update(old, add(mul(value, last), mul(old, others)));
  }
}

/** The index of the largest of n values from `at` on. */
function largest(values: ArrayLike<number>, at: number, n: number): number {
  let best = 0;
  for (let i = 1; i < n; i++) if (values[at + i] > values[at + best]) best = i;
  return best;
}
/** Calls back with the classes of every row: the target's, and the largest output's. */
function eachRow(
  y: ArrayLike<number>,
  target: ArrayLike<number>,
  rows: number,
  visit: (wanted: number, found: number) => void,
): void {
  const classes = target.length / rows;
  for (let i = 0; i < rows; i++) visit(largest(target, i * classes, classes), largest(y, i * classes, classes));
}
function agreeing(y: ArrayLike<number>, target: ArrayLike<number>, rows: number): number {
  let right = 0;
  eachRow(y, target, rows, (wanted, found) => {
    if (wanted === found) right++;
  });
  return right;
}

/**
 * A function that evaluates any network of this architecture on any data of these shapes: mean loss
 * over the samples, and accuracy for losses over classes.
 */
export async function compileEvaluation(
  network: Network,
  options: { data: Pick<Dataset, "inputShape" | "targetShape">; loss: Loss; batchSize: number; backend: Backend },
): Promise<(network: Network, data: Dataset) => Promise<Evaluation>> {
  const { loss, batchSize, backend } = options;
  const { inputShape, targetShape } = options.data;
  const compile = async (n: number): Promise<Plan> => {
    const b = new GraphBuilder(ops);
    const { y } = applyNetwork(b, network, b.input("input", [n, ...inputShape]));
    b.output("y", y);
    b.output("loss", loss.apply(b, y, b.input("target", [n, ...targetShape])));
    return backend.compile(b);
  };
  const plans = new Map<number, Promise<Plan>>();
  return async (trained, data) => {
    let [total, right] = [0, 0];
    const [classes] = targetShape;
    const confusion =
      loss.classes && classes <= 100
        ? Array.from({ length: classes }, () => new Array<number>(classes).fill(0))
        : undefined;
    for (let at = 0; at < data.length; at += batchSize) {
      const n = Math.min(batchSize, data.length - at);
      if (!plans.has(n)) plans.set(n, compile(n));
      const plan = await plans.get(n)!;
      if (at === 0 || n < batchSize) for (const [name, p] of trained.parameters) await plan.write(name, p.data);
      const input = new Float32Array(n * sizeOf(inputShape));
      const target = new Float32Array(n * sizeOf(targetShape));
      for (let i = 0; i < n; i++)
        data.read(
          at + i,
          input.subarray(i * sizeOf(inputShape), (i + 1) * sizeOf(inputShape)),
          target.subarray(i * sizeOf(targetShape), (i + 1) * sizeOf(targetShape)),
        );
      const out = await plan.execute({ input, target });
      total += out.loss[0] * n;
      if (loss.classes)
        eachRow(out.y, target, n, (wanted, found) => {
          if (wanted === found) right++;
          if (confusion) confusion[wanted][found]++;
        });
    }
    return {
      loss: total / data.length,
      ...(loss.classes ? { accuracy: right / data.length } : {}),
      ...(confusion ? { confusion } : {}),
    };
  };
}

/**
 * Trains by minibatches in a seeded order; a last batch that is not full is left out, another one
 * every epoch. Throws ConfigError for impossible options or a state of another run,
 * ConvergenceError at the first loss that is not finite, naming the step.
 */
export async function fit(
  network: Network,
  options: FitOptions,
  forward: Forward = (b, net, x) => applyNetwork(b, net, x, { training: true }),
): Promise<Network> {
  const {
    data,
    epochs,
    batchSize,
    seed,
    loss,
    optimizer,
    resume,
    validation,
    schedule = smoothFall(),
    accumulate = 1,
  } = options;
  if (!(epochs >= 1) || !(batchSize >= 1))
    throw new ConfigError(`fit: epochs ${epochs} and batchSize ${batchSize} must be at least 1`, { epochs, batchSize });
  if (!Number.isInteger(accumulate) || accumulate < 1)
    throw new ConfigError(`fit: accumulate ${accumulate} must be a whole number from 1 up`, { accumulate });
  const perStep = batchSize * accumulate;
  if (perStep > data.length)
    throw new ConfigError(
      `fit: the batch size ${accumulate > 1 ? `${batchSize}, ${accumulate} of which make an update,` : batchSize} is larger than the set of ${data.length} samples; make it smaller`,
      { batchSize, length: data.length },
    );
  const b = new GraphBuilder(ops);
  const x = b.input("input", [batchSize, ...data.inputShape]);
  const t = b.input("target", [batchSize, ...data.targetShape]);
  const rate = b.input("rate", []);
  const { y, parameters, held } = forward(b, network, x, t);
  const cost = loss.apply(b, y, t);
  b.output("loss", cost);
  if (loss.classes) b.output("y", y);
  const own = gradients(b, cost, [...parameters.values()], held);
  if (accumulate === 1) optimizer.apply(b, parameters, own, rate);
  else
    accumulated(b, parameters, own, accumulate, b.input("last", []), (total) =>
      optimizer.apply(b, parameters, total, rate),
    );
  const { averageDecay } = options;
  if (averageDecay !== undefined) {
    if (!(averageDecay >= 0 && averageDecay < 1))
      throw new ConfigError(`fit: averageDecay ${averageDecay} must be in [0, 1)`, { averageDecay });
    const { add, mul } = arithmetic(b);
    for (const [name, w] of parameters) {
      const average = b.parameter(AVERAGE + name, w.shape, network.parameters.get(name)!.data);
      b.update(average, add(mul(average, averageDecay), mul(b.next(w), 1 - averageDecay)));
    }
  }
  const plan = await options.backend.compile(b);

  const settings = {
    seed,
    epochs,
    batchSize,
    samples: data.length,
    optimizer: `${optimizer.name} ${JSON.stringify(optimizer.options)}`,
    schedule: schedule.name,
    loss: loss.name,
    ...(options.earlyStopping ? { earlyStopping: options.earlyStopping.patience } : {}),
    ...(options.plateau ? { plateau: JSON.stringify(options.plateau) } : {}),
    ...(accumulate === 1 ? {} : { accumulate }),
    ...(averageDecay === undefined ? {} : { averageDecay }),
  };
  if (resume) {
    checkResumable(resume, settings);
    for (const [name, p] of [...resume.network.parameters, ...resume.optimizer]) await plan.write(name, p.data);
  }
  const provenance = {
    ...network.provenance,
    trainingSeed: seed,
    epochs,
    batchSize,
    optimizer: optimizer.name,
    learningRate: optimizer.options.learningRate,
    loss: loss.name,
    samples: data.length,
  };
  /** As trained, or averaged where that is wanted. */
  const current = (averaged = averageDecay !== undefined): Promise<Network> =>
    withParameters(network, (name) => plan.read(averaged && parameters.has(name) ? AVERAGE + name : name), provenance);
  const optimizerParameters = b.nodes.flatMap((n) =>
    n.kind === "parameter" && !network.parameters.has(n.name) ? [{ name: n.name, shape: n.shape }] : [],
  );
  const state = async (step: number): Promise<TrainingState> => {
    const kept = new Map<string, Parameter>();
    for (const { name, shape } of optimizerParameters)
      kept.set(name, { shape, data: Float32Array.from(await plan.read(name)) });
    return { step, settings, watched, network: await current(false), optimizer: kept };
  };
  /** A state whose values are not all finite is no good one, and never replaces one that is. */
  const keep = async (done: number): Promise<void> => {
    if (!options.on?.checkpoint) return;
    const now = await state(done);
    if ([...now.network.parameters.values(), ...now.optimizer.values()].every((p) => p.data.every(Number.isFinite)))
      await options.on.checkpoint(now);
  };
  const evaluate =
    validation && (await compileEvaluation(network, { data: validation, loss, batchSize, backend: options.backend }));

  const rng = random(seed);
  const stepsPerEpoch = Math.floor(data.length / perStep);
  const steps = epochs * stepsPerEpoch;
  const { earlyStopping, plateau } = options;
  if ((earlyStopping || plateau) && !validation)
    throw new ConfigError("fit: earlyStopping and plateau watch the validation loss; give validation data", {});
  // what they have seen so far; it travels with the state, so that a resumed run stops where an
  // unbroken one does
  let watched: TrainingState["watched"] = resume?.watched ?? {
    best: Number.MAX_VALUE,
    waited: 0,
    waitedForRate: 0,
    rate: 1,
  };
  const { checkpointEvery = stepsPerEpoch } = options;
  const [inputSize, targetSize] = [sizeOf(data.inputShape), sizeOf(data.targetShape)];
  const input = new Float32Array(batchSize * inputSize);
  const target = new Float32Array(batchSize * targetSize);
  let step = resume?.step ?? 0;
  for (let epoch = Math.floor(step / stepsPerEpoch); epoch < epochs; epoch++) {
    // the order of an epoch depends on the seed and its number alone, so that a run can go on in
    // the middle of one
    const order = permutation(data.length, rng.fork(`epoch ${epoch}`));
    let [total, right, seen, learningRate] = [0, 0, 0, 0];
    for (let k = step - epoch * stepsPerEpoch; k < stepsPerEpoch; k++) {
      learningRate = optimizer.options.learningRate * watched.rate * schedule.factor(step, steps);
      let value = 0;
      for (let part = 0; part < accumulate; part++) {
        for (let i = 0; i < batchSize; i++) {
          data.read(
            order[k * perStep + part * batchSize + i],
            input.subarray(i * inputSize, (i + 1) * inputSize),
            target.subarray(i * targetSize, (i + 1) * targetSize),
            epoch,
          );
        }
        const out = await plan.execute({
          input,
          target,
          rate: [learningRate],
          ...(accumulate > 1 ? { last: [part === accumulate - 1 ? 1 : 0] } : {}),
        });
        if (!Number.isFinite(out.loss[0]))
          throw new ConvergenceError(
            `fit: the loss is ${out.loss[0]} at step ${step + 1} (epoch ${epoch + 1}); lower the learning rate`,
            { step, epoch },
          );
        value += out.loss[0] / accumulate;
        if (loss.classes) right += agreeing(out.y, target, batchSize);
      }
      step++;
      seen++;
      total += value;
      await options.on?.step?.({ epoch: epoch + 1, epochs, step, steps, loss: value, learningRate });
      // the last state of an epoch waits for what the epoch's evaluation says
      if (step % checkpointEvery === 0 && k < stepsPerEpoch - 1) await keep(step);
    }
    const evaluation = evaluate && validation && (await evaluate(await current(), validation));
    if (evaluation) {
      const better = evaluation.loss < watched.best;
      const waitedForRate = better ? 0 : watched.waitedForRate + 1;
      const lower = plateau !== undefined && waitedForRate >= plateau.patience;
      watched = {
        best: Math.min(watched.best, evaluation.loss),
        waited: better ? 0 : watched.waited + 1,
        waitedForRate: lower ? 0 : waitedForRate,
        rate: lower ? watched.rate * plateau.factor : watched.rate,
      };
    }
    await options.on?.epoch?.({
      epoch: epoch + 1,
      learningRate,
      trainLoss: total / seen,
      ...(loss.classes ? { trainAccuracy: right / (seen * perStep) } : {}),
      ...(evaluation ? { validation: evaluation } : {}),
    });
    if (earlyStopping && watched.waited >= earlyStopping.patience) break;
    if (step % checkpointEvery === 0 && step < steps) await keep(step);
  }
  return current();
}

/** The network's output for a batch of inputs [N, …input]. */
export async function predict(
  network: Network,
  options: { inputs: Float32Array; count: number; backend: Backend },
): Promise<Float32Array> {
  const b = new GraphBuilder(ops);
  b.output("y", applyNetwork(b, network, b.input("x", [options.count, ...network.architecture.input])).y);
  return Float32Array.from((await (await options.backend.compile(b)).execute({ x: options.inputs })).y);
}
