// Images of many shapes that hide one another: they have the edges, textures and scales of real
// images without being like any one organ, so that a network learns no one organ by heart.
import { PI, random, sinCos, type Random } from "../../engine/index.ts";
import { withSmoothPhase, type ImageSet } from "./brain.ts";
import { field } from "./field.ts";

/** Leaves are laid out on a grid so many times finer, each way, and averaged. */
const FINER = 2;
/** Half axes of leaves, in half images; an image's smallest are between the first two. */
const SMALLEST = [0.015, 0.15] as const;
const LARGEST = 0.6;
/** All leaves together have so many times the image's area. */
const COVER = 5;

/** A canvas of values, and the fields that its leaves share. */
interface Canvas {
  readonly H: number;
  readonly W: number;
  readonly values: Float64Array;
  readonly waves: Float64Array;
  readonly textures: readonly Float64Array[];
}
interface Leaf {
  readonly x: number;
  readonly y: number;
  /** Half axes, in half images. */
  readonly a: number;
  readonly b: number;
  readonly angle: number;
  /** Share of the radius that is left out in the middle. */
  readonly hole: number;
  readonly box: boolean;
  readonly wave: number;
  readonly value: number;
  readonly texture: number;
  readonly which: number;
}

/** Sizes by the density r⁻³, which makes the images alike at all scales. */
function sizeOfLeaf(rng: Random, smallest: number): number {
  const [most, least] = [1 / smallest ** 2, 1 / LARGEST ** 2];
  return 1 / Math.sqrt(most + (least - most) * rng.uniform());
}
/** What the leaves of one image have in common. */
interface Kind {
  readonly smallest: number;
  readonly textures: number;
  /** Their values lie in [darkest, darkest + contrast]. */
  readonly darkest: number;
  readonly contrast: number;
}
function drawKind(rng: Random, textures: number): Kind {
  const [low, high] = SMALLEST;
  const contrast = 0.25 + 0.75 * rng.uniform();
  return {
    smallest: low + (high - low) * rng.uniform() ** 2,
    textures,
    darkest: (1 - contrast) * rng.uniform(),
    contrast,
  };
}
function drawLeaf(rng: Random, { smallest, textures, darkest, contrast }: Kind): Leaf {
  const size = sizeOfLeaf(rng, smallest);
  const slender = rng.uniform() < 0.3 ? 0.15 + 0.3 * rng.uniform() : 0.5 + 0.5 * rng.uniform();
  return {
    x: 2 * rng.uniform() - 1,
    y: 2 * rng.uniform() - 1,
    a: size,
    b: size * slender,
    angle: PI * rng.uniform(),
    hole: rng.uniform() < 0.2 ? 0.5 + 0.4 * rng.uniform() : 0,
    box: rng.uniform() < 0.1,
    wave: 0.35 * rng.uniform(),
    value: darkest + contrast * rng.uniform(),
    texture: rng.uniform() < 0.4 ? 0.2 * rng.uniform() : 0,
    which: rng.integer(textures),
  };
}

/** Lays a leaf over what is there. */
function lay({ H, W, values, waves, textures }: Canvas, leaf: Leaf): void {
  const [sin, cos] = sinCos(leaf.angle);
  const reach = 1.3 * Math.max(leaf.a, leaf.b);
  const range = (middle: number, n: number): [number, number] => [
    Math.max(0, Math.floor(((middle - reach + 1) * n) / 2)),
    Math.min(n, Math.ceil(((middle + reach + 1) * n) / 2)),
  ];
  const [top, bottom] = range(leaf.y, H);
  const [left, right] = range(leaf.x, W);
  const texture = textures[leaf.which];
  const inner = leaf.hole * leaf.hole;
  for (let i = top; i < bottom; i++)
    for (let j = left; j < right; j++) {
      const at = i * W + j;
      const [x, y] = [(2 * j + 1) / W - 1 - leaf.x, (2 * i + 1) / H - 1 - leaf.y];
      const u = (x * cos + y * sin) / leaf.a;
      const v = (y * cos - x * sin) / leaf.b;
      const far = leaf.box ? Math.max(u * u, v * v) : u * u + v * v;
      const edge = 1 + leaf.wave * waves[at];
      if (far <= edge && far >= inner * edge)
        values[at] = leaf.value * (1 + leaf.texture * texture[at]);
    }
}
const averaged = ({ W, values }: Canvas, h: number, w: number): Float64Array =>
  Float64Array.from({ length: h * w }, (_, k) => {
    const from = Math.floor(k / w) * FINER * W + (k % w) * FINER;
    let sum = 0;
    for (let i = 0; i < FINER; i++) for (let j = 0; j < FINER; j++) sum += values[from + i * W + j];
    return sum / FINER ** 2;
  });

