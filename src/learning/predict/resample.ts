// Pictures turned, resized and cropped: the same numbers in Node and in every browser, which a
// canvas's own scaling would not give.

/** Red, green and blue planes [3,height,width], from 0 to 1. */
export interface Pixels {
  readonly height: number;
  readonly width: number;
  readonly planes: Float32Array;
}
export type Interpolation = "bilinear" | "nearest";

/** Which cells an output cell is the weighted mean of. */
interface Tap {
  readonly from: number;
  readonly weights: readonly number[];
}
/**
 * Of an axis of n made m cells: triangles as wide as a cell of the output, and at least as one of
 * the input, as Pillow has them (antialiased bilinear), or the cell under its middle.
 */
function tapsOf(n: number, m: number, how: Interpolation): Tap[] {
  const step = n / m;
  const wide = Math.max(1, step);
  return Array.from({ length: m }, (_, i) => {
    const middle = (i + 0.5) * step;
    if (how === "nearest") return { from: Math.min(n - 1, Math.floor(middle)), weights: [1] };
    const from = Math.max(0, Math.floor(middle - wide + 0.5));
    const to = Math.min(n, Math.floor(middle + wide + 0.5));
    const raw = Array.from({ length: to - from }, (_, j) => Math.max(0, 1 - Math.abs(from + j + 0.5 - middle) / wide));
    const total = raw.reduce((a, b) => a + b, 0);
    return { from, weights: raw.map((w) => w / total) };
  });
}
/** Every line of `lines` along an axis with cells `stride` apart. */
function alongAxis(
  x: Float32Array,
  axis: { count: number; stride: number; taps: readonly Tap[] },
  startOf: (line: number) => { from: number; to: number },
  y: Float32Array,
): void {
  for (let line = 0; line < axis.count; line++) {
    const { from, to } = startOf(line);
    axis.taps.forEach((tap, i) => {
      let sum = 0;
      for (let j = 0; j < tap.weights.length; j++) sum += tap.weights[j] * x[from + (tap.from + j) * axis.stride];
      y[to + i * axis.stride] = sum;
    });
  }
}

export function resized(pixels: Pixels, height: number, width: number, how: Interpolation): Pixels {
  const { height: H, width: W, planes } = pixels;
  if (H === height && W === width) return pixels;
  const across = { count: 3 * H, stride: 1, taps: tapsOf(W, width, how) };
  const narrow = new Float32Array(3 * H * width);
  alongAxis(planes, across, (line) => ({ from: line * W, to: line * width }), narrow);
  const down = { count: 3 * width, stride: width, taps: tapsOf(H, height, how) };
  const small = new Float32Array(3 * height * width);
  const place = (line: number, rows: number): number => Math.floor(line / width) * rows * width + (line % width);
  alongAxis(narrow, down, (line) => ({ from: place(line, H), to: place(line, height) }), small);
  return { height, width, planes: small };
}

/** Where cell (r, c) of the turned picture is in one of H×W, by EXIF's number. */
const places: Readonly<Record<number, (r: number, c: number, H: number, W: number) => readonly [number, number]>> = {
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

export function cropped(pixels: Pixels, top: number, left: number, height: number, width: number): Pixels {
  const { height: H, width: W, planes } = pixels;
  const part = new Float32Array(3 * height * width);
  for (let c = 0; c < 3; c++)
    for (let i = 0; i < height; i++) {
      const from = (c * H + top + i) * W + left;
      part.set(planes.subarray(from, from + width), (c * height + i) * width);
    }
  return { height, width, planes: part };
}
