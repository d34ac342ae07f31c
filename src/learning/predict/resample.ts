// Pictures turned, resized and cropped: the same numbers in Node and in every browser, which a
// canvas's own scaling would not give.
import { resizedPlanes } from "../../data/index.ts";

/** Red, green and blue planes [3,height,width], from 0 to 1. */
export interface Pixels {
  readonly height: number;
  readonly width: number;
  readonly planes: Float32Array;
}
export type Interpolation = "bilinear" | "nearest";

/** "bilinear" is antialiased, as Pillow has it; "nearest" takes the cell under the middle. */
export function resized(pixels: Pixels, height: number, width: number, how: Interpolation): Pixels {
  const { height: H, width: W, planes } = pixels;
  if (H === height && W === width) return pixels;
  if (how === "bilinear")
    return {
      height,
      width,
      planes: Float32Array.from(resizedPlanes(planes, [3, H, W], [height, width])),
    };
  const small = new Float32Array(3 * height * width);
  const under = (i: number, n: number, m: number): number =>
    Math.min(n - 1, Math.floor(((i + 0.5) * n) / m));
  for (let c = 0; c < 3; c++)
    for (let i = 0; i < height; i++)
      for (let j = 0; j < width; j++)
        small[(c * height + i) * width + j] =
          planes[(c * H + under(i, H, height)) * W + under(j, W, width)];
  return { height, width, planes: small };
}

/** Where cell (r, c) of the turned picture is in one of H×W, by EXIF's number. */
const places: Readonly<
  Record<number, (r: number, c: number, H: number, W: number) => readonly [number, number]>
> = {
  2: (r, c, _, W) => [r, W - 1 - c],
  3: (r, c, H, W) => [H - 1 - r, W - 1 - c],
  4: (r, c, H) => [H - 1 - r, c],
  5: (r, c) => [c, r],
  6: (r, c, H) => [H - 1 - c, r],
  7: (r, c, H, W) => [H - 1 - c, W - 1 - r],
  8: (r, c, _, W) => [c, W - 1 - r],
};
/** Upright, by the number that EXIF has for how it lies; 1 is upright. */
export function turned(pixels: Pixels, orientation: number): Pixels {
  const place = places[orientation];
  if (!place) return pixels;
  const { height: H, width: W, planes } = pixels;
  const [height, width] = orientation >= 5 ? [W, H] : [H, W];
  const upright = new Float32Array(planes.length);
  for (let c = 0; c < 3; c++)
    for (let i = 0; i < height; i++)
      for (let j = 0; j < width; j++) {
        const [r, q] = place(i, j, H, W);
        upright[(c * height + i) * width + j] = planes[(c * H + r) * W + q];
      }
  return { height, width, planes: upright };
}

export function cropped(
  pixels: Pixels,
  top: number,
  left: number,
  height: number,
  width: number,
): Pixels {
  const { height: H, width: W, planes } = pixels;
  const part = new Float32Array(3 * height * width);
  for (let c = 0; c < 3; c++)
    for (let i = 0; i < height; i++) {
      const from = (c * H + top + i) * W + left;
      part.set(planes.subarray(from, from + width), (c * height + i) * width);
    }
  return { height, width, planes: part };
}
