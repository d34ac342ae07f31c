// PNG's chunks: what the header says, and what is needed for the pixels (a colour profile may
// unpack to gigabytes). Source: PNG specification, third edition.
import { crc32 } from "./compressed.ts";
import { beginsWith } from "./format.ts";

type Fail = (why: string) => never;
/** The rows of one pass (of the whole picture where it is not interlaced). */
export interface PngPass {
  /** First row and column, and the steps from one to the next. */
  readonly top: number;
  readonly left: number;
  readonly down: number;
  readonly across: number;
  /** Its rows, and where they begin and how long each is, with its filter's byte. */
  readonly rows: number;
  readonly start: number;
  readonly pitch: number;
}

export interface PngHeader {
  readonly width: number;
  readonly height: number;
  /** Bits a sample. */
  readonly depth: number;
  readonly colourType: number;
  readonly channels: number;
  /** Those that hold rows: one, or up to seven where it is interlaced. */
  readonly passes: readonly PngPass[];
  /** What the pixels unpack to: filtered rows, of every pass when interlaced. */
  readonly unpackedBytes: number;
}
/** The signature, and the header's length and name. */
const BEGINNING = [
  0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52,
];
const SIGNATURE = 8;
const channelsOf: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
/** Bits a sample may have, by colour type. */
const depthsOf: Readonly<Record<number, readonly number[]>> = {
  0: [1, 2, 4, 8, 16],
  2: [8, 16],
  3: [1, 2, 4, 8],
  4: [8, 16],
  6: [8, 16],
};
/** First row and column of Adam7's passes, and the steps from one to the next. */
const adam7 = [
  [0, 0, 8, 8],
  [0, 4, 8, 8],
  [4, 0, 8, 4],
  [0, 2, 4, 4],
  [2, 0, 4, 2],
  [0, 1, 2, 2],
  [1, 0, 2, 1],
];

export function pngHeader(bytes: Uint8Array, fail: Fail): PngHeader {
  if (bytes.length < 33 || !beginsWith(bytes, BEGINNING)) return fail("its header is incomplete");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [width, height] = [view.getUint32(16), view.getUint32(20)];
  const [depth, colourType, compression, filters, interlace] = bytes.subarray(24, 29);
  const channels = channelsOf[colourType];
  if (!depthsOf[colourType]?.includes(depth) || compression + filters > 0 || interlace > 1)
    return fail(
      `colour type ${colourType}, ${depth} bits, compression ${compression}, filters ${filters} and interlacing ${interlace} do not exist`,
    );
  let start = 0;
  const passes: PngPass[] = [];
  for (const [top, left, down, across] of interlace === 1 ? adam7 : [[0, 0, 1, 1]]) {
    const [rows, columns] = [Math.ceil((height - top) / down), Math.ceil((width - left) / across)];
    if (rows <= 0 || columns <= 0) continue;
    const pitch = 1 + Math.ceil((columns * channels * depth) / 8);
    passes.push({ top, left, down, across, rows, start, pitch });
    start += rows * pitch;
  }
  return { width, height, depth, colourType, channels, passes, unpackedBytes: start };
}

export interface PngChunks {
  /** The packed pieces of its pixels. */
  readonly packed: readonly Uint8Array[];
  readonly palette: Uint8Array | undefined;
  readonly transparency: Uint8Array | undefined;
}
const needed = new Set(["IHDR", "PLTE", "tRNS", "IDAT", "IEND"]);

/** The content of the chunks that pixels need, whose checksums are right. */
export function pngChunks(bytes: Uint8Array, fail: Fail): PngChunks {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const packed: Uint8Array[] = [];
  const others = new Map<string, Uint8Array>();
  let type = "";
  for (let at = SIGNATURE; type !== "IEND"; ) {
    if (at + 12 > bytes.length) return fail("its last chunk is missing");
    const end = at + 12 + view.getUint32(at);
    type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const named = type.replace(/[^A-Za-z]/g, "?");
    if (end > bytes.length) return fail(`its chunk ${named} is cut short`);
    if (needed.has(type) && crc32(bytes.subarray(at + 4, end - 4)) !== view.getUint32(end - 4))
      return fail(`the checksum of its chunk ${named} is wrong`);
    const content = bytes.subarray(at + 8, end - 4);
    if (type === "IDAT") packed.push(content);
    else if (needed.has(type)) others.set(type, content);
    at = end;
  }
  return { packed, palette: others.get("PLTE"), transparency: others.get("tRNS") };
}
