// Labelled images as a set to train on: pixels centred, labels one-hot, and seeded augmentation.
import type { LabelledImages } from "../../data/index.ts";
import { PI, random, sinCos } from "../../engine/index.ts";
import type { Dataset } from "./dataset.ts";

/** Inputs 2·pixel − 1 in [−1, 1]; targets one-hot rows. */
export function classification(images: LabelledImages): Dataset {
  const [C, H, W] = images.shape;
  return {
    length: images.length,
    inputShape: [C, H, W],
    targetShape: [images.classes.length],
    read(i, input, target) {
      images.pixels(i, input);
      for (let k = 0; k < input.length; k++) input[k] = 2 * input[k] - 1;
      target.fill(0);
      target[images.label(i)] = 1;
    },
  };
}

export interface Augmentation {
  /** Largest shift each way, pixels: a random crop of the image whose edges are repeated. */
  readonly shift?: number;
  /** Mirrors left to right half of the time. */
  readonly flip?: boolean;
  /** Largest turn each way, degrees. */
  readonly rotate?: number;
  /** Sizes between 1/(1 + scale) and 1 + scale. */
  readonly scale?: number;
  /** Standard deviation of added Gaussian noise. */
  readonly noise?: number;
}
/**
 * Images changed at random, anew every epoch: shifted, mirrored, turned, scaled (bilinear, edges
 * repeated) and noisy. What happens to image i in an epoch depends on the seed, the epoch and i
 * alone.
 */
export function augmented(data: Dataset, options: Augmentation & { seed: number }): Dataset {
  const { shift = 0, flip = false, rotate = 0, scale = 0, noise = 0, seed } = options;
  const [C, H, W] = data.inputShape;
  const original = new Float32Array(C * H * W);
  const clamp = (v: number, n: number): number => Math.max(0, Math.min(n - 1, v));
  return {
    ...data,
    varied: { from: data, by: { shift, flip: Number(flip), rotate, scale, jitter: noise, augmentationSeed: seed } },
    read(i, input, target, epoch = 0) {
      data.read(i, original, target, epoch);
      const rng = random(seed).fork(`epoch ${epoch}`).fork(i);
      const between = (a: number): number => a * (2 * rng.uniform() - 1);
      const [dy, dx] = [rng.integer(2 * shift + 1) - shift, rng.integer(2 * shift + 1) - shift];
      const mirror = flip && rng.uniform() < 0.5 ? -1 : 1;
      const size = (1 + scale * rng.uniform()) ** (scale > 0 && rng.uniform() < 0.5 ? -1 : 1);
      const [sin, cos] = sinCos(rotate > 0 ? (between(rotate) * PI) / 180 : 0);
      const [cy, cx] = [(H - 1) / 2, (W - 1) / 2];
      for (let y = 0; y < H; y++)
        for (let x = 0; x < W; x++) {
          // where this pixel comes from
          const [v, u] = [(y - cy) / size, (mirror * (x - cx)) / size];
          const [sy, sx] = [clamp(cy + cos * v - sin * u + dy, H), clamp(cx + sin * v + cos * u + dx, W)];
          const [y0, x0] = [Math.floor(sy), Math.floor(sx)];
          const [fy, fx] = [sy - y0, sx - x0];
          const [y1, x1] = [Math.min(H - 1, y0 + 1), Math.min(W - 1, x0 + 1)];
          for (let c = 0; c < C; c++) {
            const at = (r: number, q: number): number => original[(c * H + r) * W + q];
            const value =
              fy === 0 && fx === 0
                ? at(y0, x0)
                : (1 - fy) * ((1 - fx) * at(y0, x0) + fx * at(y0, x1)) + fy * ((1 - fx) * at(y1, x0) + fx * at(y1, x1));
            input[(c * H + y) * W + x] = noise > 0 ? value + noise * rng.normal() : value;
          }
        }
    },
  };
}
