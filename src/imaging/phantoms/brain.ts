// A seeded generator of varied brain-like images with a smooth phase: what the default networks are
// trained on.
import { PI, random, sinCos, type Random } from "../../engine/index.ts";
import type { Operator } from "../operators/operator.ts";
import { field } from "./field.ts";

/** Images by index, complex [2,H,W]. */
export interface ImageSet {
  readonly length: number;
  readonly shape: readonly [number, number];
  readonly description: Readonly<Record<string, string | number>>;
  image(i: number): Float32Array;
  /**
   * What the operator measures of image i's object itself, without noise, of the range's shape; not
   * there for images that are nothing but their pixels. Throws ConfigError for an operator whose
   * measurement of it has no formula.
   */
  measurement?(i: number, operator: Operator): Float64Array;
}

/**
 * 0 below −1, 1 above 1, smooth between: an edge about two pixels wide when its argument is in
 * pixels.
 */
function edge(t: number): number {
  if (t <= -1) return 0;
  if (t >= 1) return 1;
  const u = (t + 1) / 2;
  return u * u * (3 - 2 * u);
}

interface Blob {
  x: number;
  y: number;
  a: number;
  b: number;
  sin: number;
  cos: number;
  value: number;
}
function blob(rng: Random, x: number, y: number, size: number, value: number): Blob {
  const [sin, cos] = sinCos(PI * rng.uniform());
  return { x, y, a: size * (0.6 + 0.8 * rng.uniform()), b: size * (0.6 + 0.8 * rng.uniform()), sin, cos, value };
}

/**
 * One image: scalp, skull, fluid, a folded cortex, white matter, ventricles, nuclei, a few small
 * lesions and vessels; T1-like, T2-like or other contrast; a slowly varying gain and fine texture.
 * Magnitude at most 1.
 */
function brain(rng: Random, H: number, W: number): Float32Array {
  const between = (a: number, b: number): number => a + (b - a) * rng.uniform();
  const contrast = rng.uniform();
  const t1 = {
    scalp: between(0.6, 1),
    skull: between(0, 0.15),
    fluid: between(0.05, 0.3),
    grey: between(0.35, 0.6),
    white: between(0.6, 0.9),
  };
  const t2 = {
    scalp: between(0.3, 0.7),
    skull: between(0, 0.1),
    fluid: between(0.8, 1),
    grey: between(0.45, 0.65),
    white: between(0.25, 0.45),
  };
  const free = {
    scalp: between(0.1, 1),
    skull: between(0, 0.4),
    fluid: between(0, 1),
    grey: between(0.1, 1),
    white: between(0.1, 1),
  };
  const tissue = contrast < 0.5 ? t1 : contrast < 0.75 ? t2 : free;
  const [tiltSin, tiltCos] = sinCos(between(-0.25, 0.25));
  const [cx, cy] = [between(-0.08, 0.08), between(-0.08, 0.08)];
  const [rx, ry] = [between(0.55, 0.78), between(0.68, 0.9)];
  const [scalp, skull, fluid] = [between(0.02, 0.06), between(0.03, 0.07), between(0.01, 0.04)];
  const cortex = between(0.05, 0.1);
  const folds = field(rng.fork("folds"), H, W, 24, 0.12, 0.4);
  const outline = field(rng.fork("outline"), H, W, 6, 0.8, 2.5);
  const gain = field(rng.fork("gain"), H, W, 4, 2, 5);
  const texture = field(rng.fork("texture"), H, W, 30, 0.04, 0.15);
  const [gainDepth, textureDepth, foldDepth] = [between(0, 0.12), between(0, 0.04), between(0.03, 0.1)];
  const blobs: Blob[] = [];
  const gap = between(0.06, 0.14);
  for (const side of [-1, 1]) {
    if (rng.uniform() < 0.85) blobs.push(blob(rng, side * gap, between(-0.2, 0.1), between(0.05, 0.14), tissue.fluid));
    if (rng.uniform() < 0.7)
      blobs.push(
        blob(rng, side * between(0.18, 0.3), between(-0.1, 0.2), between(0.06, 0.12), (tissue.grey + tissue.white) / 2),
      );
  }
  for (let k = rng.integer(7); k > 0; k--)
    blobs.push(blob(rng, between(-0.5, 0.5), between(-0.6, 0.6), between(0.01, 0.07), between(0, 1)));
  const image = new Float32Array(H * W);
  const pixel = Math.min(H, W) / 2;
  let top = 1e-6;
  for (let i = 0; i < H; i++)
    for (let j = 0; j < W; j++) {
      const at = i * W + j;
      const [px, py] = [(2 * j + 1) / W - 1 - cx, (2 * i + 1) / H - 1 - cy];
      const x = px * tiltCos + py * tiltSin;
      const y = py * tiltCos - px * tiltSin;
      const radius = Math.sqrt((x / rx) * (x / rx) + (y / ry) * (y / ry));
      /** depth below the surface, in half image sizes */
      const depth = (1 - radius) * Math.min(rx, ry) + 0.02 * outline[at];
      if (depth * pixel < -1) continue;
      const mix = (from: number, to: number, d: number): number => from + (to - from) * edge(d * pixel);
      let value = mix(0, tissue.scalp, depth);
      value = mix(value, tissue.skull, depth - scalp);
      value = mix(value, tissue.fluid, depth - scalp - skull);
      const inside = depth - scalp - skull - fluid;
      value = mix(value, tissue.grey, inside + 0.5 * foldDepth * Math.min(0, folds[at]));
      value = mix(value, tissue.white, inside - cortex + foldDepth * folds[at]);
      if (inside > 0) {
        // the fissure between the hemispheres
        value = mix(value, tissue.fluid, 0.012 - Math.abs(x + 0.01 * outline[at]) - Math.max(0, 0.35 - Math.abs(y)));
        for (const b of blobs) {
          const u = ((x - b.x) * b.cos + (y - b.y) * b.sin) / b.a;
          const v = ((y - b.y) * b.cos - (x - b.x) * b.sin) / b.b;
          value = mix(value, b.value, (1 - Math.sqrt(u * u + v * v)) * Math.min(b.a, b.b));
        }
        value *= 1 + textureDepth * texture[at];
      }
      image[at] = Math.max(0, value * (1 + gainDepth * gain[at]));
      top = Math.max(top, image[at]);
    }
  return image.map((v) => v / top);
}

