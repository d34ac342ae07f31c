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
  return {
    x,
    y,
    a: size * (0.6 + 0.8 * rng.uniform()),
    b: size * (0.6 + 0.8 * rng.uniform()),
    sin,
    cos,
    value,
  };
}

/** Draws evenly between two numbers. */
type Between = (from: number, to: number) => number;
interface Tissue {
  readonly scalp: number;
  readonly skull: number;
  readonly fluid: number;
  readonly grey: number;
  readonly white: number;
}

/** T1-like, T2-like or other contrast. */
function drawTissue(rng: Random, between: Between): Tissue {
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
  return contrast < 0.5 ? t1 : contrast < 0.75 ? t2 : free;
}

/** Ventricles, nuclei, a few small lesions and vessels. */
function drawBlobs(rng: Random, between: Between, tissue: Tissue): Blob[] {
  const blobs: Blob[] = [];
  const gap = between(0.06, 0.14);
  for (const side of [-1, 1]) {
    if (rng.uniform() < 0.85)
      blobs.push(blob(rng, side * gap, between(-0.2, 0.1), between(0.05, 0.14), tissue.fluid));
    if (rng.uniform() < 0.7) {
      const [x, y] = [side * between(0.18, 0.3), between(-0.1, 0.2)];
      blobs.push(blob(rng, x, y, between(0.06, 0.12), (tissue.grey + tissue.white) / 2));
    }
  }
  for (let k = rng.integer(7); k > 0; k--)
    blobs.push(
      blob(rng, between(-0.5, 0.5), between(-0.6, 0.6), between(0.01, 0.07), between(0, 1)),
    );
  return blobs;
}

/** Where a head lies and how thick its layers are, in half image sizes, and its random fields. */
interface Head {
  readonly tissue: Tissue;
  readonly tilt: readonly [sin: number, cos: number];
  readonly centre: readonly [number, number];
  readonly radii: readonly [number, number];
  readonly scalp: number;
  readonly skull: number;
  readonly fluid: number;
  readonly cortex: number;
  readonly folds: Float64Array;
  readonly outline: Float64Array;
  readonly gain: Float64Array;
  readonly texture: Float64Array;
  readonly gainDepth: number;
  readonly textureDepth: number;
  readonly foldDepth: number;
  readonly blobs: readonly Blob[];
}
function drawHead(rng: Random, H: number, W: number): Head {
  const between: Between = (a, b) => a + (b - a) * rng.uniform();
  const tissue = drawTissue(rng, between);
  return {
    tissue,
    tilt: sinCos(between(-0.25, 0.25)),
    centre: [between(-0.08, 0.08), between(-0.08, 0.08)],
    radii: [between(0.55, 0.78), between(0.68, 0.9)],
    scalp: between(0.02, 0.06),
    skull: between(0.03, 0.07),
    fluid: between(0.01, 0.04),
    cortex: between(0.05, 0.1),
    folds: field(rng.fork("folds"), H, W, 24, 0.12, 0.4),
    outline: field(rng.fork("outline"), H, W, 6, 0.8, 2.5),
    gain: field(rng.fork("gain"), H, W, 4, 2, 5),
    texture: field(rng.fork("texture"), H, W, 30, 0.04, 0.15),
    gainDepth: between(0, 0.12),
    textureDepth: between(0, 0.04),
    foldDepth: between(0.03, 0.1),
    blobs: drawBlobs(rng, between, tissue),
  };
}

/**
 * One image: scalp, skull, fluid, a folded cortex, white matter, ventricles, nuclei, a few small
 * lesions and vessels; a slowly varying gain and fine texture. Magnitude at most 1.
 */
function brain(rng: Random, H: number, W: number): Float32Array {
  const head = drawHead(rng, H, W);
  const image = new Float32Array(H * W);
  let top = 1e-6;
  for (let i = 0; i < H; i++)
    for (let j = 0; j < W; j++) {
      const at = i * W + j;
      const value = tissueAt(
        head,
        at,
        (2 * j + 1) / W - 1,
        (2 * i + 1) / H - 1,
        Math.min(H, W) / 2,
      );
      image[at] = Math.max(0, value * (1 + head.gainDepth * head.gain[at]));
      top = Math.max(top, image[at]);
    }
  return image.map((v) => v / top);
}

/** What lies in cell `at`, at (x, y) of a picture from −1 to 1; 0 outside the head. */
function tissueAt(
  head: Head,
  at: number,
  pictureX: number,
  pictureY: number,
  pixel: number,
): number {
  const { tissue, scalp, skull, folds, outline, foldDepth } = head;
  const [tiltSin, tiltCos] = head.tilt;
  const [rx, ry] = head.radii;
  const [px, py] = [pictureX - head.centre[0], pictureY - head.centre[1]];
  const x = px * tiltCos + py * tiltSin;
  const y = py * tiltCos - px * tiltSin;
  const radius = Math.sqrt((x / rx) * (x / rx) + (y / ry) * (y / ry));
  /** depth below the surface, in half image sizes */
  const depth = (1 - radius) * Math.min(rx, ry) + 0.02 * outline[at];
  if (depth * pixel < -1) return 0;
  const mix = (from: number, to: number, d: number): number => from + (to - from) * edge(d * pixel);
  let value = mix(0, tissue.scalp, depth);
  value = mix(value, tissue.skull, depth - scalp);
  value = mix(value, tissue.fluid, depth - scalp - skull);
  const inside = depth - scalp - skull - head.fluid;
  value = mix(value, tissue.grey, inside + 0.5 * foldDepth * Math.min(0, folds[at]));
  value = mix(value, tissue.white, inside - head.cortex + foldDepth * folds[at]);
  if (inside <= 0) return value;
  // the fissure between the hemispheres
  value = mix(
    value,
    tissue.fluid,
    0.012 - Math.abs(x + 0.01 * outline[at]) - Math.max(0, 0.35 - Math.abs(y)),
  );
  for (const b of head.blobs) {
    const u = ((x - b.x) * b.cos + (y - b.y) * b.sin) / b.a;
    const v = ((y - b.y) * b.cos - (x - b.x) * b.sin) / b.b;
    value = mix(value, b.value, (1 - Math.sqrt(u * u + v * v)) * Math.min(b.a, b.b));
  }
  return value * (1 + head.textureDepth * head.texture[at]);
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
        layout.uniform() < mosaics
          ? mosaic(layout, ...shape, 2 + layout.integer(5))
          : brain(rng, ...shape);
      return withSmoothPhase(magnitude, shape, rng.integer(2 ** 31));
    },
  };
}
