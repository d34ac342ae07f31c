// TIFF pictures: the first of a file, grey, with a palette or in colour, of 1 to 16 bits, in strips
// or tiles; plain, PackBits, LZW or deflate. Read here: tiff 7.1 loses two channels of coloured
// tiles and unpacks without a limit, utif2 rounds to 8 bits. Its blocks: tiff-blocks.ts. Source:
// TIFF 6.0.
import { FormatError, UnsupportedOpError } from "../../engine/index.ts";
import { checkSize } from "../volume.ts";
import type { Picture } from "./png.ts";
import { MOST_PACKED, tiffSamples } from "./tiff-blocks.ts";

const tags = {
  width: 256,
  height: 257,
  bits: 258,
  compression: 259,
  interpretation: 262,
  offsets: 273,
  orientation: 274,
  samples: 277,
  rowsPerStrip: 278,
  counts: 279,
  planar: 284,
  predictor: 317,
  palette: 320,
  tileWidth: 322,
  tileHeight: 323,
  tileOffsets: 324,
  tileCounts: 325,
  extra: 338,
  format: 339,
} as const;
const bytesOf: Readonly<Record<number, number>> = { 1: 1, 3: 2, 4: 4 };
/** Samples of a pixel: red, green, blue, opacity, and some that nobody reads. */
const MOST_SAMPLES = 8;
const [WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE] = [0, 1, 2, 3];

/** What the directory of a picture says. */
export interface TiffHeader {
  readonly height: number;
  readonly width: number;
  readonly bits: number;
  /** Of a pixel, and those of colour or grey among them. */
  readonly samples: number;
  readonly interpretation: number;
  readonly compression: number;
  readonly predictor: number;
  /** Each sample has blocks of its own. */
  readonly planar: boolean;
  readonly little: boolean;
  readonly block: { readonly height: number; readonly width: number };
  readonly offsets: readonly number[];
  readonly counts: readonly number[];
  readonly palette: readonly number[];
  readonly hasAlpha: boolean;
}
export type Fail = (why: string) => never;

/** The numbers of each tag that a picture may need. */
function directory(
  bytes: Uint8Array,
  fail: Fail,
): { little: boolean; of: (tag: number) => number[] } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 14) return fail("its header is incomplete");
  const little = view.getUint16(0) === 0x4949;
  const first = view.getUint32(4, little);
  if (first + 2 > bytes.length) return fail("its directory is missing");
  const entries = view.getUint16(first, little);
  if (first + 2 + 12 * entries > bytes.length) return fail("its directory is cut short");
  const places = new Map<number, { type: number; count: number; at: number }>();
  for (let at = first + 2; at < first + 2 + 12 * entries; at += 12) {
    const [type, count] = [view.getUint16(at + 2, little), view.getUint32(at + 4, little)];
    const bytesEach = bytesOf[type];
    if (bytesEach === undefined) continue;
    const place = count * bytesEach <= 4 ? at + 8 : view.getUint32(at + 8, little);
    if (place + count * bytesEach <= bytes.length)
      places.set(view.getUint16(at, little), { type, count, at: place });
  }
  const of = (tag: number): number[] => {
    const { type = 1, count = 0, at = 0 } = places.get(tag) ?? {};
    const read = (k: number): number => {
      if (type === 1) return view.getUint8(at + k);
      return type === 3 ? view.getUint16(at + 2 * k, little) : view.getUint32(at + 4 * k, little);
    };
    return Array.from({ length: count }, (_, k) => read(k));
  };
  return { little, of };
}

