// Samples to train on and to evaluate, and the one look at all of them before a run begins.
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import {
  DtypeError,
  float32Bytes,
  formatShape,
  ShapeError,
  sizeOf,
  type Shape,
} from "../../engine/index.ts";
import { wrongTarget, type TargetForm } from "./targets.ts";

/** What a run was started with, by name. */
export type Settings = Readonly<Record<string, string | number>>;

/** Samples by index. Nothing says they are in memory. */
export interface Dataset {
  readonly length: number;
  readonly inputShape: Shape;
  /**
   * For losses over classes: [classes], rows of shares that add up to 1; or [], the class's number.
   * For every pixel: [classes, H, W], or [H, W].
   */
  readonly targetShape: Shape;
  /** Writes sample i. `epoch`, from 0, is for what changes from one to the next (augmentation). */
  read(i: number, input: Float32Array, target: Float32Array, epoch?: number): void;
  /**
   * Where samples must be fetched or decoded first: is asked, and awaited, before they are read,
   * and a batch ahead where there is time.
   */
  prepare?(indices: readonly number[], epoch: number): Promise<void>;
  /**
   * Where samples are others in every epoch: what they are made from, and how. A run is resumed
   * only with the same of both.
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

/** A pause where one is due, for the thread's other work. */
export type Pause = () => Promise<void> | undefined;

export interface Examined {
  /** SHA-256 of all samples as they are read, without what changes them from epoch to epoch. */
  readonly sha256: string;
  readonly by: Settings;
}
/** Samples that are prepared at a time. */
const AT_ONCE = 64;
/**
 * Reads every sample once. Throws DtypeError for one with a value that is not finite, or a target
 * that is none of this form.
 */
export async function examine(
  name: string,
  data: Dataset,
  form: TargetForm,
  pause: Pause,
): Promise<Examined> {
  const { still, by } = unvaried(data);
  const input = new Float32Array(sizeOf(still.inputShape));
  const target = new Float32Array(sizeOf(still.targetShape));
  const hash = sha256.create();
  for (let i = 0; i < still.length; i++) {
    if (i % AT_ONCE === 0) await still.prepare?.(range(i, Math.min(i + AT_ONCE, still.length)), 0);
    const waited = pause();
    if (waited) await waited;
    still.read(i, input, target, 0);
    const fail = (what: string): never => {
      throw new DtypeError(
        `fit: sample ${i} of the ${name} data has ${what}; mend it or leave it out`,
        { name, i },
      );
    };
    for (const values of [input, target]) {
      const bad = values.find((v) => !Number.isFinite(v));
      if (bad !== undefined) fail(`the value ${bad}`);
      hash.update(float32Bytes(values));
    }
    const wrong = wrongTarget(target, form);
    if (wrong !== undefined) fail(wrong);
  }
  return { sha256: bytesToHex(hash.digest()), by };
}

/** Whole numbers from one up to before another. */
export const range = (from: number, to: number): number[] =>
  Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);

/**
 * Throws ShapeError where samples to evaluate have other shapes than those to train on, or are
 * none.
 */
export function checkAlike(data: Dataset, validation: Dataset): void {
  const of = ({ inputShape, targetShape }: Dataset): string =>
    `${formatShape(inputShape)} with targets ${formatShape(targetShape)}`;
  if (of(data) !== of(validation))
    throw new ShapeError(
      `fit: the validation samples are ${of(validation)}, the training samples ${of(data)}`,
      {},
    );
  if (!(validation.length >= 1))
    throw new ShapeError("fit: there are no validation samples; give at least one", {});
}

export interface Batch {
  readonly input: Float32Array;
  readonly target: Float32Array;
}
/** Fills a batch with samples `indices`. */
function readBatch(data: Dataset, indices: readonly number[], batch: Batch, epoch?: number): void {
  const inputSize = sizeOf(data.inputShape);
  const targetSize = sizeOf(data.targetShape);
  indices.forEach((index, i) => {
    const input = batch.input.subarray(i * inputSize, (i + 1) * inputSize);
    const target = batch.target.subarray(i * targetSize, (i + 1) * targetSize);
    data.read(index, input, target, epoch);
  });
}

/**
 * Reads batches one after the other: samples `indices`, while those of `next` are prepared behind
 * the caller's work.
 */
export function batchReader(
  data: Dataset,
): (
  batch: Batch,
  indices: readonly number[],
  epoch: number,
  next?: readonly number[],
) => Promise<void> {
  let ahead: Promise<void> | undefined;
  return async (batch, indices, epoch, next) => {
    if (data.prepare) {
      await ahead?.catch(() => {});
      // at once where it was prepared ahead; a failure is told by the batch that it concerns
      await data.prepare(indices, epoch);
    }
    readBatch(data, indices, batch, epoch);
    ahead = next && data.prepare?.(next, epoch);
    ahead?.catch(() => {});
  };
}
