// Image quality, in the variants the field reports. Every figure names its variant; all take
// magnitude images, reference first.
import { exp, log10, ShapeError } from "../engine/index.ts";

type Values = ArrayLike<number>;
function same(reference: Values, image: Values): void {
  if (reference.length !== image.length)
    throw new ShapeError(
      `metric: the reference has ${reference.length} pixels, the image ${image.length}`,
      {},
    );
}
/** Largest value: fastMRI's data range. */
export function maximum(x: Values): number {
  let top = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < x.length; i++) if (x[i] > top) top = x[i];
  return top;
}

/** ‖g − p‖² / ‖g‖². Source: fastMRI evaluate.py, nmse. */
export function nmse(reference: Values, image: Values): number {
  same(reference, image);
  let [error, norm] = [0, 0];
  for (let i = 0; i < reference.length; i++) {
    error += (reference[i] - image[i]) ** 2;
    norm += reference[i] ** 2;
  }
  return error / norm;
}

/**
 * 10 log₁₀(range² / mean (g − p)²) in dB; the range is the reference's maximum unless given
 * (fastMRI's convention, over whatever is passed: a slice or a volume).
 */
export function psnr(reference: Values, image: Values, range: number = maximum(reference)): number {
  same(reference, image);
  let error = 0;
  for (let i = 0; i < reference.length; i++) error += (reference[i] - image[i]) ** 2;
  return 10 * log10((range * range * reference.length) / error);
}

/**
 * SSIM from local weighted moments with the window `weights` (size², summing to 1); the mean over
 * the positions where the window fits.
 */
function structuralSimilarity(
  g: Values,
  p: Values,
  [H, W]: readonly [number, number],
  weights: Float64Array,
  size: number,
  covarianceFactor: number,
  range: number,
): number {
  same(g, p);
  if (H < size || W < size)
    throw new ShapeError(
      `ssim: the image ${H}×${W} is smaller than its ${size}×${size} window`,
      {},
    );
  const c1 = (0.01 * range) ** 2;
  const c2 = (0.03 * range) ** 2;
  let total = 0;
  for (let i = 0; i + size <= H; i++)
    for (let j = 0; j + size <= W; j++) {
      let [mg, mp, gg, pp, gp] = [0, 0, 0, 0, 0];
      for (let r = 0; r < size; r++)
        for (let s = 0; s < size; s++) {
          const w = weights[r * size + s];
          const a = g[(i + r) * W + j + s];
          const b = p[(i + r) * W + j + s];
          mg += w * a;
          mp += w * b;
          gg += w * a * a;
          pp += w * b * b;
          gp += w * a * b;
        }
      const vg = covarianceFactor * (gg - mg * mg);
      const vp = covarianceFactor * (pp - mp * mp);
      const vgp = covarianceFactor * (gp - mg * mp);
      total += ((2 * mg * mp + c1) * (2 * vgp + c2)) / ((mg * mg + mp * mp + c1) * (vg + vp + c2));
    }
  return total / ((H - size + 1) * (W - size + 1));
}

/**
 * SSIM with a uniform 7×7 window, sample covariance (49/48), border cropped: skimage's default and
 * fastMRI's. `range` is the data range, the slice's or the volume's maximum.
 */
export function ssim(
  reference: Values,
  image: Values,
  shape: readonly [number, number],
  range: number = maximum(reference),
): number {
  return structuralSimilarity(
    reference,
    image,
    shape,
    new Float64Array(49).fill(1 / 49),
    7,
    49 / 48,
    range,
  );
}

/**
 * SSIM with the Gaussian 11×11 window of σ = 1.5 and population covariance: Wang et al. 2004,
 * skimage's gaussian_weights = True, use_sample_covariance = False.
 */
export function ssimGaussian(
  reference: Values,
  image: Values,
  shape: readonly [number, number],
  range: number = maximum(reference),
): number {
  const line = Float64Array.from({ length: 11 }, (_, i) => exp(-((i - 5) ** 2) / (2 * 1.5 * 1.5)));
  const sum = line.reduce((s, v) => s + v, 0);
  const weights = Float64Array.from(
    { length: 121 },
    (_, i) => (line[Math.floor(i / 11)] * line[i % 11]) / (sum * sum),
  );
  return structuralSimilarity(reference, image, shape, weights, 11, 1, range);
}

/** |z| of a complex image [2,H,W]. */
export function magnitude(image: Values): Float64Array {
  const n = image.length / 2;
  const out = new Float64Array(n);
  for (let i = 0; i < n; i++) out[i] = Math.sqrt(image[i] ** 2 + image[n + i] ** 2);
  return out;
}
/** ‖x‖₂ */
export function norm(x: Values): number {
  let s = 0;
  for (let i = 0; i < x.length; i++) s += x[i] * x[i];
  return Math.sqrt(s);
}
