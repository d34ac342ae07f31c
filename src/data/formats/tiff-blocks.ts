// The strips and tiles of a TIFF, unpacked: samples by row, column and number.
import { inflateStart, unzlibStart } from "./compressed.ts";
import type { Fail, TiffHeader } from "./tiff.ts";

const [PLAIN, LZW, DEFLATE, OLD_DEFLATE, PACKBITS] = [1, 5, 8, 32946, 32773];
/** How many bytes one byte of a compression can hold. LZW: 4096 of a code of 9 bits at least. */
export const MOST_PACKED: Readonly<Record<number, number>> = {
  [PLAIN]: 1,
  [LZW]: 4096,
  [DEFLATE]: 1032,
  [OLD_DEFLATE]: 1032,
  [PACKBITS]: 64,
};

/** A block's bytes, as many as it should have or fewer. */
function unpacked(
  packed: Uint8Array,
  size: number,
  { compression }: TiffHeader,
  name: string,
): Uint8Array {
  if (compression === PLAIN) return packed.subarray(0, size);
  if (compression === PACKBITS) return unpackedBits(packed, size);
  if (compression === LZW) return unpackedLzw(packed, size);
  const isZlib = (packed[0] & 0x0f) === 8 && (256 * packed[0] + packed[1]) % 31 === 0;
  return isZlib ? unzlibStart(packed, size, name) : inflateStart(packed, size, name);
}
/** Runs and pieces, each behind its length. */
function unpackedBits(packed: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(size);
  let [at, to] = [0, 0];
  while (at < packed.length && to < size) {
    const n = packed[at++];
    if (n === 128) continue;
    const count = n < 128 ? n + 1 : 257 - n;
    if (n > 128) out.fill(packed[at++] ?? 0, to, to + count);
    else {
      out.set(packed.subarray(at, at + Math.min(count, size - to)), to);
      at += count;
    }
    to += count;
  }
  return out.subarray(0, Math.min(to, size));
}
const [CLEAR, END, FIRST, MOST_CODES] = [256, 257, 258, 4096];
/** Codes of 9 to 12 bits, the first bit the highest; widened one early, as TIFF does. */
function unpackedLzw(packed: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(size);
  // each entry is a piece of what has been written: its place and length
  const [places, lengths] = [new Int32Array(MOST_CODES), new Int32Array(MOST_CODES)];
  let [to, next, width, bit] = [0, FIRST, 9, 0];
  let last: { at: number; length: number } | undefined;
  while (bit + width <= 8 * packed.length && to < size) {
    let code = 0;
    for (let k = 0; k < width; k++, bit++)
      code = (code << 1) | ((packed[bit >> 3] >> (7 - (bit & 7))) & 1);
    if (code === END) break;
    if (code === CLEAR) {
      [next, width, last] = [FIRST, 9, undefined];
      continue;
    }
    const from = to;
    if (code < CLEAR) out[to++] = code;
    else if (code < next || (code === next && last)) {
      // the newest entry is the last piece and its own first byte
      const own = code < next;
      const [at, length] = own ? [places[code], lengths[code]] : [last!.at, last!.length + 1];
      for (let k = 0; k < length && to < size; k++) out[to++] = out[at + k];
    } else break;
    if (last && next < MOST_CODES)
      [places[next], lengths[next], next] = [last.at, last.length + 1, next + 1];
    if (next >= 2 ** width - 1 && width < 12) width++;
    last = { at: from, length: to - from };
  }
  return out.subarray(0, to);
}

/** Every difference added to the sample of the same kind before it, row by row. */
function undoPredictor(
  block: Uint8Array,
  rows: number,
  step: number,
  { bits, little, block: of }: TiffHeader,
): void {
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
  const pitch = (of.width * step * bits) / 8;
  for (let row = 0; row < rows; row++)
    for (let k = step; k < of.width * step; k++) {
      const at = row * pitch + (k * bits) / 8;
      if (at + bits / 8 > block.length) return;
      if (bits === 8) block[at] += block[at - step];
      else
        view.setUint16(
          at,
          view.getUint16(at, little) + view.getUint16(at - 2 * step, little),
          little,
        );
    }
}

/** Sample c of the pixel in row i, column j. A block is unpacked when it is first looked at. */
export function tiffSamples(
  bytes: Uint8Array,
  head: TiffHeader,
  name: string,
  fail: Fail,
): (i: number, j: number, c: number) => number {
  const { height, width, bits, samples, planar, little, block, offsets, counts } = head;
  const step = planar ? 1 : samples;
  const pitch = Math.ceil((block.width * step * bits) / 8);
  const across = Math.ceil(width / block.width);
  const plane = across * Math.ceil(height / block.height);
  if (offsets.length < plane * (planar ? samples : 1)) fail("blocks are missing");
  const blocks: (Uint8Array | undefined)[] = [];
  const open = (k: number): Uint8Array => {
    const top = Math.floor((k % plane) / across) * block.height;
    // what is below the picture is not looked at
    const rows = Math.min(block.height, height - top);
    if (offsets[k] + counts[k] > bytes.length) fail("a block is cut short");
    const packed = bytes.subarray(offsets[k], offsets[k] + counts[k]);
    const own = unpacked(packed, rows * pitch, head, name);
    if (own.length < rows * pitch) fail("a block has too few pixels");
    const mine = head.predictor === 2 ? own.slice() : own;
    if (head.predictor === 2) undoPredictor(mine, rows, step, head);
    blocks[k] = mine;
    return mine;
  };
  return (i, j, c) => {
    const k =
      Math.floor(i / block.height) * across +
      Math.floor(j / block.width) +
      (planar ? c * plane : 0);
    const own = blocks[k] ?? open(k);
    const bit = ((j % block.width) * step + (planar ? 0 : c)) * bits;
    const at = (i % block.height) * pitch + (bit >> 3);
    if (bits === 16) return little ? own[at] + 256 * own[at + 1] : 256 * own[at] + own[at + 1];
    return (own[at] >> (8 - bits - (bit & 7))) & (2 ** bits - 1);
  };
}
