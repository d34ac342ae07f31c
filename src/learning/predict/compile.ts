// A network's outputs: compiled once for a batch of a size, and kept.
import {
  ConfigError,
  formatShape,
  GraphBuilder,
  ops,
  ShapeError,
  sizeOf,
  type Backend,
  type ExecuteOptions,
  type Plan,
  type Shape,
} from "../../engine/index.ts";
import { applyNetwork, type Network } from "../nn/network.ts";
import { checkNames } from "../nn/option-types.ts";
import { identityPhysics } from "../nn/scope.ts";
import { pauses } from "../train/pause.ts";

/** A network compiled for batches of one size. */
export interface Prediction {
  /** [batch, …] */
  readonly inputShape: Shape;
  /** [batch, …] */
  readonly outputShape: Shape;
  readonly plan: Plan;
  /**
   * A batch's outputs, of the inputs as they are now. It gives way to other work of the thread now
   * and again; with a signal it ends where that says so. Throws ShapeError for another number of
   * inputs.
   */
  execute(
    inputs: ArrayLike<number>,
    options?: { readonly signal?: AbortSignal },
  ): Promise<Float32Array>;
}
export interface PredictionOptions {
  /** Samples at a time; 1 unless given. */
  readonly batch?: number;
  /** Height and width, where images are of another size than the network was made for. */
  readonly size?: readonly [number, number];
  readonly backend: Backend;
  /**
   * Batch norms go into the convolutions before them, which rounds otherwise; true unless given.
   */
  readonly folded?: boolean;
}

/** One sample's shape. Throws ConfigError for a size that it cannot have. */
function sampleShape({ architecture: { input } }: Network, size: PredictionOptions["size"]): Shape {
  if (!size) return input;
  const right = size.length === 2 && size.every((n) => Number.isSafeInteger(n) && n >= 1);
  if (input.length !== 3 || !right)
    throw new ConfigError(
      `predict: size ${size.join("×")} for a network of ${formatShape(input)}; give [height, width] for images`,
      { size },
    );
  return [input[0], ...size];
}

/**
 * Compiles a network for `batch` samples at a time: its weights are constants, batch norms folded.
 * Throws ShapeError where the layers do not take the size, ConfigError for options that are none.
 */
export async function compilePrediction(
  network: Network,
  options: PredictionOptions,
): Promise<Prediction> {
  checkNames("compilePrediction", options, ["batch", "size", "backend", "folded"], ["backend"]);
  const { batch = 1, backend, folded = true } = options;
  if (!Number.isSafeInteger(batch) || batch < 1)
    throw new ConfigError(`predict: a batch of ${batch}; it must be a whole number from 1 up`, {
      batch,
    });
  const b = new GraphBuilder(ops);
  const x = b.input("x", [batch, ...sampleShape(network, options.size)]);
  const { y } = applyNetwork(b, network, x, {
    trainable: false,
    folded,
    physics: identityPhysics(x),
  });
  b.output("y", y);
  const pause = pauses();
  await pause.due();
  const plan = await backend.compile(b);
  const values = sizeOf(x.shape);
  return {
    inputShape: x.shape,
    outputShape: y.shape,
    plan,
    async execute(inputs, given = {}) {
      if (inputs.length !== values)
        throw new ShapeError(
          `predict: ${inputs.length} input values; a batch of ${batch} is ${formatShape(x.shape)}, ${values} values`,
          { given: inputs.length, shape: x.shape },
        );
      const run = (watched: ExecuteOptions) => plan.execute({ x: inputs }, watched);
      const { y: out } = await (given.signal ? run(given) : pause.before(run));
      return out instanceof Float32Array ? out : Float32Array.from(out);
    },
  };
}

/** Plans that are kept for one network on one backend; the one that was used longest ago goes. */
const MOST_KEPT = 4;
/** Samples at a time, where more are asked for. */
const LARGEST_BATCH = 64;
type Kept = Map<string, Promise<Prediction>>;
const kept = new WeakMap<Network, WeakMap<Backend, Kept>>();

function plansOf(network: Network, backend: Backend): Kept {
  const ofNetwork = kept.get(network) ?? new WeakMap<Backend, Kept>();
  kept.set(network, ofNetwork);
  const plans = ofNetwork.get(backend) ?? new Map<string, Promise<Prediction>>();
  ofNetwork.set(backend, plans);
  return plans;
}
/** The network compiled so, now or before. */
function compiled(
  network: Network,
  options: PredictionOptions & { readonly batch: number },
): Promise<Prediction> {
  const plans = plansOf(network, options.backend);
  const key = `${options.batch} ${options.size?.join("×") ?? ""}`;
  const known = plans.get(key);
  const prediction = known ?? compilePrediction(network, options);
  plans.delete(key);
  plans.set(key, prediction);
  if (known) return known;
  const [oldest] = plans.keys();
  if (plans.size > MOST_KEPT) plans.delete(oldest);
  prediction.catch(() => plans.delete(key));
  return prediction;
}

export interface PredictOptions extends Omit<PredictionOptions, "folded"> {
  /** Samples [count, …input], row-major. */
  readonly inputs: ArrayLike<number>;
  /** As many as the inputs are, unless given. */
  readonly count?: number;
  /** Samples at a time; all of them, and at most 64, unless given. */
  readonly batch?: number;
  /** Ends it, with its reason. */
  readonly signal?: AbortSignal;
}
const known: readonly string[] = ["inputs", "count", "batch", "size", "backend", "signal"];
/**
 * The network's output for samples: [count, …], row-major. It is compiled at the first call and
 * kept for the next ones with the same network, backend, batch and size (four of them), so weights
 * must not be changed in place. Throws ShapeError for inputs of another size.
 */
export async function predict(network: Network, options: PredictOptions): Promise<Float32Array> {
  checkNames("predict", options, known, ["inputs", "backend"]);
  const { inputs, backend, size, signal } = options;
  const sample = sizeOf(sampleShape(network, size));
  const { count = inputs.length / sample } = options;
  if (!Number.isSafeInteger(count) || count < 1 || inputs.length !== count * sample)
    throw new ShapeError(
      `predict: ${inputs.length} input values; ${options.count === undefined ? "samples" : `${count} samples`} of ${formatShape(sampleShape(network, size))} have ${options.count === undefined ? "" : `${count}·`}${sample}`,
      { given: inputs.length, count },
    );
  const { batch = Math.min(count, LARGEST_BATCH) } = options;
  const prediction = await compiled(network, { backend, batch, ...(size ? { size } : {}) });
  const until = signal ? { signal } : {};
  if (count === batch) return prediction.execute(inputs, until);
  const each = sizeOf(prediction.outputShape) / batch;
  const y = new Float32Array(count * each);
  const given = inputs instanceof Float32Array ? inputs : Float32Array.from(inputs);
  for (let at = 0; at < count; at += batch) {
    const n = Math.min(batch, count - at);
    const part = given.subarray(at * sample, (at + n) * sample);
    // a batch that is not full is filled with zeros, whose outputs are left out
    const full = n === batch ? part : new Float32Array(batch * sample);
    if (n < batch) full.set(part);
    y.set((await prediction.execute(full, until)).subarray(0, n * each), at * each);
  }
  return y;
}
