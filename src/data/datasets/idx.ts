// MNIST's IDX files, gzipped or not. Source: yann.lecun.com/exdb/mnist.
import { FormatError } from "../../engine/index.ts";
import { checkRatio, gunzip, gunzipStart, isGzip } from "../formats/compressed.ts";
import { checkSize } from "../volume.ts";
import { fromBytes, type LabelledImages } from "./labelled.ts";

/** The longest header: 4 bytes, and 4 for each of 255 sizes. */
const HEADER_BYTES = 1024;

/** Bytes of an IDX file of unsigned bytes, and its sizes. Throws FormatError. */
function readIdx(file: Uint8Array, name: string): { shape: number[]; data: Uint8Array } {
  const fail = (what: string): never => {
    throw new FormatError(`${name}: ${what}`, { name });
  };
  const packed = isGzip(file);
  const head = packed ? gunzipStart(file, HEADER_BYTES, name) : file;
  if (head.length < 8 || head[0] !== 0 || head[1] !== 0) fail("it is not an IDX file");
  if (head[2] !== 8)
    fail(`its type is 0x${head[2].toString(16)}; only unsigned bytes (0x8) are read`);
  const view = new DataView(head.buffer, head.byteOffset);
  const rank = head[3];
  const start = 4 + 4 * rank;
  if (head.length < start) fail("its header is cut short");
  const shape = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i));
  const size = shape.reduce((a, b) => a * b, 1);
  checkSize(name, size, 0, 0);
  if (packed) checkRatio(name, start + size, file.length);
  const bytes = packed ? gunzip(file, { name, limit: start + size }) : file;
  const data = bytes.subarray(start);
  if (data.length !== size)
    fail(
      `its header says ${shape.join("×")} = ${size} values and it has ${data.length}: it is cut short or damaged`,
    );
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
    throw new FormatError(
      `${name}: its images are ${a.shape.join("×")}; they should be count×height×width`,
      { shape: a.shape },
    );
  if (b.shape.length !== 1)
    throw new FormatError(`${name}: its labels are ${b.shape.join("×")}; they should be one row`, {
      shape: b.shape,
    });
  return fromBytes(name, {
    images: a.data,
    labels: b.data,
    shape: [1, a.shape[1], a.shape[2]],
    ...(classes ? { classes } : {}),
  });
}
