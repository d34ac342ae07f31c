// Ellipses drawn at random: the plain images that much of the field is tested on.
import { PI, random, sinCos } from "../../engine/index.ts";
import type { ImageSet } from "./brain.ts";

/**
 * `count` images [2,H,W] of 10 to 40 overlapping ellipses with smooth shading, real, from 0 to 1;
 * image i depends on the seed and i alone. After Genzel, Macdonald, März, IEEE TPAMI 2022.
 */
export function ellipsePhantoms(options: {
  shape: readonly [number, number];
  count: number;
  seed: number;
}): ImageSet {
  const { shape, count, seed } = options;
  const [H, W] = shape;
  return {
    length: count,
    shape,
    description: { kind: "ellipsePhantoms", height: H, width: W, count, seed },
    image(at) {
      const rng = random(seed).fork(at);
      const image = new Float32Array(2 * H * W);
      for (let k = 10 + rng.integer(31); k > 0; k--) {
        const [row, column] = [H * (0.1 + 0.8 * rng.uniform()), W * (0.1 + 0.8 * rng.uniform())];
        const [a, b] = [
          Math.max(1, H * (0.02 + 0.2 * rng.uniform())),
          Math.max(1, W * (0.02 + 0.2 * rng.uniform())),
        ];
        const [s, c] = sinCos(PI * rng.uniform());
        const value = 0.1 + 0.5 * rng.uniform();
        // shading across the ellipse
        const [slope, towards] = [0.4 * rng.uniform(), sinCos(2 * PI * rng.uniform())];
        for (let i = 0; i < H; i++)
          for (let j = 0; j < W; j++) {
            const u = ((i - row) * c + (j - column) * s) / a;
            const v = ((j - column) * c - (i - row) * s) / b;
            if (u * u + v * v <= 1)
              image[i * W + j] += value * (1 + slope * (u * towards[0] + v * towards[1]));
          }
      }
      const top = image.reduce((p, q) => Math.max(p, q), 1e-6);
      return image.map((v) => v / top);
    },
  };
}
