// PNG, 1 to 16 bit, grey or colour (as luminance), by fast-png.
import { decode, encode, type DecodedPng } from "fast-png";
import { FormatError, UnsupportedOpError } from "../../engine/index.ts";
import { checkSize, volume, type Volume } from "../volume.ts";

/** Values in [0, 1]; colours as 0.299 R + 0.587 G + 0.114 B; transparency is not applied. Throws FormatError for a file that is damaged, UnsupportedOpError for interlaced ones of fewer than 8 bits. */
export function readPng(bytes: Uint8Array, name: string): Volume {
  const fail = (why: string): never => { throw new FormatError(`${name}: this PNG cannot be read (${why}); it is cut short or damaged`, { name }); };
  if (bytes.length < 33) return fail("its header is incomplete");
  const header = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // the size is checked before anything is allocated for it
  checkSize(name, header.getUint32(16) * header.getUint32(20), 0, 0);
  if (bytes[24] < 8 && bytes[28] === 1) throw new UnsupportedOpError(`${name}: interlaced PNGs of ${bytes[24]} bits are not read; save it without interlacing`, { name });
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
  if (data.length < (depth < 8 ? height * rowBytes : width * height * channels)) return fail(`fewer pixels than ${width}×${height}`);
  const sample = (i: number, j: number, c: number): number => {
    if (depth >= 8) return data[(i * width + j) * channels + c];
    const bit = j * depth;
    return (data[i * rowBytes + (bit >> 3)] >> (8 - depth - (bit & 7))) & (2 ** depth - 1);
  };
  const luminance = (r: number, g: number, b: number): number => 0.299 * r + 0.587 * g + 0.114 * b;
  return volume(name, { format: "PNG", slices: 1, height, width, complex: false }, (_s, _c, i, j) => {
    if (palette) {
      const colour = palette[sample(i, j, 0)];
      return colour === undefined ? fail("a pixel's colour is not in its palette") : luminance(colour[0], colour[1], colour[2]) / 255;
    }
    return (channels >= 3 ? luminance(sample(i, j, 0), sample(i, j, 1), sample(i, j, 2)) : sample(i, j, 0)) / (2 ** depth - 1);
  });
}

/** A 16-bit grey PNG of [H,W]; 0 is black, `white` and above white. */
export function writePng(values: ArrayLike<number>, [height, width]: readonly [number, number], white: number): Uint8Array {
  const data = Uint16Array.from({ length: height * width }, (_, i) => Math.max(0, Math.min(65535, Math.round((65535 * values[i]) / white))));
  return encode({ width, height, data, channels: 1, depth: 16 });
}
