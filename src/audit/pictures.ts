// Pictures of a result: grey PNGs of magnitudes, colour PNGs of errors.
import { encode } from "fast-png";
import { base64 } from "../engine/index.ts";
import type { Box } from "../report/index.ts";

/** White is this percentile of |x|: a few bright pixels must not darken the rest. */
export const WHITE_PERCENTILE = 99.5;
/** What is shown as white, of magnitudes; their largest where nearly all of them are zero. */
export function whiteOf(values: Float64Array): number {
  const sorted = values.slice().sort();
  const white = sorted[Math.ceil((WHITE_PERCENTILE / 100) * sorted.length) - 1];
  return white > 0 ? white : sorted[sorted.length - 1];
}

/** The box of a quarter of the sides that holds most of ‖values‖², [H,W]. */
export function whereLargest(
  values: ArrayLike<number>,
  [height, width]: readonly [number, number],
): Box {
  const [h, w] = [height, width].map((side) => Math.max(1, Math.round(side / 4)));
  // sums[(i, j)]: of the squares above and to the left of it
  const sums = new Float64Array((height + 1) * (width + 1));
  const at = (i: number, j: number): number => i * (width + 1) + j;
  for (let i = 0; i < height; i++)
    for (let j = 0; j < width; j++)
      sums[at(i + 1, j + 1)] =
        values[i * width + j] ** 2 + sums[at(i, j + 1)] + sums[at(i + 1, j)] - sums[at(i, j)];
  const inside = (i: number, j: number): number =>
    sums[at(i + h, j + w)] - sums[at(i, j + w)] - sums[at(i + h, j)] + sums[at(i, j)];
  let best: Box = [0, 0, h, w];
  for (let i = 0; i + h <= height; i++)
    for (let j = 0; j + w <= width; j++)
      if (inside(i, j) > inside(best[0], best[1])) best = [i, j, h, w];
  return best;
}

/** Grey, 0 black, `white` and above white. */
export function greyPicture(
  values: ArrayLike<number>,
  [height, width]: readonly [number, number],
  white: number,
): string {
  const data = Uint8Array.from({ length: width * height }, (_, i) =>
    Math.max(0, Math.min(255, Math.round((255 * values[i]) / white))),
  );
  return base64(encode({ width, height, data, channels: 1, depth: 8 }));
}

/**
 * black, indigo, red-violet, orange, pale yellow: lightness rises all the way, so it reads in grey
 * and for the colour-blind
 */
const ramp = [
  [0, 0, 4],
  [66, 10, 104],
  [147, 38, 103],
  [221, 81, 58],
  [252, 165, 10],
  [252, 255, 164],
];
/** The colour of t in [0, 1]. */
export function heat(t: number): [number, number, number] {
  const at = Math.max(0, Math.min(1, t)) * (ramp.length - 1);
  const k = Math.min(ramp.length - 2, Math.floor(at));
  return [0, 1, 2].map((c) =>
    Math.round(ramp[k][c] + (ramp[k + 1][c] - ramp[k][c]) * (at - k)),
  ) as [number, number, number];
}
/** One colour for every level of a byte. */
const palette = Array.from({ length: 256 }, (_, level) => heat(level / 255));
/** Colour, 0 black, `top` and above pale yellow. */
export function heatPicture(
  values: ArrayLike<number>,
  [height, width]: readonly [number, number],
  top: number,
): string {
  const data = new Uint8Array(width * height);
  for (let i = 0; i < data.length; i++)
    data[i] = Math.round(255 * Math.max(0, Math.min(1, values[i] / top)));
  return base64(encode({ width, height, data, channels: 1, depth: 8, palette }));
}