function header(bytes: Uint8Array, name: string, fail: Fail): TiffHeader {
  const { little, of } = directory(bytes, fail);
  const unread = (what: string): never => {
    throw new UnsupportedOpError(`${name}: ${what} is not read; save it as plain RGB or grey`, {
      name,
    });
  };
  const one = (tag: number, otherwise: number): number => of(tag)[0] ?? otherwise;
  const [width, height, samples] = [one(tags.width, 0), one(tags.height, 0), one(tags.samples, 1)];
  if (width < 1 || height < 1) return fail(`its size is ${width}×${height}`);
  const depths = of(tags.bits);
  const bits = depths[0] ?? 1;
  const interpretation = one(tags.interpretation, BLACK_IS_ZERO);
  const colours = interpretation === RGB ? 3 : 1;
  if (![WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE].includes(interpretation))
    unread(`its photometric interpretation ${interpretation}`);
  if (![1, 2, 4, 8, 16].includes(bits) || depths.some((d) => d !== bits))
    unread(`a depth of ${depths.join(", ")} bits`);
  if (of(tags.format).some((format) => format !== 1))
    unread("a sample that is no unsigned whole number");
  if (one(tags.orientation, 1) !== 1) unread(`its orientation ${one(tags.orientation, 1)}`);
  if (samples < colours || samples > MOST_SAMPLES) return fail(`${samples} samples a pixel`);
  const compression = one(tags.compression, 1);
  if (MOST_PACKED[compression] === undefined) unread(`its compression ${compression}`);
  const predictor = one(tags.predictor, 1);
  if (predictor !== 1 && (predictor !== 2 || bits < 8)) unread(`its predictor ${predictor}`);
  const palette = of(tags.palette);
  if (interpretation === PALETTE && (bits > 8 || palette.length !== 3 * 2 ** bits))
    return fail("its palette is wrong");
  const tiled = of(tags.tileOffsets).length > 0;
  const block = tiled
    ? { height: one(tags.tileHeight, 0), width: one(tags.tileWidth, 0) }
    : { height: Math.min(height, one(tags.rowsPerStrip, height)), width };
  const empty = block.height < 1 || block.width < 1;
  if (empty || block.height > 65536 || block.width > 2 * width + 65536)
    return fail(`its blocks are ${block.width}×${block.height}`);
  const [offsets, given] = [
    of(tiled ? tags.tileOffsets : tags.offsets),
    of(tiled ? tags.tileCounts : tags.counts),
  ];
  const counts = given.length > 0 ? given : offsets.map((at) => bytes.length - at);
  const planar = one(tags.planar, 1) === 2;
  const hasAlpha = samples > colours && [1, 2].includes(one(tags.extra, 0));
  const facts = {
    height,
    width,
    bits,
    samples,
    interpretation,
    compression,
    predictor,
    planar,
    little,
    block,
  };
  return { ...facts, offsets, counts, palette, hasAlpha };
}

export interface TiffHead {
  readonly height: number;
  readonly width: number;
  readonly grey: boolean;
}
const failing =
  (name: string): Fail =>
  (why) => {
    throw new FormatError(
      `${name}: this TIFF cannot be read (${why}); it is cut short or damaged`,
      { name },
    );
  };
const isGrey = ({ interpretation }: TiffHeader): boolean => interpretation <= BLACK_IS_ZERO;
/** What its directory says, without its pixels. Throws as readTiff does. */
export function tiffHead(bytes: Uint8Array, name: string): TiffHead {
  const head = header(bytes, name, failing(name));
  return { height: head.height, width: head.width, grey: isGrey(head) };
}

/**
 * A file's first picture. Throws FormatError for one that is damaged or claims more than its bytes
 * hold, UnsupportedOpError for CMYK, floats, JPEG inside and other rarities.
 */
export function readTiff(bytes: Uint8Array, name: string): Picture {
  const fail = failing(name);
  const head = header(bytes, name, fail);
  const { height, width, bits, samples, interpretation, palette } = head;
  const packed = head.counts.reduce((a, b) => a + b, 0);
  const rowBytes = Math.ceil((width * samples * bits) / 8);
  checkSize(
    name,
    height * width,
    Math.ceil((rowBytes * height) / MOST_PACKED[head.compression]),
    packed,
  );
  const sample = tiffSamples(bytes, head, name, fail);
  const top = 2 ** bits - 1;
  const share = (i: number, j: number, c: number): number => sample(i, j, c) / top;
  const pixel: Picture["pixel"] = (i, j) => {
    if (interpretation === RGB) return [share(i, j, 0), share(i, j, 1), share(i, j, 2)];
    if (interpretation === PALETTE) {
      // of 16 bits the upper 8, as libtiff does: writers fill the lower ones in different ways
      const of = (c: number): number => (palette[sample(i, j, 0) + c * 2 ** bits] >> 8) / 255;
      return [of(0), of(1), of(2)];
    }
    const v = interpretation === WHITE_IS_ZERO ? 1 - share(i, j, 0) : share(i, j, 0);
    return [v, v, v];
  };
  const colours = interpretation === RGB ? 3 : 1;
  const opacity = (i: number, j: number): number => share(i, j, colours);
  return { height, width, grey: isGrey(head), pixel, ...(head.hasAlpha && { opacity }) };
}
