// Labelled images, and arrays in memory, as sets to train on.
import type { LabelledImages } from "../../data/index.ts";
import {
  ConfigError,
  DtypeError,
  formatShape,
  quoted,
  ShapeError,
  sizeOf,
  type Shape,
} from "../../engine/index.ts";
import type { Dataset } from "./dataset.ts";

/**
 * Inputs 2·pixel − 1 in [−1, 1]; targets one-hot rows, or, with `numbered`, the classes' numbers.
 */
export function classification(
  images: LabelledImages,
  options: { numbered?: boolean } = {},
): Dataset {
  const { numbered = false } = options;
  const [C, H, W] = images.shape;
  const { prepare } = images;
  return {
    length: images.length,
    inputShape: [C, H, W],
    targetShape: numbered ? [] : [images.classes.length],
    ...(prepare && { prepare: (indices: readonly number[]) => prepare.call(images, indices) }),
    read(i, input, target) {
      images.pixels(i, input);
      for (let k = 0; k < input.length; k++) input[k] = 2 * input[k] - 1;
      if (numbered) target[0] = images.label(i);
      else target.fill(0)[images.label(i)] = 1;
    },
  };
}

/** The numbers in a file's name, without its folders: "scans/img_012.png" has 12. */
const numbersIn = (path: string): readonly number[] =>
  (path.split(/[/\\]/).at(-1)!.match(/\d+/g) ?? []).map(Number);
/** Whether all of `some` are among `others`, in order. */
function areAmong(some: readonly number[], others: readonly number[]): boolean {
  let found = 0;
  for (const n of others) if (n === some[found]) found++;
  return found === some.length;
}
/**
 * Throws ConfigError where the numbers in an image's name and in its mask's tell of different ones:
 * sorted by name, 10_mask.png comes before 1_mask.png and 1.png before 10.png.
 */
function checkPairs(images: LabelledImages, masks: LabelledImages): void {
  for (let i = 0; i < images.length; i++) {
    const [image, mask] = [images.name?.(i), masks.name?.(i)];
    if (image === undefined || mask === undefined) return;
    const [ofImage, ofMask] = [numbersIn(image), numbersIn(mask)];
    if (areAmong(ofImage, ofMask) || areAmong(ofMask, ofImage)) continue;
    throw new ConfigError(
      `segmentation: the mask of ${quoted(image)} would be ${quoted(mask)}, by their order; sort both alike`,
      { i, image, mask },
    );
  }
}

/**
 * Pictures and their masks, one to one: inputs 2·pixel − 1 in [−1, 1], targets [C,H,W] of the
 * masks' C channels, 1 where a mask is bright and 0 where it is dark. Throws ShapeError for masks
 * of another number or size, ConfigError for files whose names' numbers do not belong together.
 */
export function segmentation(images: LabelledImages, masks: LabelledImages): Dataset {
  const [{ shape: inputShape, prepare }, { shape: targetShape, prepare: prepareMasks }] = [
    images,
    masks,
  ];
  if (images.length !== masks.length || inputShape.slice(1).join() !== targetShape.slice(1).join())
    throw new ShapeError(
      `segmentation: ${images.length} images ${formatShape(inputShape)} and ${masks.length} masks ${formatShape(targetShape)}; give each image a mask of its size`,
      { images: images.length, masks: masks.length },
    );
  checkPairs(images, masks);
  return {
    length: images.length,
    inputShape,
    targetShape,
    ...((prepare || prepareMasks) && {
      async prepare(indices: readonly number[]) {
        await Promise.all([prepare?.call(images, indices), prepareMasks?.call(masks, indices)]);
      },
    }),
    read(i, input, target) {
      images.pixels(i, input);
      masks.pixels(i, target);
      for (let k = 0; k < input.length; k++) input[k] = 2 * input[k] - 1;
      for (let k = 0; k < target.length; k++) target[k] = Number(target[k] >= 0.5);
    },
  };
}

/** Numbers in memory; those of classes may be bytes or whole numbers of any width. */
export type NumberArray =
  | readonly number[]
  | Float32Array
  | Float64Array
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array;

/**
 * Arrays in memory as samples: inputs [N, …inputShape] one after the other, targets [N,
 * …targetShape]; targetShape [] is one number for a sample, such as its class. Throws ShapeError
 * for arrays of other lengths, DtypeError for one of bigints or texts.
 */
export function samplesFrom(options: {
  inputs: NumberArray;
  inputShape: Shape;
  targets: NumberArray;
  targetShape?: Shape;
}): Dataset {
  const { inputs, inputShape, targets, targetShape = [] } = options;
  const [x, t] = [sizeOf(inputShape), sizeOf(targetShape)];
  for (const [name, values] of Object.entries({ inputs, targets }))
    if (values.length > 0 && typeof values[0] !== "number")
      throw new DtypeError(
        `samplesFrom: ${name} are ${typeof values[0]}s; give numbers (Int32Array.from(…, Number))`,
        { name },
      );
  const length = inputs.length / x;
  if (!Number.isInteger(length) || length === 0)
    throw new ShapeError(
      `samplesFrom: ${inputs.length} inputs are no whole number of samples ${formatShape(inputShape)}`,
      { length: inputs.length },
    );
  if (targets.length !== length * t)
    throw new ShapeError(
      `samplesFrom: ${length} inputs ${formatShape(inputShape)} and ${targets.length} numbers of targets ${formatShape(targetShape)}; they belong together one to one`,
      { inputs: length, targets: targets.length },
    );
  return {
    length,
    inputShape,
    targetShape,
    read(i, input, target) {
      for (let k = 0; k < x; k++) input[k] = inputs[i * x + k];
      for (let k = 0; k < t; k++) target[k] = targets[i * t + k];
    },
  };
}

/**
 * Some samples of a set by their indices, in this order. Throws ConfigError for an index that there
 * is not.
 */
export function subsetOf(data: Dataset, indices: readonly number[]): Dataset {
  const bad = indices.find((i) => !(Number.isInteger(i) && i >= 0 && i < data.length));
  if (bad !== undefined)
    throw new ConfigError(`subsetOf: there is no sample ${bad} among ${data.length}`, {
      index: bad,
    });
  const { prepare, varied } = data;
  async function prepared(own: readonly number[], epoch: number): Promise<void> {
    const theirs = own.map((i) => indices[i]);
    await prepare?.call(data, theirs, epoch);
  }
  return {
    ...data,
    length: indices.length,
    ...(varied && { varied: { ...varied, from: subsetOf(varied.from, indices) } }),
    ...(prepare && { prepare: prepared }),
    read: (i, input, target, epoch) => data.read(indices[i], input, target, epoch),
  };
}
