// PNG, 1 to 16 bit, grey or colour (as luminance), by fast-png. Its chunks, and what they may
// unpack to: png-chunks.ts.
import { decode, encode, type DecodedPng } from "fast-png";
import { FormatError, UnsupportedOpError } from "../../engine/index.ts";
import { checkSize, volume, type Volume } from "../volume.ts";
import { checkRatio, checkUnpacks } from "./compressed.ts";
import { beginsWith, type Format } from "./format.ts";
import { pngHeader, pngPixelChunks } from "./png-chunks.ts";

/** A picture whose pixels are looked up one by one: red, green and blue in [0, 1]. */
export interface Picture {
  readonly height: number;
  readonly width: number;
  readonly grey: boolean;
  pixel(row: number, column: number): readonly [number, number, number];
  /** From 0, transparent, to 1; undefined where every pixel is opaque. */
  readonly opacity?: (row: number, column: number) => number;
}
/** 0.299 R + 0.587 G + 0.114 B */
export function luminance([r, g, b]: readonly [number, number, number]): number {
  return r === g && g === b ? r : 0.299 * r + 0.587 * g + 0.114 * b;
}

/** Unpacked bytes behind the pixels that are let pass, as other readers do. */
const BEHIND = 65536;

type Sample = (row: number, column: number, channel: number) => number;
type Fail = (why: string) => never;

/**
 * Transparency is told, not applied. Throws FormatError for a file that is damaged,
 * UnsupportedOpError for interlaced ones of fewer than 8 bits.
 */
export function readPngPicture(bytes: Uint8Array, name: string): Picture {
  const fail: Fail = (why) => {
    throw new FormatError(`${name}: this PNG cannot be read (${why}); it is cut short or damaged`, { name });
  };
  const head = pngHeader(bytes, fail);
  // the size is checked before anything is allocated for it
  checkSize(name, head.width * head.height, 0, 0);
  if (head.depth < 8 && head.interlaced)
    throw new UnsupportedOpError(
      `${name}: interlaced PNGs of ${head.depth} bits are not read; save it without interlacing`,
      {
        name,
      },
    );
  const { file, packed } = pngPixelChunks(bytes, fail);
  checkRatio(
    name,
    head.unpackedBytes,
    packed.reduce((n, piece) => n + piece.length, 0),
  );
  if (checkUnpacks(packed, { name, limit: head.unpackedBytes + BEHIND }) < head.unpackedBytes)
    fail(`fewer pixels than ${head.width}×${head.height}`);
  let png: DecodedPng;
  try {
    png = decode(file, { checkCrc: true });
  } catch (error) {
    return fail((error as Error).message);
  }
  const sample = sampler(png);
  // a colour image may carry a palette as a suggestion
  const palette = head.colourType === 3 ? (png.palette ?? []) : undefined;
  const grey = palette === undefined && png.channels < 3;
  const pixel = palette ? paletteColours(sample, palette, fail) : channelColours(sample, 2 ** png.depth - 1, grey);
  const opacity = palette ? paletteOpacity(sample, palette) : channelOpacity(png, sample);
  return { height: png.height, width: png.width, grey, pixel, ...(opacity ? { opacity } : {}) };
}

function sampler({ width, depth, channels, data }: DecodedPng): Sample {
  if (depth >= 8) return (i, j, c) => data[(i * width + j) * channels + c];
  const rowBytes = Math.ceil((width * channels * depth) / 8);
  const top = 2 ** depth - 1;
  return (i, j) => (data[i * rowBytes + ((j * depth) >> 3)] >> (8 - depth - ((j * depth) & 7))) & top;
}

function channelColours(sample: Sample, top: number, grey: boolean): Picture["pixel"] {
  if (!grey) return (i, j) => [sample(i, j, 0) / top, sample(i, j, 1) / top, sample(i, j, 2) / top];
  return (i, j) => {
    const v = sample(i, j, 0) / top;
    return [v, v, v];
  };
}
/** An alpha channel, or one colour that is transparent. */
function channelOpacity(png: DecodedPng, sample: Sample): Picture["opacity"] {
  const { channels, transparency } = png;
  const top = 2 ** png.depth - 1;
  if (channels === 2 || channels === 4) return (i, j) => sample(i, j, channels - 1) / top;
  if (!transparency || transparency.length < channels) return undefined;
  const clear = (i: number, j: number): boolean => {
    for (let c = 0; c < channels; c++) if (sample(i, j, c) !== transparency[c]) return false;
    return true;
  };
  return (i, j) => (clear(i, j) ? 0 : 1);
}

type Palette = NonNullable<DecodedPng["palette"]>;
function paletteColours(sample: Sample, palette: Palette, fail: Fail): Picture["pixel"] {
  return (i, j) => {
    const colour = palette[sample(i, j, 0)];
    if (colour === undefined) return fail("a pixel's colour is not in its palette");
    return [colour[0] / 255, colour[1] / 255, colour[2] / 255];
  };
}
function paletteOpacity(sample: Sample, palette: Palette): Picture["opacity"] {
  if (!palette.some((colour) => colour.length > 3)) return undefined;
  return (i, j) => (palette[sample(i, j, 0)]?.[3] ?? 255) / 255;
}

function someTransparent(
  opacity: NonNullable<Picture["opacity"]>,
  [height, width]: readonly [number, number],
): boolean {
  for (let i = 0; i < height; i++) for (let j = 0; j < width; j++) if (opacity(i, j) < 1) return true;
  return false;
}

/** Values in [0, 1]; colours as luminance. Throws as readPngPicture does. */
function readPng(bytes: Uint8Array, name: string): Volume {
  const { height, width, pixel, opacity } = readPngPicture(bytes, name);
  const notes = opacity && someTransparent(opacity, [height, width]) ? ["its transparency is not applied"] : [];
  return volume(name, { format: pngImage.name, slices: 1, height, width, complex: false, notes }, (_s, _c, i, j) =>
    luminance(pixel(i, j)),
  );
}
export const pngImage: Format = {
  name: "PNG",
  begins: (bytes) => beginsWith(bytes, [0x89, 0x50, 0x4e, 0x47]),
  read: readPng,
};

/** A 16-bit grey PNG of [H,W]; 0 is black, `white` and above white. */
export function writePng(
  values: ArrayLike<number>,
  [height, width]: readonly [number, number],
  white: number,
): Uint8Array {
  const data = Uint16Array.from({ length: height * width }, (_, i) =>
    Math.max(0, Math.min(65535, Math.round((65535 * values[i]) / white))),
  );
  return encode({ width, height, data, channels: 1, depth: 16 });
}
