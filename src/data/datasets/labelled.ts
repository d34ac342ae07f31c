// Labelled images: what a classifier is trained on, whatever they come from. Pixels become floats
// one image at a time.
import { FormatError } from "../../engine/index.ts";

export interface LabelledImages {
  readonly length: number;
  /** [channels, height, width] */
  readonly shape: readonly [number, number, number];
  readonly classes: readonly string[];
  label(i: number): number;
  /** Of image i's file, where it has one. */
  name?(i: number): string;
  /** Writes image i, values in [0, 1], channels first. */
  pixels(i: number, out: Float32Array): void;
  /**
   * Where images must be fetched or decoded first: is awaited before their pixels are asked for.
   */
  prepare?(indices: readonly number[]): Promise<void>;
}

/**
 * Images as bytes, channels first, one after another. Throws FormatError for counts that differ and
 * for a label out of range.
 */
export function fromBytes(
  name: string,
  options: {
    images: Uint8Array;
    labels: Uint8Array;
    shape: readonly [number, number, number];
    classes?: readonly string[];
  },
): LabelledImages {
  const { images, labels, shape } = options;
  const size = shape[0] * shape[1] * shape[2];
  const count = Math.floor(images.length / size);
  if (count !== labels.length)
    throw new FormatError(
      `${name}: ${count} images and ${labels.length} labels; they belong together one to one`,
      { images: count, labels: labels.length },
    );
  if (count === 0) throw new FormatError(`${name}: there are no images in it`, {});
  const classes =
    options.classes ??
    Array.from({ length: labels.reduce((a, b) => Math.max(a, b)) + 1 }, (_, i) => String(i));
  const bad = labels.findIndex((label) => label >= classes.length);
  if (bad >= 0)
    throw new FormatError(
      `${name}: image ${bad} has label ${labels[bad]}, the classes are 0 to ${classes.length - 1}`,
      { index: bad, label: labels[bad] },
    );
  return {
    length: count,
    shape,
    classes,
    label: (i) => labels[i],
    pixels(i, out) {
      for (let k = 0; k < size; k++) out[k] = images[i * size + k] / 255;
    },
  };
}
