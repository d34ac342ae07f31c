// Lossless JPEG (ITU-T T.81, process 14) of one component, as DICOM packs grey images. Our own: the
// library for it, jpeg-lossless-decoder-js 2.1.2, loses the last pixel of some images.
import { FormatError, UnsupportedOpError } from "../../engine/index.ts";

interface Frame {
  readonly precision: number;
  readonly height: number;
  readonly width: number;
}
/** Every 16 bits that may come next: how long the code at their start is, and its category. */
interface Codes {
  readonly lengths: Uint8Array;
  readonly categories: Uint8Array;
}
interface Scan {
  readonly frame: Frame;
  readonly codes: Codes;
  readonly predictor: number;
  readonly shift: number;
  /** Samples between restarts; Infinity without them. */
  readonly restart: number;
}
type Fail = (what: string) => never;

/** Source: T.81 annex C. */
function codesOf(table: Uint8Array, fail: Fail): Codes {
  const [lengths, categories] = [new Uint8Array(65536), new Uint8Array(65536)];
  let [code, at] = [0, 16];
  for (let length = 1; length <= 16; length++, code *= 2)
    for (let n = table[length - 1]; n > 0; n--, code++, at++) {
      const [from, span] = [code * 2 ** (16 - length), 2 ** (16 - length)];
      if (from + span > 65536 || at >= table.length || table[at] > 16)
        fail("its code table cannot be");
      lengths.fill(length, from, from + span);
      categories.fill(table[at], from, from + span);
    }
  return { lengths, categories };
}

/** A table for each of up to four destinations in a segment. */
function readTables(segment: Uint8Array, tables: Map<number, Codes>, fail: Fail): void {
  for (let at = 0; at + 17 <= segment.length; ) {
    const count = segment.subarray(at + 1, at + 17).reduce((n, v) => n + v, 0);
    tables.set(segment[at] & 15, codesOf(segment.subarray(at + 1, at + 17 + count), fail));
    at += 17 + count;
  }
}

/** The bytes between two restarts, without the zeros that are stuffed behind 0xff. */
function intervalsOf(bytes: Uint8Array): Uint8Array[] {
  const intervals: Uint8Array[] = [];
  let out = new Uint8Array(bytes.length);
  let length = 0;
  for (let at = 0; at < bytes.length; at++) {
    const next = bytes[at + 1];
    if (bytes[at] !== 0xff || next === 0) {
      out[length++] = bytes[at];
      if (bytes[at] === 0xff) at++;
    } else if (next >= 0xd0 && next <= 0xd7) {
      intervals.push(out.subarray(0, length));
      out = new Uint8Array(bytes.length - at);
      length = 0;
      at++;
    } else if (next !== 0xff) break;
  }
  return [...intervals, out.subarray(0, length)];
}

/** Bits from the highest down; zeros behind the end, up to a few. */
function bitReader(bytes: Uint8Array, fail: Fail): { peek16(): number; skip(count: number): void } {
  let at = 0;
  const limit = 8 * bytes.length;
  return {
    peek16() {
      const byte = at >>> 3;
      const word =
        ((bytes[byte] ?? 0) << 16) | ((bytes[byte + 1] ?? 0) << 8) | (bytes[byte + 2] ?? 0);
      return (word >>> (8 - (at & 7))) & 0xffff;
    },
    skip(count) {
      at += count;
      if (at > limit) fail("its pixels are cut short");
    },
  };
}

/** What is added to the prediction. Source: T.81 H.1.2.2. */
function differences(bytes: Uint8Array, { lengths, categories }: Codes, fail: Fail): () => number {
  const bits = bitReader(bytes, fail);
  return () => {
    const next = bits.peek16();
    if (lengths[next] === 0) fail("a code in it is not in its table");
    bits.skip(lengths[next]);
    const category = categories[next];
    if (category === 0) return 0;
    if (category === 16) return 32768;
    const value = bits.peek16() >>> (16 - category);
    bits.skip(category);
    return value < 2 ** (category - 1) ? value - 2 ** category + 1 : value;
  };
}

