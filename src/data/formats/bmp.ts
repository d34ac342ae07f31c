// BMP pictures: Windows' bitmaps of 1 to 32 bits, with a palette or without, unpacked or as RLE8.
// Read here: fast-bmp gives a palette's numbers for colours. Source: Microsoft's BITMAPINFOHEADER
// and BITMAPV5HEADER.
import { FormatError, UnsupportedOpError } from "../../engine/index.ts";
import { checkSize } from "../volume.ts";
import type { Picture } from "./png.ts";

export interface BmpHead {
  readonly height: number;
  readonly width: number;
  /** Every colour of its palette is grey. */
  readonly grey: boolean;
}
interface Header extends BmpHead {
  readonly bits: number;
  readonly compression: number;
  /** The first row is the top one. */
  readonly topDown: boolean;
  readonly pixels: number;
  /** Blue, green, red and nothing, of each colour. */
  readonly palette: Uint8Array;
  /** Of red, green, blue and opacity, where pixels are of 16 or 32 bits. */
  readonly masks: readonly number[];
}
const [PLAIN, RLE8, MASKED, MASKED_WITH_ALPHA] = [0, 1, 3, 6];
const CORE_HEADER = 12;
const defaultMasks: Readonly<Record<number, readonly number[]>> = {
  16: [0x7c00, 0x3e0, 0x1f, 0],
  32: [0xff0000, 0xff00, 0xff, 0],
};

type Fail = (why: string) => never;
const failing =
  (name: string): Fail =>
  (why) => {
    throw new FormatError(`${name}: this BMP cannot be read (${why}); it is cut short or damaged`, {
      name,
    });
  };

function header(bytes: Uint8Array, name: string): Header {
  const fail = failing(name);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 26) return fail("its header is incomplete");
  const size = view.getUint32(14, true);
  const core = size === CORE_HEADER;
  if (!core && (size < 40 || bytes.length < 14 + size)) return fail("its header is incomplete");
  const width = core ? view.getUint16(18, true) : view.getInt32(18, true);
  const rows = core ? view.getUint16(20, true) : view.getInt32(22, true);
  const bits = view.getUint16(core ? 24 : 28, true);
  const compression = core ? PLAIN : view.getUint32(30, true);
  if (width < 1 || rows === 0) return fail(`its size is ${width}×${rows}`);
  if (![1, 4, 8, 16, 24, 32].includes(bits)) return fail(`${bits} bits a pixel`);
  const isRead = compression === PLAIN || (compression === RLE8 && bits === 8);
  const isMasked = [MASKED, MASKED_WITH_ALPHA].includes(compression) && bits >= 16 && bits !== 24;
  if (!isRead && !isMasked)
    throw new UnsupportedOpError(
      `${name}: its compression ${compression} is not read; save it without one`,
      { name },
    );
  const masksAt = 14 + 40;
  if (isMasked && bytes.length < masksAt + 16) return fail("its masks are missing");
  const own = [0, 1, 2, 3].map((k) =>
    isMasked && (k < 3 || size >= 56) ? view.getUint32(masksAt + 4 * k, true) : 0,
  );
  const entry = core ? 3 : 4;
  const from = 14 + size;
  const used = core || bits > 8 ? 0 : view.getUint32(46, true);
  const colours = bits > 8 ? 0 : used > 0 ? Math.min(used, 2 ** bits) : 2 ** bits;
  if (from + entry * colours > bytes.length) return fail("its palette is cut short");
  const palette = new Uint8Array(4 * colours);
  for (let k = 0; k < colours; k++)
    palette.set(bytes.subarray(from + entry * k, from + entry * k + 3), 4 * k);
  const grey =
    colours > 0 && palette.every((_, i) => i % 4 === 3 || palette[i] === palette[i - (i % 4)]);
  const masks = isMasked ? own : (defaultMasks[bits] ?? []);
  const pixels = view.getUint32(10, true);
  return {
    height: Math.abs(rows),
    width,
    bits,
    compression,
    topDown: rows < 0,
    pixels,
    palette,
    masks,
    grey,
  };
}
/** What its header says, without its pixels. Throws FormatError for one that is damaged. */
export function bmpHead(bytes: Uint8Array, name: string): BmpHead {
  const { height, width, grey } = header(bytes, name);
  return { height, width, grey };
}

