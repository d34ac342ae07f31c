// Shifted, mirrored, turned, scaled and noisy: one map of pixels, and noise on top.
import { PI, sinCos, type Random } from "../../../engine/index.ts";
import type { Augmentation } from "./augmented.ts";

export interface Size {
  readonly C: number;
  readonly H: number;
  readonly W: number;
}
export const clampTo = (v: number, n: number): number => Math.max(0, Math.min(n - 1, v));

/** The value of a channel between its pixels, edges repeated. */
export function bilinear(
  image: Float32Array,
  { H, W }: Size,
  c: number,
  y: number,
  x: number,
): number {
  const [sy, sx] = [clampTo(y, H), clampTo(x, W)];
  const [y0, x0] = [Math.floor(sy), Math.floor(sx)];
  const [fy, fx] = [sy - y0, sx - x0];
  const at = (r: number, q: number): number => image[(c * H + r) * W + q];
  if (fy === 0 && fx === 0) return at(y0, x0);
  const [y1, x1] = [Math.min(H - 1, y0 + 1), Math.min(W - 1, x0 + 1)];
  return (
    (1 - fy) * ((1 - fx) * at(y0, x0) + fx * at(y0, x1)) +
    fy * ((1 - fx) * at(y1, x0) + fx * at(y1, x1))
  );
}

/** Writes what the options make of an image. */
export function moved(
  image: Float32Array,
  size: Size,
  out: Float32Array,
  options: Augmentation,
  rng: Random,
): void {
  const { shift = 0, flip = false, rotate = 0, scale = 0, noise = 0 } = options;
  const { C, H, W } = size;
  const between = (a: number): number => a * (2 * rng.uniform() - 1);
  const [dy, dx] = [rng.integer(2 * shift + 1) - shift, rng.integer(2 * shift + 1) - shift];
  const mirror = flip && rng.uniform() < 0.5 ? -1 : 1;
  const larger = (1 + scale * rng.uniform()) ** (scale > 0 && rng.uniform() < 0.5 ? -1 : 1);
  const [sin, cos] = sinCos(rotate > 0 ? (between(rotate) * PI) / 180 : 0);
  const [cy, cx] = [(H - 1) / 2, (W - 1) / 2];
  for (let y = 0; y < H; y++)
    for (let x = 0; x < W; x++) {
      // where this pixel comes from
      const [v, u] = [(y - cy) / larger, (mirror * (x - cx)) / larger];
      const [sy, sx] = [cy + cos * v - sin * u + dy, cx + sin * v + cos * u + dx];
      for (let c = 0; c < C; c++) {
        const value = bilinear(image, size, c, sy, sx);
        out[(c * H + y) * W + x] = noise > 0 ? value + noise * rng.normal() : value;
      }
    }
}
