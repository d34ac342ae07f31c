// Samples to train on and to evaluate, and the one look at all of them before a run begins.
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { DtypeError, float32Bytes, formatShape, ShapeError, sizeOf, type Shape } from "../../engine/index.ts";

/** What a run was started with, by name. */
export type Settings = Readonly<Record<string, string | number>>;

/** Samples by index. Nothing says they are in memory. */
export interface Dataset {
  readonly length: number;
  readonly inputShape: Shape;
  /**
   * For losses over classes: [classes], rows of shares that add up to 1; or [], the class's number.
   */
  readonly targetShape: Shape;
  /** Writes sample i. `epoch`, from 0, is for what changes from one to the next (augmentation). */
  read(i: number, input: Float32Array, target: Float32Array, epoch?: number): void;
  /**
   * Where samples are others in every epoch: what they are made from, and how. A run is resumed
   * only
   * with the same of both.
   */
  readonly varied?: { readonly from: Dataset; readonly by: Settings };
}

/** How the samples change from epoch to epoch, and what stays the same underneath. */
function unvaried(data: Dataset): { still: Dataset; by: Settings } {
  let still = data;
  let by: Settings = {};
  while (still.varied) {
    by = { ...still.varied.by, ...by };
    still = still.varied.from;
  }
  return { still, by };
}

/** Why a target is none over so many classes, or undefined where it is one. */
export function wrongTarget(target: ArrayLike<number>, classes: number): string | undefined {
  const values = Array.from(target);
  if (values.length === 1 && classes !== 1) {
    const [label] = values;
    if (Number.isInteger(label) && label >= 0 && label < classes) return undefined;
    return `the class ${label}, and there are classes 0 to ${classes - 1}`;
  }
  const total = values.reduce((a, b) => a + b, 0);
  if (values.every((v) => v >= 0) && Math.abs(total - 1) < 1e-4) return undefined;
  const shown = values
    .slice(0, 10)
    .map((v) => Number(v.toPrecision(4)))
    .join(", ");
  return `the target [${shown}${values.length > 10 ? ", …" : ""}], which is no distribution over ${classes} classes`;
}

export interface Examined {
  /** SHA-256 of all samples as they are read, without what changes them from epoch to epoch. */
  readonly sha256: string;
  readonly by: Settings;
}
/**
 * Reads every sample once. Throws DtypeError for one with a value that is not finite or, where
 * `classes` is given, a target over other classes.
 */
export function examine(name: string, data: Dataset, classes?: number): Examined {
  const { still, by } = unvaried(data);
  const input = new Float32Array(sizeOf(still.inputShape));
  const target = new Float32Array(sizeOf(still.targetShape));
  const hash = sha256.create();
  for (let i = 0; i < still.length; i++) {
    still.read(i, input, target, 0);
    const fail = (what: string): never => {
      throw new DtypeError(`fit: sample ${i} of the ${name} data has ${what}; mend it or leave it out`, { name, i });
    };
    for (const values of [input, target]) {
      const bad = values.find((v) => !Number.isFinite(v));
      if (bad !== undefined) fail(`the value ${bad}`);
      hash.update(float32Bytes(values));
    }
    const wrong = classes === undefined ? undefined : wrongTarget(target, classes);
    if (wrong !== undefined) fail(wrong);
  }
  return { sha256: bytesToHex(hash.digest()), by };
}

/**
 * Throws ShapeError where samples to evaluate have other shapes than those to train on, or are
 * none.
 */
export function checkAlike(data: Dataset, validation: Dataset): void {
  const of = ({ inputShape, targetShape }: Dataset): string =>
    `${formatShape(inputShape)} with targets ${formatShape(targetShape)}`;
  if (of(data) !== of(validation))
    throw new ShapeError(`fit: the validation samples are ${of(validation)}, the training samples ${of(data)}`, {});
  if (!(validation.length >= 1)) throw new ShapeError("fit: there are no validation samples; give at least one", {});
}

/** Fills a batch with samples `indices`. */
export function readBatch(
  data: Dataset,
  indices: readonly number[],
  batch: { input: Float32Array; target: Float32Array },
  epoch?: number,
): void {
  const inputSize = sizeOf(data.inputShape);
  const targetSize = sizeOf(data.targetShape);
  indices.forEach((index, i) => {
    const input = batch.input.subarray(i * inputSize, (i + 1) * inputSize);
    const target = batch.target.subarray(i * targetSize, (i + 1) * targetSize);
    data.read(index, input, target, epoch);
  });
}