/** From the samples to the left, above, and above to the left. Source: T.81 table H.1. */
const predictors: readonly ((a: number, b: number, c: number) => number)[] = [
  () => 0,
  (a) => a,
  (_a, b) => b,
  (_a, _b, c) => c,
  (a, b, c) => a + b - c,
  (a, b, c) => a + ((b - c) >> 1),
  (a, b, c) => b + ((a - c) >> 1),
  (a, b) => (a + b) >> 1,
];

function samplesOf(
  bytes: Uint8Array,
  { frame, codes, predictor, shift, restart }: Scan,
  fail: Fail,
): Uint16Array {
  const { width, height, precision } = frame;
  const predict = predictors[predictor];
  const first = 2 ** (precision - shift - 1);
  const out = new Uint16Array(width * height);
  const intervals = intervalsOf(bytes);
  for (let from = 0, k = 0; from < out.length; from += restart, k++) {
    const next = differences(intervals[k] ?? fail("its pixels are cut short"), codes, fail);
    const end = Math.min(out.length, from + restart);
    for (let p = from; p < end; p++) {
      const left = p % width > 0;
      // the first line behind a restart knows nothing above it
      const above = p - from >= width;
      let guess = first;
      if (above && left) guess = predict(out[p - 1], out[p - width], out[p - width - 1]);
      else if (left) guess = out[p - 1];
      else if (above) guess = out[p - width];
      out[p] = guess + next();
    }
  }
  return shift === 0 ? out : out.map((v) => v << shift);
}

/**
 * Samples of [height, width], unsigned. Throws FormatError for what is damaged or of another size,
 * UnsupportedOpError for several components.
 */
export function decodeLosslessJpeg(
  bytes: Uint8Array,
  height: number,
  width: number,
  name: string,
): Uint16Array {
  const fail: Fail = (what) => {
    throw new FormatError(
      `${name}: this lossless JPEG cannot be read (${what}); it is cut short or damaged`,
      { name },
    );
  };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const tables = new Map<number, Codes>();
  let frame: Frame | undefined;
  let restart = Number.POSITIVE_INFINITY;
  for (let at = 2; at + 4 <= bytes.length; ) {
    const marker = bytes[at + 1];
    const length = view.getUint16(at + 2);
    const segment = bytes.subarray(at + 4, at + 2 + length);
    if (bytes[at] !== 0xff || length < 2 || at + 2 + length > bytes.length)
      fail("a segment of its head");
    if (marker === 0xc4) readTables(segment, tables, fail);
    if (marker === 0xdd) restart = view.getUint16(at + 4) || Number.POSITIVE_INFINITY;
    if (marker === 0xc3) {
      frame = {
        precision: segment[0],
        height: view.getUint16(at + 5),
        width: view.getUint16(at + 7),
      };
      if (segment[5] !== 1)
        throw new UnsupportedOpError(`${name}: colour is not read; only grey images are`, { name });
      const sized = frame.height === height && frame.width === width;
      if (!sized || !(frame.precision >= 2 && frame.precision <= 16))
        fail(
          `${frame.height}×${frame.width} of ${frame.precision} bits instead of ${height}×${width}`,
        );
    }
    if (marker === 0xda) {
      const codes = tables.get(segment[2] >> 4);
      const [predictor, shift] = [segment[3], segment[5] & 15];
      if (!frame || !codes || !(predictor >= 1 && predictor <= 7) || shift >= frame.precision)
        return fail("its scan has no frame, no table or no predictor");
      return samplesOf(
        bytes.subarray(at + 2 + length),
        { frame, codes, predictor, shift, restart },
        fail,
      );
    }
    at += 2 + length;
  }
  return fail("it has no pixels");
}