/** A complex image [2,H,W] from a magnitude and a smooth random phase of at most about ±1.5 rad. */
export function withSmoothPhase(
  magnitude: ArrayLike<number>,
  shape: readonly [number, number],
  seed: number,
): Float32Array {
  const [H, W] = shape;
  const rng = random(seed);
  const phase = field(rng, H, W, 4, 2, 6);
  const depth = 0.7 * rng.uniform();
  const offset = 2 * PI * rng.uniform();
  const out = new Float32Array(2 * H * W);
  for (let i = 0; i < H * W; i++) {
    const [s, c] = sinCos(offset + depth * phase[i]);
    out[i] = magnitude[i] * c;
    out[H * W + i] = magnitude[i] * s;
  }
  return out;
}

/**
 * Slices side by side in a grid, as scanners store a volume in one image: `perSide`² tiles, the
 * last few of them empty.
 */
function mosaic(rng: Random, H: number, W: number, perSide: number): Float32Array {
  const [h, w] = [Math.floor(H / perSide), Math.floor(W / perSide)];
  const image = new Float32Array(H * W);
  const count = perSide * perSide - rng.integer(perSide);
  for (let k = 0; k < count; k++) {
    const tile = brain(rng.fork(k), h, w);
    const [top, left] = [Math.floor(k / perSide) * h, (k % perSide) * w];
    for (let i = 0; i < h; i++) image.set(tile.subarray(i * w, (i + 1) * w), (top + i) * W + left);
  }
  return image;
}

/**
 * `count` brain-like images; image i depends on the seed and i alone, so a set of another length
 * shares its first images. A share `mosaics` of them are mosaics of 2×2 to 6×6 small ones.
 */
export function brainPhantoms(options: {
  shape: readonly [number, number];
  count: number;
  seed: number;
  mosaics?: number;
}): ImageSet {
  const { shape, count, seed, mosaics = 0 } = options;
  return {
    length: count,
    shape,
    description: { kind: "brainPhantoms", height: shape[0], width: shape[1], count, seed, mosaics },
    image(i) {
      const rng = random(seed).fork(i);
      const layout = rng.fork("layout");
      const magnitude =
        layout.uniform() < mosaics ? mosaic(layout, ...shape, 2 + layout.integer(5)) : brain(rng, ...shape);
      return withSmoothPhase(magnitude, shape, rng.integer(2 ** 31));
    },
  };
}