/** A weighted mean with the neighbours along an axis, as a scanner's blur. */
function blurred(
  image: Float64Array,
  [h, w]: readonly [number, number],
  weight: number,
): Float64Array {
  const along = (
    from: Float64Array,
    step: number,
    place: (k: number) => number,
    n: number,
  ): Float64Array =>
    from.map((v, k) => {
      const before = place(k) > 0 ? from[k - step] : v;
      const after = place(k) < n - 1 ? from[k + step] : v;
      return (1 - 2 * weight) * v + weight * (before + after);
    });
  const across = along(image, 1, (k) => k % w, w);
  return along(across, w, (k) => Math.floor(k / w), h);
}

/** The magnitude of one image, at most 1. */
function leaves(rng: Random, shape: readonly [number, number]): Float64Array {
  const [h, w] = shape;
  const [H, W] = [FINER * h, FINER * w];
  const textures = [0.02, 0.05, 0.12].map((wavelength, k) =>
    field(rng.fork(`texture ${k}`), H, W, 16, wavelength, 3 * wavelength),
  );
  const waves = field(rng.fork("waves"), H, W, 16, 0.06, 0.6);
  const canvas: Canvas = { H, W, values: new Float64Array(H * W), waves, textures };
  const draw = rng.fork("leaves");
  const kind = drawKind(draw, textures.length);
  canvas.values.fill(draw.uniform());
  for (let area = 0; area < 4 * COVER; ) {
    const leaf = drawLeaf(draw, kind);
    area += PI * leaf.a * leaf.b;
    lay(canvas, leaf);
  }
  const outline = field(rng.fork("outline"), H, W, 8, 0.4, 1.5);
  if (draw.uniform() < 0.75) cutOut(canvas, outline, draw);
  let image: Float64Array = averaged(canvas, h, w);
  if (draw.uniform() < 0.6) image = blurred(image, shape, 0.25 * draw.uniform());
  const gain = field(rng.fork("gain"), h, w, 4, 2, 5);
  const [depth, noise] = [0.15 * draw.uniform(), draw.uniform() < 0.5 ? 0.015 * draw.uniform() : 0];
  image = image.map((v, k) => Math.max(0, v * (1 + depth * gain[k]) + noise * draw.normal()));
  const top = image.reduce((p, q) => Math.max(p, q), 1e-6);
  return image.map((v) => v / top);
}
/** Air around a body, with or without a rim of skin. */
function cutOut({ H, W, values }: Canvas, outline: Float64Array, rng: Random): void {
  const [cx, cy] = [0.2 * rng.uniform() - 0.1, 0.2 * rng.uniform() - 0.1];
  const [rx, ry] = [0.5 + 0.42 * rng.uniform(), 0.5 + 0.42 * rng.uniform()];
  const wave = 0.1 * rng.uniform();
  const skin = rng.uniform() < 0.6 ? 0.02 + 0.08 * rng.uniform() : 0;
  const [bright, dark] = [rng.uniform(), rng.uniform()];
  for (let i = 0; i < H; i++)
    for (let j = 0; j < W; j++) {
      const at = i * W + j;
      const [x, y] = [(2 * j + 1) / W - 1 - cx, (2 * i + 1) / H - 1 - cy];
      const depth = 1 + wave * outline[at] - Math.sqrt((x / rx) ** 2 + (y / ry) ** 2);
      if (depth < 0) values[at] = 0;
      else if (depth < skin) values[at] = bright;
      else if (depth < 2 * skin) values[at] = 0.2 * dark;
    }
}

/** As real images are given: without a phase. */
export const withoutPhase = (magnitude: ArrayLike<number>): Float32Array => {
  const image = new Float32Array(2 * magnitude.length);
  image.set(Float32Array.from(magnitude));
  return image;
};

/**
 * `count` images of shapes of all sizes that hide one another, textured, blurred, shaded
 * and noisy to varied degrees, most of them cut out as a body in air; half of them have a smooth
 * phase, half none. Image i depends on the seed and i alone. Source: Matheron's dead leaves, with
 * sizes by r⁻³ as Lee, Mumford, Huang 2001, "Occlusion models for natural images".
 */
export function deadLeaves(options: {
  shape: readonly [number, number];
  count: number;
  seed: number;
}): ImageSet {
  const { shape, count, seed } = options;
  return {
    length: count,
    shape,
    description: { kind: "deadLeaves", height: shape[0], width: shape[1], count, seed },
    image(i) {
      const rng = random(seed).fork(`leaves ${i}`);
      const magnitude = leaves(rng.fork("magnitude"), shape);
      const phase = rng.integer(2 ** 31);
      return rng.uniform() < 0.5
        ? withoutPhase(magnitude)
        : withSmoothPhase(magnitude, shape, phase);
    },
  };
}
