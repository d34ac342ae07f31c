// Is an image like those that a network was trained on? A few features that a person can check by
// eye, their ranges over training images, and a sentence that names what lies outside.
import { ConfigError, FormatError, log, ShapeError } from "../engine/index.ts";
import { aList, aRecord, aWhole, numbers } from "./checks.ts";
import { magnitude, maximum } from "./metrics.ts";
import { aNumber, type Check } from "./operators/spec.ts";
import type { ImageSet } from "./phantoms/brain.ts";

/** What is looked at, as it stands in a sentence: "its … is 0.41". */
const titles = {
  background: "share of pixels darker than 5 % of the brightest",
  tissueMean: "mean brightness of the tissue",
  tissueContrast: "contrast within the tissue (deviation over mean)",
  fineEnergy: "share of energy in details finer than 4 pixels",
  edgeSpread: "spread of edges (0: a few sharp ones; 1: the same change everywhere)",
  phaseRoughness: "step of the phase between neighbours (radians; 1.41: random)",
  height: "height of the object, of the image's",
  width: "width of the object, of the image's",
  elongation: "height of the object over its width",
} as const;
export type FeatureName = keyof typeof titles;
export type ImageFeatures = Readonly<Record<FeatureName, number>>;
const names = Object.keys(titles) as FeatureName[];
/** What is darker, beside the brightest pixel, is background. */
const DARK = 0.05;

type Size = readonly [height: number, width: number];

/** Share of the pixels that are background, and mean and deviation over mean of the others. */
function tissueOf(
  m: Float64Array,
): Pick<ImageFeatures, "background" | "tissueMean" | "tissueContrast"> {
  const tissue = m.filter((v) => v >= DARK);
  const mean = tissue.reduce((sum, v) => sum + v, 0) / tissue.length;
  const variance = tissue.reduce((sum, v) => sum + (v - mean) ** 2, 0) / tissue.length;
  return {
    background: 1 - tissue.length / m.length,
    tissueMean: mean,
    tissueContrast: Math.sqrt(variance) / mean,
  };
}

/** What blocks of 4×4 pixels do not hold of the energy; a last row or column may be left out. */
function fineEnergyOf(m: Float64Array, [H, W]: Size): number {
  let [all, coarse] = [0, 0];
  for (let top = 0; top + 4 <= H; top += 4)
    for (let left = 0; left + 4 <= W; left += 4) {
      let sum = 0;
      for (let k = 0; k < 16; k++) {
        const v = m[(top + (k >> 2)) * W + left + (k & 3)];
        sum += v;
        all += v * v;
      }
      coarse += (sum * sum) / 16;
    }
  return all > 0 ? 1 - coarse / all : 0;
}

/** ‖∇m‖₁ over √n·‖∇m‖₂: small when few pixels change much. */
function edgeSpreadOf(m: Float64Array, [H, W]: Size): number {
  let [first, second] = [0, 0];
  for (let i = 0; i + 1 < H; i++)
    for (let j = 0; j + 1 < W; j++) {
      const at = i * W + j;
      const square = (m[at + 1] - m[at]) ** 2 + (m[at + W] - m[at]) ** 2;
      first += Math.sqrt(square);
      second += square;
    }
  return second > 0 ? first / Math.sqrt((H - 1) * (W - 1) * second) : 1;
}

/**
 * √(2 − 2·mean cosine) of the phase's steps between neighbours, weighted by their magnitudes: about
 * the root mean square of small steps in radians, and √2 where the phase is random.
 */
function phaseRoughnessOf(
  image: ArrayLike<number>,
  m: Float64Array,
  [H, W]: Size,
  top: number,
): number {
  const n = H * W;
  let [along, weight] = [0, 0];
  const step = (p: number, q: number): void => {
    if (m[p] < DARK || m[q] < DARK) return;
    along += (image[p] * image[q] + image[n + p] * image[n + q]) / top ** 2;
    weight += m[p] * m[q];
  };
  for (let i = 0; i + 1 < H; i++)
    for (let j = 0; j + 1 < W; j++) {
      step(i * W + j, i * W + j + 1);
      step(i * W + j, (i + 1) * W + j);
    }
  return weight > 0 ? Math.sqrt(Math.max(0, 2 - (2 * along) / weight)) : 0;
}

/** Four deviations of the tissue's rows and columns: an ellipse's two diameters, in pixels. */
function bodyOf(m: Float64Array, [H, W]: Size): { height: number; width: number } {
  let [count, rows, columns, rows2, columns2] = [0, 0, 0, 0, 0];
  for (let i = 0; i < H; i++)
    for (let j = 0; j < W; j++) {
      if (m[i * W + j] < DARK) continue;
      count++;
      rows += i;
      columns += j;
      rows2 += i * i;
      columns2 += j * j;
    }
  const diameter = (squares: number, sum: number): number =>
    4 * Math.sqrt(Math.max(0, squares / count - (sum / count) ** 2));
  return { height: diameter(rows2, rows), width: diameter(columns2, columns) };
}

