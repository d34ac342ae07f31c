// Pictures of a result: grey PNGs of magnitudes, colour PNGs of errors.
import { encode } from "fast-png";
import { base64 } from "../engine/index.ts";

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
  return [0, 1, 2].map((c) => Math.round(ramp[k][c] + (ramp[k + 1][c] - ramp[k][c]) * (at - k))) as [
    number,
    number,
    number,
  ];
}
/** Colour, 0 black, `top` and above pale yellow. */
export function heatPicture(
  values: ArrayLike<number>,
  [height, width]: readonly [number, number],
  top: number,
): string {
  const data = new Uint8Array(3 * width * height);
  for (let i = 0; i < width * height; i++) data.set(heat(values[i] / top), 3 * i);
  return base64(encode({ width, height, data, channels: 3, depth: 8 }));
}
