// Section 10: training, step by step, while the page looks on; and what the network says of a
// drawing.
import { drawnShapes, straightEdges, strokeDigits, type LabelledImages } from "fiducial/data";
import { present } from "fiducial/engine";
import {
  adam,
  classification,
  constant,
  crossEntropy,
  fit,
  nn,
  saliency,
  trace,
  type Dataset,
  type Epoch,
  type Network,
} from "fiducial/learning";
import { gradientsOn, quickly, type GradientBackend } from "../engine.ts";
import type { Context } from "../protocol.ts";
import { giveWay, inMemory } from "../samples.ts";

export const dataNames = ["digits", "shapes", "edges"] as const;
export type DataName = (typeof dataNames)[number];
export interface TrainAsked {
  readonly data: DataName;
  readonly samples: number;
  readonly rate: number;
  readonly batch: number;
  readonly epochs: number;
  /** Of the first convolution; the second has twice as many. */
  readonly kernels: number;
  readonly convolutions: 1 | 2;
  readonly seed: number;
  /** What gradients are taken on. */
  readonly backend: GradientBackend;
}
/** What is known since the last note. */
export interface TrainProgress {
  /** Samples that are drawn already, while they are. */
  readonly drawn?: number | undefined;
  readonly step?: number;
  readonly losses?: readonly number[];
  readonly imagesPerSecond?: number;
  /** [K, 1, k, k] */
  readonly kernels?: Float32Array | undefined;
  readonly epoch?: Epoch;
  readonly paused?: boolean;
}

const SIDE = 28;
const HELD_OUT = 300;
/** Milliseconds between notes: the page draws no faster. */
const NOTE_EVERY = 100;
const makers: Readonly<
  Record<DataName, (o: { count: number; seed: number; size: number }) => LabelledImages>
> = {
  digits: strokeDigits,
  shapes: drawnShapes,
  edges: straightEdges,
};

function freshNetwork({ data, kernels, convolutions, seed }: TrainAsked): Network {
  const { classes } = makers[data]({ count: 1, seed: 1, size: SIDE });
  const second = [
    nn.conv2d({ outChannels: 2 * kernels, kernelSize: 3 }),
    nn.relu(),
    nn.maxPool2d({ kernelSize: 2 }),
  ];
  const layers = [
    nn.conv2d({ outChannels: kernels, kernelSize: 5 }),
    nn.relu(),
    nn.maxPool2d({ kernelSize: convolutions === 2 ? 2 : 4 }),
    ...(convolutions === 2 ? second : []),
    nn.flatten(),
    nn.linear({ outFeatures: classes.length }),
  ];
  const network = nn.sequential({ input: [1, SIDE, SIDE], seed, layers });
  return { ...network, trained: { classes } };
}
const kernelsOf = ({ parameters }: Network): Float32Array =>
  parameters.get("0.conv2d.weight")!.data.slice();

/** The network of the newest step, which drawings are shown to. */
let latest: { network: Network; step: number } | undefined;

export interface Prepared {
  readonly kernels: Float32Array;
  readonly parameters: number;
  readonly classes: readonly string[];
}
/** The network as it is before training. */
export async function prepareTraining(asked: TrainAsked): Promise<Prepared> {
  const network = freshNetwork(asked);
  latest = { network, step: 0 };
  const parameters = [...network.parameters.values()].reduce((n, p) => n + p.data.length, 0);
  return { kernels: kernelsOf(network), parameters, classes: network.trained!.classes! };
}

