// MNIST's IDX files, gzipped or not. Source: yann.lecun.com/exdb/mnist.
import { gunzipSync } from "fflate";
import { FormatError } from "../../engine/index.ts";
import { fromBytes, type LabelledImages } from "./labelled.ts";

/** Bytes of an IDX file of unsigned bytes, and its sizes. Throws FormatError. */
function readIdx(file: Uint8Array, name: string): { shape: number[]; data: Uint8Array } {
  const fail = (what: string): never => {
    throw new FormatError(`${name}: ${what}`, { name });
  };
  let bytes = file;
  if (file[0] === 0x1f && file[1] === 0x8b) {
    try {
      bytes = gunzipSync(file);
    } catch (error) {
      fail(`it cannot be unpacked (${(error as Error).message}): it is cut short or damaged`);
    }
  }
  if (bytes.length < 8 || bytes[0] !== 0 || bytes[1] !== 0) fail("it is not an IDX file");
  if (bytes[2] !== 8) fail(`its type is 0x${bytes[2].toString(16)}; only unsigned bytes (0x8) are read`);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const rank = bytes[3];
  if (bytes.length < 4 + 4 * rank) fail("its header is cut short");
  const shape = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i));
  const size = shape.reduce((a, b) => a * b, 1);
  const data = bytes.subarray(4 + 4 * rank);
  if (data.length !== size)
    fail(`its header says ${shape.join("×")} = ${size} values and it has ${data.length}: it is cut short or damaged`);
  return { shape, data };
}

/**
 * A set from one file of images [n,H,W] and one of labels [n]. Throws FormatError for files that
 * are damaged or do not belong together.
 */
export function readIdxSet(
  images: Uint8Array,
  labels: Uint8Array,
  options: { name: string; classes?: readonly string[] },
): LabelledImages {
  const { name, classes } = options;
  const [a, b] = [readIdx(images, `${name}, images`), readIdx(labels, `${name}, labels`)];
  if (a.shape.length !== 3)
    throw new FormatError(`${name}: its images are ${a.shape.join("×")}; they should be count×height×width`, {
      shape: a.shape,
    });
  if (b.shape.length !== 1)
    throw new FormatError(`${name}: its labels are ${b.shape.join("×")}; they should be one row`, { shape: b.shape });
  return fromBytes(name, {
    images: a.data,
    labels: b.data,
    shape: [1, a.shape[1], a.shape[2]],
    ...(classes ? { classes } : {}),
  });
}
