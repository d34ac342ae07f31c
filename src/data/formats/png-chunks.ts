// PNG's chunks: what the header says, and the file without what is not needed for its pixels (a
// colour profile may unpack to gigabytes). Source: PNG specification, third edition.

type Fail = (why: string) => never;
export interface PngHeader {
  readonly width: number;
  readonly height: number;
  /** Bits a sample. */
  readonly depth: number;
  readonly colourType: number;
  readonly interlaced: boolean;
  /** What the pixels unpack to: filtered rows, of every pass when interlaced. */
  readonly unpackedBytes: number;
}
const SIGNATURE = 8;
const channelsOf: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
/** First row and column of Adam7's passes, and the steps from one to the next. */
const passes = [
  [0, 0, 8, 8],
  [0, 4, 8, 8],
  [4, 0, 8, 4],
  [0, 2, 4, 4],
  [2, 0, 4, 2],
  [0, 1, 2, 2],
  [1, 0, 2, 1],
];

export function pngHeader(bytes: Uint8Array, fail: Fail): PngHeader {
  if (bytes.length < 33) return fail("its header is incomplete");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [width, height] = [view.getUint32(16), view.getUint32(20)];
  const [depth, colourType, interlace] = [bytes[24], bytes[25], bytes[28]];
  const channels = channelsOf[colourType];
  if (channels === undefined || ![1, 2, 4, 8, 16].includes(depth) || interlace > 1)
    return fail(`colour type ${colourType}, ${depth} bits and interlacing ${interlace} do not exist`);
  const interlaced = interlace === 1;
  const rows = (h: number, w: number): number => (w > 0 ? h * (1 + Math.ceil((w * channels * depth) / 8)) : 0);
  const unpackedBytes = interlaced
    ? passes.reduce(
        (sum, [i, j, down, across]) => sum + rows(Math.ceil((height - i) / down), Math.ceil((width - j) / across)),
        0,
      )
    : rows(height, width);
  return { width, height, depth, colourType, interlaced, unpackedBytes };
}

const needed = new Set(["IHDR", "PLTE", "tRNS", "IDAT", "IEND"]);

/** The file of those chunks alone, and the packed pieces of its pixels. */
export function pngPixelChunks(bytes: Uint8Array, fail: Fail): { file: Uint8Array; packed: Uint8Array[] } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const kept: Uint8Array[] = [bytes.subarray(0, SIGNATURE)];
  const packed: Uint8Array[] = [];
  let type = "";
  for (let at = SIGNATURE; type !== "IEND"; ) {
    if (at + 12 > bytes.length) return fail("its last chunk is missing");
    const length = view.getUint32(at);
    const end = at + 12 + length;
    type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (end > bytes.length) return fail(`its chunk ${type.replace(/[^A-Za-z]/g, "?")} is cut short`);
    if (needed.has(type)) kept.push(bytes.subarray(at, end));
    if (type === "IDAT") packed.push(bytes.subarray(at + 8, end - 4));
    at = end;
  }
  const file = new Uint8Array(kept.reduce((n, chunk) => n + chunk.length, 0));
  let at = 0;
  for (const chunk of kept) {
    file.set(chunk, at);
    at += chunk.length;
  }
  return { file, packed };
}
