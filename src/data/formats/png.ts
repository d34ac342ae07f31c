// PNG, 1 to 16 bit, grey or colour (as luminance), interlaced or not. Read here and not by
// fast-png, which keeps five times what the pixels unpack to; rows are unpacked once, into their
// own place. Its chunks: png-chunks.ts; its rows: png-pixels.ts.
import { encode } from "fast-png";
import { FormatError, present } from "../../engine/index.ts";
import { checkSize, volume, type Volume } from "../volume.ts";
import { checkRatio, mostFrom, unpacked } from "./compressed.ts";
import { beginsWith, type Format } from "./format.ts";
import { pngChunks, pngHeader, type PngHeader } from "./png-chunks.ts";
import { pngSamples, type Sample } from "./png-pixels.ts";

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
/** Pixels for which there is always room: 4096². */
const MANY = 2 ** 24;

type Fail = (why: string) => never;

/**
 * Transparency is told, not applied. Throws FormatError for a file that is damaged, and for a large
 * one that is packed as tightly as nothing but a blank one can be.
 */
export function readPngPicture(bytes: Uint8Array, name: string): Picture {
  const fail: Fail = (why) => {
    throw new FormatError(`${name}: this PNG cannot be read (${why}); it is cut short or damaged`, {
      name,
    });
  };
  const head = pngHeader(bytes, fail);
  const { height, width, channels, depth, colourType, unpackedBytes } = head;
  // the size is checked before anything is allocated for it
  checkSize(name, width * height, 0, 0);
  const { packed, palette, transparency } = pngChunks(bytes, fail);
  const packedBytes = packed.reduce((n, piece) => n + piece.length, 0);
  checkRatio(name, unpackedBytes, packedBytes);
  // its rows, and a number of 8 bytes for every pixel
  if (width * height > MANY && unpackedBytes + 8 * width * height > 4 * mostFrom(packedBytes))
    throw new FormatError(
      `${name}: ${width}×${height} pixels in ${packedBytes} bytes are next to nothing, many times over; make it smaller`,
      { name, packedBytes },
    );
  const rows = unpacked(packed, { name, size: unpackedBytes, limit: unpackedBytes + BEHIND });
  if (rows === undefined) return fail(`fewer pixels than ${width}×${height}`);
  const sample = pngSamples(rows, head, fail);
  // a colour image may carry a palette as a suggestion
  if (colourType === 3) {
    const colours = paletteOf(palette, transparency, fail);
    const opacity = paletteOpacity(sample, colours);
    return {
      height,
      width,
      grey: false,
      pixel: paletteColours(sample, colours, fail),
      ...present({ opacity }),
    };
  }
  const pixel = channelColours(sample, 2 ** depth - 1, channels < 3);
  const opacity = channelOpacity(head, sample, transparency);
  return { height, width, grey: channels < 3, pixel, ...present({ opacity }) };
}

function channelColours(sample: Sample, top: number, grey: boolean): Picture["pixel"] {
  if (!grey) return (i, j) => [sample(i, j, 0) / top, sample(i, j, 1) / top, sample(i, j, 2) / top];
  return (i, j) => {
    const v = sample(i, j, 0) / top;
    return [v, v, v];
  };
}
/** An alpha channel, or one colour that is transparent. */
function channelOpacity(
  { channels, depth }: PngHeader,
  sample: Sample,
  transparency: Uint8Array | undefined,
): Picture["opacity"] {
  const top = 2 ** depth - 1;
  if (channels === 2 || channels === 4) return (i, j) => sample(i, j, channels - 1) / top;
  if (!transparency || transparency.length < 2 * channels) return undefined;
  const colour = Array.from(
    { length: channels },
    (_, c) => 256 * transparency[2 * c] + transparency[2 * c + 1],
  );
  return (i, j) => (colour.every((v, c) => sample(i, j, c) === v) ? 0 : 1);
}

/** Red, green, blue and opacity, in [0, 1]. */
type Colour = readonly [number, number, number, number];
function paletteOf(
  palette: Uint8Array | undefined,
  transparency: Uint8Array | undefined,
  fail: Fail,
): Colour[] {
  if (!palette || palette.length === 0 || palette.length % 3 !== 0 || palette.length > 3 * 256)
    return fail("its palette is missing or no list of colours");
  return Array.from({ length: palette.length / 3 }, (_, k) => {
    const [r, g, b] = palette.subarray(3 * k, 3 * k + 3);
    return [r / 255, g / 255, b / 255, (transparency?.[k] ?? 255) / 255];
  });
}
function paletteColours(sample: Sample, palette: readonly Colour[], fail: Fail): Picture["pixel"] {
  return (i, j) => {
    const colour = palette[sample(i, j, 0)];
    if (colour === undefined) return fail("a pixel's colour is not in its palette");
    return [colour[0], colour[1], colour[2]];
  };
}
function paletteOpacity(sample: Sample, palette: readonly Colour[]): Picture["opacity"] {
  if (palette.every(([, , , opacity]) => opacity === 1)) return undefined;
  return (i, j) => palette[sample(i, j, 0)]?.[3] ?? 1;
}

function someTransparent(
  opacity: NonNullable<Picture["opacity"]>,
  [height, width]: readonly [number, number],
): boolean {
  for (let i = 0; i < height; i++)
    for (let j = 0; j < width; j++) if (opacity(i, j) < 1) return true;
  return false;
}

/** Values in [0, 1]; colours as luminance. Throws as readPngPicture does. */
function readPng(bytes: Uint8Array, name: string): Volume {
  const { height, width, pixel, opacity } = readPngPicture(bytes, name);
  const notes =
    opacity && someTransparent(opacity, [height, width]) ? ["its transparency is not applied"] : [];
  return volume(
    name,
    { format: pngImage.name, slices: 1, height, width, complex: false, notes },
    (_s, _c, i, j) => luminance(pixel(i, j)),
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