/**
 * The features of a complex image [2,H,W] after division by its largest magnitude; a few
 * milliseconds at 256². Throws ShapeError for another size, ConfigError for an image that is 0 or
 * not finite.
 */
export function imageFeatures(image: ArrayLike<number>, shape: Size): ImageFeatures {
  const [H, W] = shape;
  if (image.length !== 2 * H * W || H < 8 || W < 8)
    throw new ShapeError(
      `imageFeatures: ${image.length} values are not a complex image of ${H}×${W} (8×8 or more)`,
      { shape },
    );
  const size = magnitude(image);
  const top = maximum(size);
  if (!(top > 0) || size.some((v) => !Number.isFinite(v)))
    throw new ConfigError(
      "imageFeatures: the image is 0 everywhere or not finite; there is nothing to compare",
      { top },
    );
  const m = size.map((v) => v / top);
  const body = bodyOf(m, shape);
  return {
    ...tissueOf(m),
    fineEnergy: fineEnergyOf(m, shape),
    edgeSpread: edgeSpreadOf(m, shape),
    phaseRoughness: phaseRoughnessOf(image, m, shape, top),
    height: body.height / H,
    width: body.width / W,
    elongation: body.height / Math.max(1e-9, body.width),
  };
}

/** What one kind of training images is like; plain data, so that a checkpoint can hold it. */
export interface ImageKind {
  readonly images: number;
  readonly shape: Size;
  /** Least and greatest value, and a tenth of the distance more on both sides. */
  readonly ranges: Readonly<Record<FeatureName, readonly [low: number, high: number]>>;
  /** Mean and inverse covariance of the features together, in the order of `ranges`. */
  readonly mean: readonly number[];
  readonly precision: readonly (readonly number[])[];
  /** The greatest distance from the mean, and a tenth more. */
  readonly farthest: number;
}
const MARGIN = 0.1;

/**
 * Features as they are compared together: ratios and shares of widely different size by logarithm.
 */
function together(features: ImageFeatures): number[] {
  const byRatio: readonly FeatureName[] = ["tissueContrast", "fineEnergy", "elongation"];
  return names.map((name) =>
    byRatio.includes(name) ? log(Math.max(1e-9, features[name])) : features[name],
  );
}

/** The inverse of a symmetric positive definite matrix, by Gauss and Jordan. */
function inverseOf(matrix: readonly (readonly number[])[]): number[][] {
  const n = matrix.length;
  const rows = matrix.map((row, i) => [...row, ...row.map((_, j) => (i === j ? 1 : 0))]);
  for (let i = 0; i < n; i++) {
    const pivot = rows[i].map((v) => v / rows[i][i]);
    for (let k = 0; k < n; k++) {
      const factor = k === i ? 0 : rows[k][i];
      rows[k] = rows[k].map((v, j) => v - factor * pivot[j]);
    }
    rows[i] = pivot;
  }
  return rows.map((row) => row.slice(n));
}

/** (v − mean)·precision, feature by feature, and Mahalanobis' distance. */
function distanceOf(
  v: readonly number[],
  kind: Pick<ImageKind, "mean" | "precision">,
): [pull: number[], distance: number] {
  const offset = v.map((value, k) => value - kind.mean[k]);
  const pull = kind.precision.map((row) => row.reduce((sum, p, k) => sum + p * offset[k], 0));
  return [
    pull,
    Math.sqrt(
      Math.max(
        0,
        pull.reduce((sum, p, k) => sum + p * offset[k], 0),
      ),
    ),
  ];
}

/**
 * What the images of a set are like: a plain object, to be made from the training images (a few
 * hundred) and kept beside the weights. Throws ConfigError for fewer than 50 images.
 */
export function describeKind(images: ImageSet): ImageKind {
  if (images.length < 50)
    throw new ConfigError(
      `describeKind: ${images.length} images do not show what their kind is like; give 50 or more`,
      { images: images.length },
    );
  const features = Array.from({ length: images.length }, (_, i) =>
    imageFeatures(images.image(i), images.shape),
  );
  const ranges = {} as Record<FeatureName, readonly [number, number]>;
  for (const name of names) {
    const values = features.map((f) => f[name]);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const margin = MARGIN * (high - low);
    ranges[name] = [Math.max(0, low - margin), high + margin];
  }
  const vectors = features.map(together);
  const mean = names.map((_, k) => vectors.reduce((sum, v) => sum + v[k], 0) / vectors.length);
  const covariance = names.map((_, i) =>
    names.map((_, j) => {
      const sum = vectors.reduce((s, v) => s + (v[i] - mean[i]) * (v[j] - mean[j]), 0);
      // a feature that never varies still has an inverse
      return sum / vectors.length + (i === j ? 1e-8 : 0);
    }),
  );
  const precision = inverseOf(covariance);
  const distances = vectors.map((v) => distanceOf(v, { mean, precision })[1]);
  return {
    images: images.length,
    shape: images.shape,
    ranges,
    mean,
    precision,
    farthest: (1 + MARGIN) * Math.max(...distances),
  };
}