/** How far the run at hand may go: to the end, to a step, or no further. */
let limit = Number.POSITIVE_INFINITY;
let wake = (): void => {};
/** Lets the run go on to `until`; 0 is a pause at once. */
export async function steerTraining({ until }: { until: number | null }): Promise<void> {
  limit = until ?? Number.POSITIVE_INFINITY;
  wake();
}
async function whilePaused(step: number, signal: AbortSignal): Promise<void> {
  while (step >= limit) {
    await new Promise<void>((resolve) => {
      wake = resolve;
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
    signal.throwIfAborted();
  }
}

/** The samples of the last run, for the next one with as many of the same. */
let kept: { key: string; training: Dataset; heldOut: Dataset } | undefined;
async function samplesOf(
  asked: TrainAsked,
  { progress, signal }: Context,
): Promise<NonNullable<typeof kept>> {
  const key = `${asked.data} ${asked.samples}`;
  if (kept?.key === key) return kept;
  const draw = (count: number, seed: number): Promise<Dataset> => {
    const images = makers[asked.data]({ count, seed, size: SIDE });
    const note = (drawn: number): void => progress({ drawn } satisfies TrainProgress);
    return inMemory(classification(images), note, signal);
  };
  kept = { key, training: await draw(asked.samples, 1), heldOut: await draw(HELD_OUT, 1001) };
  return kept;
}

/** Gathers what happens and tells the page of it now and then. */
function reporter(progress: Context["progress"]) {
  let losses: number[] = [];
  let [told, images, kernels] = [performance.now(), 0, undefined as Float32Array | undefined];
  return {
    keep: (network: Network): void => {
      kernels = kernelsOf(network);
    },
    tell: (step: number, facts: TrainProgress = {}): void => {
      const now = performance.now();
      const imagesPerSecond = (1000 * images) / Math.max(1, now - told);
      progress({ step, losses, kernels, imagesPerSecond, ...facts } satisfies TrainProgress);
      [losses, told, images, kernels] = [[], now, 0, undefined];
    },
    add: (loss: number, batch: number): void => {
      losses.push(loss);
      images += batch;
    },
    /** Whether it is time to tell. */
    due: (): boolean => performance.now() - told >= NOTE_EVERY,
  };
}

/**
 * Trains to the end, as far as `limit` lets it; rejects with the engine's own words where the rate
 * is too high.
 */
export async function trainNetwork(
  asked: TrainAsked & { until: number | null },
  context: Context,
): Promise<number> {
  const { rate, epochs, seed } = asked;
  const { signal } = context;
  limit = asked.until ?? Number.POSITIVE_INFINITY;
  const backend = await gradientsOn(asked.backend);
  const { training, heldOut } = await samplesOf(asked, context);
  const report = reporter(context.progress);
  const fresh = freshNetwork(asked);
  const batchSize = Math.min(asked.batch, training.length);
  const keep = (network: Network, step: number): void => {
    latest = { network: { ...network, ...present({ trained: fresh.trained }) }, step };
    report.keep(network);
  };
  let last = 0;
  const trained = await fit(fresh, {
    ...{
      data: training,
      validation: heldOut,
      loss: crossEntropy(),
      optimizer: adam({ learningRate: rate }),
    },
    ...{ epochs, batchSize, seed, backend, signal, schedule: constant(), checkpointEvery: 1 },
    on: {
      step({ step, loss }) {
        last = step;
        report.add(loss, batchSize);
      },
      // after the step's update, so that a pause shows and keeps the network as it is then
      async checkpoint({ network, step }) {
        keep(network, step);
        // a pause is heard after every step
        await giveWay();
        if (step >= limit || report.due()) report.tell(step, { paused: step >= limit });
        await whilePaused(step, signal);
      },
      async epoch(epoch) {
        report.tell(last, { epoch });
      },
    },
  });
  keep(trained, last);
  report.tell(last);
  return last;
}

export interface Classified {
  readonly classes: readonly string[];
  readonly probabilities: Float64Array;
  /** |∂ score of the likeliest class / ∂ pixel| */
  readonly saliency: Float64Array;
  readonly likeliest: number;
  /** Steps that the network was trained for. */
  readonly step: number;
}
/** What the newest network says of 28×28 pixels in [0, 1]. */
export async function classifyDrawing(asked: {
  pixels: readonly number[];
  fresh: TrainAsked;
}): Promise<Classified> {
  latest ??= { network: freshNetwork(asked.fresh), step: 0 };
  const { network, step } = latest;
  const backend = await quickly();
  const input = Float32Array.from(asked.pixels, (v) => 2 * v - 1);
  const { layers } = network.architecture;
  const whole = {
    ...network,
    architecture: { ...network.architecture, layers: [...layers, nn.softmax()] },
  };
  const values = await trace(whole, { inputs: input, backend });
  const probabilities = values.get(`${layers.length}.softmax`)!.data;
  const likeliest = probabilities.reduce((best, p, i) => (p > probabilities[best] ? i : best), 0);
  const { data } = await saliency(network, { input, output: likeliest, backend });
  return { classes: network.trained!.classes!, probabilities, saliency: data, likeliest, step };
}

/** One of the samples that no network is trained on, 28×28 pixels in [0, 1]. */
export async function exampleOf({
  data,
  index,
}: {
  data: DataName;
  index: number;
}): Promise<number[]> {
  const pixels = new Float32Array(SIDE * SIDE);
  makers[data]({ count: HELD_OUT, seed: 1001, size: SIDE }).pixels(index, pixels);
  return Array.from(pixels);
}
