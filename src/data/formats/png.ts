// PNG, 1 to 16 bit, grey or colour (as luminance), by fast-png.
import { decode, encode, type DecodedPng } from "fast-png";
import { FormatError, UnsupportedOpError } from "../../engine/index.ts";
import { checkSize, volume, type Volume } from "../volume.ts";

/** A picture whose pixels are looked up one by one: red, green and blue in [0, 1]. */
export interface Picture {
  readonly height: number;
  readonly width: number;
  readonly grey: boolean;
  pixel(row: number, column: number): readonly [number, number, number];
}
/** 0.299 R + 0.587 G + 0.114 B */
export function luminance([r, g, b]: readonly [number, number, number]): number {
  return r === g && g === b ? r : 0.299 * r + 0.587 * g + 0.114 * b;
}

/**
 * Transparency is not applied. Throws FormatError for a file that is damaged, UnsupportedOpError
 * for interlaced ones of fewer than 8 bits.
 */
export function readPngPicture(bytes: Uint8Array, name: string): Picture {
  const fail = (why: string): never => {
    throw new FormatError(`${name}: this PNG cannot be read (${why}); it is cut short or damaged`, { name });
  };
  if (bytes.length < 33) return fail("its header is incomplete");
  const header = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // the size is checked before anything is allocated for it
  checkSize(name, header.getUint32(16) * header.getUint32(20), 0, 0);
  if (bytes[24] < 8 && bytes[28] === 1)
    throw new UnsupportedOpError(
      `${name}: interlaced PNGs of ${bytes[24]} bits are not read; save it without interlacing`,
      { name },
    );
  let png: DecodedPng;
  try {
    png = decode(bytes, { checkCrc: true });
  } catch (error) {
    return fail((error as Error).message);
  }
  const { width, height, depth, channels, data } = png;
  // a colour image may carry a palette as a suggestion
  const palette = bytes[25] === 3 ? png.palette : undefined;
  const rowBytes = Math.ceil((width * channels * depth) / 8);
  if (data.length < (depth < 8 ? height * rowBytes : width * height * channels))
    return fail(`fewer pixels than ${width}×${height}`);
  const top = 2 ** depth - 1;
  const sample = (i: number, j: number, c: number): number => {
    if (depth >= 8) return data[(i * width + j) * channels + c];
    const bit = j * depth;
    return (data[i * rowBytes + (bit >> 3)] >> (8 - depth - (bit & 7))) & top;
  };
  return {
    height,
    width,
    grey: palette === undefined && channels < 3,
    pixel(i, j) {
      if (palette) {
        const colour = palette[sample(i, j, 0)];
        return colour === undefined
          ? fail("a pixel's colour is not in its palette")
          : [colour[0] / 255, colour[1] / 255, colour[2] / 255];
      }
      if (channels < 3) {
        const v = sample(i, j, 0) / top;
        return [v, v, v];
      }
      return [sample(i, j, 0) / top, sample(i, j, 1) / top, sample(i, j, 2) / top];
    },
  };
}

/** Values in [0, 1]; colours as luminance. Throws as readPngPicture does. */
export function readPng(bytes: Uint8Array, name: string): Volume {
  const { height, width, pixel } = readPngPicture(bytes, name);
  return volume(name, { format: "PNG", slices: 1, height, width, complex: false }, (_s, _c, i, j) =>
    luminance(pixel(i, j)),
  );
}

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