/** A channel's share by its mask; `none` where the mask has no bits. */
function channel(mask: number, none: number): (value: number) => number {
  if (mask === 0) return () => none;
  const lowest = (mask & -mask) >>> 0;
  const top = mask / lowest;
  return (value) => ((value & mask) >>> 0) / lowest / top;
}

/**
 * The picture as it is looked at. Throws FormatError for one that is damaged or claims more pixels
 * than its bytes hold, UnsupportedOpError for a compression that is not read.
 */
export function readBmp(bytes: Uint8Array, name: string): Picture {
  const head = header(bytes, name);
  const { height, width, bits, topDown, palette, masks, grey } = head;
  const fail = failing(name);
  const pitch = 4 * Math.ceil((width * bits) / 32);
  // a run of RLE8 holds 255 pixels in two bytes
  const least = head.compression === RLE8 ? Math.ceil((2 * width * height) / 255) : pitch * height;
  checkSize(name, width * height, least, Math.max(0, bytes.length - head.pixels));
  const packed = bytes.subarray(head.pixels);
  const rows = head.compression === RLE8 ? unpackedRle8(packed, head, pitch, fail) : packed;
  const view = new DataView(rows.buffer, rows.byteOffset, rows.byteLength);
  const rowAt = (i: number): number => (topDown ? i : height - 1 - i) * pitch;
  const size = { height, width, grey };
  if (bits <= 8) {
    const perByte = 8 / bits;
    return {
      ...size,
      pixel(i, j) {
        const byte = rows[rowAt(i) + Math.floor(j / perByte)];
        const at = 4 * ((byte >> (8 - bits - bits * (j % perByte))) & (2 ** bits - 1));
        if (at >= palette.length) return fail("a pixel's colour is not in its palette");
        return [palette[at + 2] / 255, palette[at + 1] / 255, palette[at] / 255];
      },
    };
  }
  if (bits === 24) {
    const at = (i: number, j: number): number => rowAt(i) + 3 * j;
    return {
      ...size,
      pixel: (i, j) => [rows[at(i, j) + 2] / 255, rows[at(i, j) + 1] / 255, rows[at(i, j)] / 255],
    };
  }
  const [red, green, blue, alpha] = masks.map((mask, k) => channel(mask, k === 3 ? 1 : 0));
  const value = (i: number, j: number): number =>
    bits === 16 ? view.getUint16(rowAt(i) + 2 * j, true) : view.getUint32(rowAt(i) + 4 * j, true);
  return {
    ...size,
    pixel: (i, j) => [red(value(i, j)), green(value(i, j)), blue(value(i, j))],
    ...(masks[3] !== 0 && { opacity: (i: number, j: number) => alpha(value(i, j)) }),
  };
}

/** Rows of RLE8: runs, pixels as they are, ends of lines, and jumps. */
function unpackedRle8(
  packed: Uint8Array,
  { height, width }: Header,
  pitch: number,
  fail: Fail,
): Uint8Array {
  const rows = new Uint8Array(pitch * height);
  let [at, row, column] = [0, 0, 0];
  const put = (value: number): void => {
    if (row >= height || column >= width) fail("more pixels than its size");
    rows[row * pitch + column++] = value;
  };
  while (at + 1 < packed.length) {
    const [count, code] = [packed[at], packed[at + 1]];
    at += 2;
    if (count > 0) for (let k = 0; k < count; k++) put(code);
    else if (code === 0) [row, column] = [row + 1, 0];
    else if (code === 1) return rows;
    else if (code === 2) {
      if (at + 2 > packed.length) break;
      [column, row, at] = [column + packed[at], row + packed[at + 1], at + 2];
    } else {
      if (at + code > packed.length) break;
      for (let k = 0; k < code; k++) put(packed[at + k]);
      // pixels as they are fill whole pairs of bytes
      at += code + (code % 2);
    }
  }
  return fail("its pixels have no end");
}
