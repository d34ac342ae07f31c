// Labelled images as a set to train on: pixels centred, labels one-hot, and seeded augmentation.
import type { LabelledImages } from "../../data/index.ts";
import { random } from "../../engine/index.ts";
import type { Dataset } from "./fit.ts";

/** Inputs 2·pixel − 1 in [−1, 1]; targets one-hot rows. */
export function classification(images: LabelledImages): Dataset {
  const [C, H, W] = images.shape;
  return {
    length: images.length, inputShape: [C, H, W], targetShape: [images.classes.length],
    read(i, input, target) {
      images.pixels(i, input);
      for (let k = 0; k < input.length; k++) input[k] = 2 * input[k] - 1;
      target.fill(0);
      target[images.label(i)] = 1;
    },
  };
}

/** Every image shifted by up to `shift` pixels each way (edges repeated) and, with `flip`, mirrored left to right half of the time. What happens to image i in an epoch depends on the seed, the epoch and i alone. */
export function augmented(data: Dataset, options: { shift?: number; flip?: boolean; seed: number }): Dataset {
  const { shift = 0, flip = false, seed } = options;
  const [C, H, W] = data.inputShape;
  const original = new Float32Array(C * H * W);
  const clamp = (v: number, n: number): number => Math.max(0, Math.min(n - 1, v));
  return {
    ...data,
    read(i, input, target, epoch = 0) {
      data.read(i, original, target, epoch);
      const rng = random(seed).fork(`epoch ${epoch}`).fork(i);
      const [dy, dx] = [rng.integer(2 * shift + 1) - shift, rng.integer(2 * shift + 1) - shift];
      const mirrored = flip && rng.uniform() < 0.5;
      for (let c = 0; c < C; c++) for (let y = 0; y < H; y++) for (let x = 0; x < W; x++) {
        const from = clamp(x + dx, W);
        input[(c * H + y) * W + x] = original[(c * H + clamp(y + dy, H)) * W + (mirrored ? W - 1 - from : from)];
      }
    },
  };
}