const aSize: Check = (value, where) => {
  aList(aWhole)(value, where);
  if ((value as unknown[]).length !== 2)
    throw new FormatError(`${where}: it must be a height and a width`, {});
};
const aKind: Check = aRecord({
  images: aWhole,
  shape: aSize,
  ranges: aRecord(Object.fromEntries(names.map((name) => [name, numbers]))),
  mean: numbers,
  precision: aList(numbers),
  farthest: aNumber,
});
/** The kinds that a checkpoint holds. Throws FormatError, beginning with `where`, for others. */
export function parseKinds(value: unknown, where: string): readonly ImageKind[] {
  aList(aKind)(value, where);
  const kinds = value as readonly ImageKind[];
  const n = names.length;
  const whole = ({ ranges, mean, precision }: ImageKind): boolean =>
    names.every((name) => ranges[name].length === 2) &&
    mean.length === n &&
    precision.length === n &&
    precision.every((row) => row.length === n);
  if (!kinds.every(whole))
    throw new FormatError(`${where}: its ${n} features are not all there`, {});
  return kinds;
}

/** One feature that is not as in the training images. */
export interface Unlikeness {
  readonly feature: FeatureName;
  readonly value: number;
  readonly low: number;
  readonly high: number;
}
export interface Likeness {
  readonly alike: boolean;
  /** Outside the range of the nearest kind, the farthest first. */
  readonly outside: readonly Unlikeness[];
  /** The distance of all features together, of the greatest in training; above 1 is unlike. */
  readonly distance: number;
  /** One sentence for a report. */
  readonly verdict: string;
}

const figure = (v: number): string => String(Number(v.toPrecision(3)));

function likenessTo(features: ImageFeatures, kind: ImageKind): Likeness {
  const excess = ({ value, low, high }: Unlikeness): number =>
    Math.max(low - value, value - high) / Math.max(1e-9, high - low);
  const outside = names
    .map((feature) => ({
      feature,
      value: features[feature],
      low: kind.ranges[feature][0],
      high: kind.ranges[feature][1],
    }))
    .filter(({ value, low, high }) => value < low || value > high)
    .sort((a, b) => excess(b) - excess(a));
  const [pull, mahalanobis] = distanceOf(together(features), kind);
  const distance = mahalanobis / kind.farthest;
  const alike = outside.length === 0 && distance <= 1;
  if (alike) return { alike, outside, distance, verdict: "like the images it was trained on" };
  const said = outside
    .slice(0, 3)
    .map(
      ({ feature, value, low, high }) =>
        `its ${titles[feature]} is ${figure(value)}, theirs lie in ${figure(low)}…${figure(high)}`,
    );
  // the feature that the others foretell worst
  const surprise = pull.map((p, k) => Math.abs(p) / Math.sqrt(kind.precision[k][k]));
  const odd = names[surprise.indexOf(Math.max(...surprise))];
  if (said.length === 0)
    said.push(
      `no feature by itself is, but together they are, above all its ${titles[odd]} of ${figure(features[odd])}`,
    );
  return {
    alike,
    outside,
    distance,
    verdict: `unlike the images it was trained on: ${said.join("; ")}`,
  };
}

/**
 * Whether an image [2,H,W] is like one of the kinds that a network was trained on, and what is not.
 * Throws what imageFeatures throws, ConfigError without a kind, ShapeError where the
 * sizes differ: details are finer in larger images.
 */
export function compareKinds(
  image: ArrayLike<number>,
  shape: Size,
  kinds: readonly ImageKind[],
): Likeness {
  if (kinds.length === 0)
    throw new ConfigError("compareKinds: there is no kind of training images to compare with");
  const other = kinds.find((kind) => kind.shape.join() !== shape.join());
  if (other)
    throw new ShapeError(
      `compareKinds: an image of ${shape.join("×")} beside training images of ${other.shape.join("×")}; resample it first`,
      { shape },
    );
  const features = imageFeatures(image, shape);
  const found = kinds.map((kind) => likenessTo(features, kind));
  return found.find((f) => f.alike) ?? found.reduce((a, b) => (b.distance < a.distance ? b : a));
}
