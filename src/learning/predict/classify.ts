// The likeliest classes of pictures, by name.
import { ConfigError, exp, formatShape, sizeOf, type Backend } from "../../engine/index.ts";
import type { Network } from "../nn/network.ts";
import { checkNames } from "../nn/option-types.ts";
import { pauses } from "../train/pause.ts";
import { predict } from "./compile.ts";
import { preprocessed } from "./preprocessing.ts";
import { pixelsOf, type ImageSource } from "./sources.ts";

export interface ClassScore {
  readonly name: string;
  /** Its place among the network's outputs. */
  readonly index: number;
  readonly probability: number;
}

/** A batch that takes pictures one by one. */
function batchFor(network: Network, images: readonly ImageSource[]) {
  const size = sizeOf(network.architecture.input);
  const inputs = new Float32Array(images.length * size);
  const take = (i: number): void => {
    const name = images.length === 1 ? "picture" : `picture ${i}`;
    inputs.set(preprocessed(network, pixelsOf(images[i]), name), i * size);
  };
  return { inputs, take };
}
/** Pictures as a batch of the network's inputs [count, C, H, W], by its preprocessing. */
export function prepareImages(network: Network, images: readonly ImageSource[]): Float32Array {
  const { inputs, take } = batchFor(network, images);
  for (const i of images.keys()) take(i);
  return inputs;
}

/**
 * The `top` likeliest of a row of outputs, by softmax unless the network ends in one. Classes
 * without a name are called by their number. Throws ConfigError where the names are not as many.
 */
export function topClasses(network: Network, y: ArrayLike<number>, top: number): ClassScore[] {
  const { classes } = network.trained ?? {};
  if (classes && classes.length !== y.length)
    throw new ConfigError(
      `classify: the network makes ${formatShape([y.length])} of a picture and names ${classes.length} classes; it is no classifier of them`,
      { outputs: y.length, classes: classes.length },
    );
  const isShare = network.architecture.layers.at(-1)?.kind === "softmax";
  const values = Array.from(y);
  const largest = Math.max(...values);
  const weights = isShare ? values : values.map((v) => exp(v - largest));
  const total = weights.reduce((a, b) => a + b, 0);
  return values
    .map((_, index) => ({
      name: classes?.[index] ?? String(index),
      index,
      probability: weights[index] / total,
    }))
    .sort((p, q) => q.probability - p.probability || p.index - q.index)
    .slice(0, top);
}

/**
 * The likeliest classes of each picture, the likeliest first. Throws ConfigError for a network that
 * gives no row of classes, and what preprocessing throws.
 */
export async function classify(
  network: Network,
  options: {
    readonly images: readonly ImageSource[];
    /** Classes for each picture; 3 unless given. */
    readonly top?: number;
    readonly backend: Backend;
  },
): Promise<ClassScore[][]> {
  checkNames("classify", options, ["images", "top", "backend"], ["images", "backend"]);
  const { images, top = 3, backend } = options;
  if (images.length === 0) return [];
  if (!Number.isSafeInteger(top) || top < 1)
    throw new ConfigError(`classify: top ${top} must be a whole number from 1 up`, { top });
  const { inputs, take } = batchFor(network, images);
  const pause = pauses();
  for (const i of images.keys()) {
    await pause.due();
    take(i);
  }
  const y = await predict(network, { inputs, count: images.length, backend });
  const classes = y.length / images.length;
  return images.map((_, i) => topClasses(network, y.subarray(i * classes, (i + 1) * classes), top));
}
