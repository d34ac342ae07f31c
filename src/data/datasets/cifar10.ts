// CIFAR-10's binary batches: a label byte and 32×32 red, green and blue bytes per image. Source:
// cs.toronto.edu/~kriz/cifar.html.
import { FormatError } from "../../engine/index.ts";
import { fromBytes, type LabelledImages } from "./labelled.ts";

const classes = [
  "airplane",
  "automobile",
  "bird",
  "cat",
  "deer",
  "dog",
  "frog",
  "horse",
  "ship",
  "truck",
];
const RECORD = 1 + 3 * 32 * 32;

/**
 * A set from one or more batches. Throws FormatError for a file whose length is not a number of
 * whole records.
 */
export function readCifar10(batches: readonly Uint8Array[], name: string): LabelledImages {
  const images = new Uint8Array(
    batches.reduce((n, b) => n + Math.floor(b.length / RECORD), 0) * (RECORD - 1),
  );
  const labels = new Uint8Array(images.length / (RECORD - 1));
  let at = 0;
  for (const [k, batch] of batches.entries()) {
    if (batch.length % RECORD !== 0)
      throw new FormatError(
        `${name}, batch ${k + 1}: ${batch.length} bytes are no whole number of records of ${RECORD}: it is cut short or not CIFAR-10`,
        { length: batch.length },
      );
    for (let i = 0; i < batch.length; i += RECORD, at++) {
      labels[at] = batch[i];
      images.set(batch.subarray(i + 1, i + RECORD), at * (RECORD - 1));
    }
  }
  return fromBytes(name, { images, labels, shape: [3, 32, 32], classes });
}
