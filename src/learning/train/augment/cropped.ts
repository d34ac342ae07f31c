// A part of the image, made an image.
import { ConfigError, exp, log, type Random } from "../../../engine/index.ts";
import { bilinear, type Size } from "./moved.ts";

export interface RandomCrop {
  /** [height, width] that it is resized to; the image's own unless given. */
  readonly size?: readonly [number, number];
  /** Its share of the image's area, from and to; [0.08, 1] unless given. */
  readonly area?: readonly [number, number];
  /** Its width by its height, from and to, evenly in the logarithm; [3/4, 4/3] unless given. */
  readonly ratio?: readonly [number, number];
}
export function checkCrop({ size, area = [0.08, 1], ratio = [3 / 4, 4 / 3] }: RandomCrop): void {
  if (size && !(size.length === 2 && size.every((n) => Number.isInteger(n) && n >= 1)))
    throw new ConfigError(
      `augmented: crop's size [${size.join(", ")}] must be two whole numbers from 1 up`,
      { size },
    );
  if (!(area[0] > 0 && area[1] >= area[0] && area[1] <= 1))
    throw new ConfigError(
      `augmented: crop's area [${area.join(", ")}] must rise from above 0 to at most 1`,
      { area },
    );
  if (!(ratio[0] > 0 && ratio[1] >= ratio[0] && ratio[1] <= 100))
    throw new ConfigError(`augmented: crop's ratio [${ratio.join(", ")}] must rise from above 0`, {
      ratio,
    });
}

interface Box {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}
/** torchvision's: ten tries, then the largest in the middle. */
function drawBox(
  { H, W }: Size,
  { area = [0.08, 1], ratio = [3 / 4, 4 / 3] }: RandomCrop,
  rng: Random,
): Box {
  const [low, high] = [log(ratio[0]), log(ratio[1])];
  for (let tries = 0; tries < 10; tries++) {
    const pixels = H * W * (area[0] + (area[1] - area[0]) * rng.uniform());
    const proportion = exp(low + (high - low) * rng.uniform());
    const width = Math.round(Math.sqrt(pixels * proportion));
    const height = Math.round(Math.sqrt(pixels / proportion));
    if (width >= 1 && height >= 1 && width <= W && height <= H)
      return { top: rng.integer(H - height + 1), left: rng.integer(W - width + 1), height, width };
  }
  const width = Math.max(1, Math.min(W, Math.round(H * ratio[1])));
  const height = Math.max(1, Math.min(H, Math.round(W / ratio[0])));
  return { top: (H - height) >> 1, left: (W - width) >> 1, height, width };
}

/** Writes a random part of the image, resized (bilinear, pixels' middles on pixels' middles). */
export function cropped(
  image: Float32Array,
  size: Size,
  out: Float32Array,
  to: Size,
  options: RandomCrop,
  rng: Random,
): void {
  const box = drawBox(size, options, rng);
  const inside = (v: number, from: number, n: number): number =>
    Math.max(from, Math.min(from + n - 1, v));
  for (let y = 0; y < to.H; y++)
    for (let x = 0; x < to.W; x++) {
      const sy = inside(box.top + ((y + 0.5) * box.height) / to.H - 0.5, box.top, box.height);
      const sx = inside(box.left + ((x + 0.5) * box.width) / to.W - 0.5, box.left, box.width);
      for (let c = 0; c < to.C; c++)
        out[(c * to.H + y) * to.W + x] = bilinear(image, size, c, sy, sx);
    }
}
