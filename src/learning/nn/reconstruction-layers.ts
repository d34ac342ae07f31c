// The layers that reconstruction networks of the literature are made of, as plain data; all others
// are in layers.ts.
import type { Layer, PaddingMode } from "./layers.ts";

/** Of reconstruction networks alone: needs the measurement (Scope.physics). */
export interface DataConsistency {
  readonly kind: "dataConsistency";
  /** 1 puts what was measured back, where A*A is a projection. */
  readonly step?: number;
  /** The step is learned, from `step` on. */
  readonly learned?: boolean;
  /** A learned step below 0 counts as 0. */
  readonly nonNegative?: boolean;
}
export interface ConjugateGradient {
  readonly kind: "conjugateGradient";
  readonly iterations?: number;
  /** An image is done when its squared residual is no more. */
  readonly tolerance?: number;
  /** λ's first value. */
  readonly weight?: number;
}
export interface KSpaceCascades {
  readonly kind: "kSpaceCascades";
  readonly cascades: readonly (readonly Layer[])[];
  /** The first value of every cascade's weight of the measured cells. */
  readonly step?: number;
  /** Makes the coils' maps of their images from the middle of k-space, one coil at a time. */
  readonly sensitivities?: readonly Layer[];
  /** Columns of that middle; 1 unless given. */
  readonly calibrationColumns?: number;
}
export interface Pad2d {
  readonly kind: "pad2d";
  /** Rows above and columns to the left. */
  readonly before: readonly [number, number];
  /** Rows below and columns to the right. */
  readonly after: readonly [number, number];
  readonly mode?: PaddingMode | "symmetric";
}
export interface Crop2d {
  readonly kind: "crop2d";
  readonly before: readonly [number, number];
  readonly after: readonly [number, number];
}
export interface Padded {
  readonly kind: "padded";
  readonly multiple: number;
  readonly body: readonly Layer[];
}
export interface Standardized {
  readonly kind: "standardized" | "peakScaled";
  readonly body: readonly Layer[];
}
export interface Repeated {
  readonly kind: "repeated";
  readonly times: number;
  readonly body: readonly Layer[];
}
export interface Affine {
  readonly kind: "affine";
  readonly scale?: number;
  readonly shift?: number;
}
export interface Gather {
  readonly kind: "gather";
  readonly indices: readonly number[];
}
export interface SoftThreshold {
  readonly kind: "softThreshold";
  readonly initial?: number;
}
export interface RadialBasis {
  readonly kind: "radialBasis";
  readonly knots?: number;
  readonly slope?: number;
}
export interface FieldOfExperts {
  readonly kind: "fieldOfExperts";
  readonly filters: number;
  readonly kernelSize: number;
  readonly knots?: number;
  readonly slope?: number;
}
export interface FastMriUnet {
  readonly kind: "fastMriUnet";
  readonly outChannels: number;
  readonly baseChannels: number;
  readonly pools: number;
}
export interface ImageParts {
  readonly kind: "magnitude" | "realPart" | "complexImage" | "transposeImage" | "zeroMean";
}

export type ReconstructionLayer =
  | DataConsistency
  | ConjugateGradient
  | KSpaceCascades
  | Pad2d
  | Crop2d
  | Padded
  | Standardized
  | Repeated
  | Affine
  | Gather
  | SoftThreshold
  | RadialBasis
  | FieldOfExperts
  | FastMriUnet
  | ImageParts;

type Options<L extends { readonly kind: string }> = Omit<L, "kind">;

/**
 * x + step·A*(y − Ax), y being what was measured and A how. Source: Schlemper et al. 2018 (step 1),
 * Hammernik et al. 2018 (learned).
 */
export const dataConsistency = (options: Options<DataConsistency> = {}): DataConsistency => ({
  kind: "dataConsistency",
  ...options,
});
/**
 * z ↦ argmin ‖Ax − y‖² + λ‖x − z‖² by conjugate gradients from 0, λ learned from `weight` = 0.05,
 * 10 iterations or until the squared residual is at most 1e-10. Source: Aggarwal, Mani, Jacob 2019
 * (MoDL).
 */
export const conjugateGradient = (options: Options<ConjugateGradient> = {}): ConjugateGradient => ({
  kind: "conjugateGradient",
  ...options,
});
/**
 * k ← k − η·M(k − y) − E·body(E*k) from k = y, once for each stack of layers, then E*k: refines the
 * k-space of all coils, E being A without its mask M. Written in images: with E*E = 1, which holds
 * for maps of coils whose squares add up to 1, E*k is known from A and A* alone. With
 * `sensitivities` the maps are these layers' own, over the root of their sum of squares, whatever
 * the operator's are, and it ends with that of the coils' images. Source: Sriram et al. 2020
 * (E2E-VarNet).
 */
export const kSpaceCascades = (options: Options<KSpaceCascades>): KSpaceCascades => ({
  kind: "kSpaceCascades",
  ...options,
});
/** Rows and columns around the image; "symmetric" repeats the edge, "reflect" does not. */
export const pad2d = (options: Options<Pad2d>): Pad2d => ({ kind: "pad2d", ...options });
/** Takes rows and columns off. */
export const crop2d = (options: Options<Crop2d>): Crop2d => ({ kind: "crop2d", ...options });
/** `body` on the image amid zeros, H and W being multiples then; cropped again. */
export const padded = (options: Options<Padded>): Padded => ({ kind: "padded", ...options });
/**
 * σ·body((x − μ)/σ) + μ with every channel's own mean and unbiased standard deviation, of every
 * image. Source: Sriram et al. 2020 (NormUnet).
 */
export const standardized = (body: readonly Layer[]): Standardized => ({
  kind: "standardized",
  body,
});
/**
 * s·body(x/s), s being the image's largest magnitude (two channels are a complex image's); the
 * measurement that `body` may know is divided by s as well.
 */
export const peakScaled = (body: readonly Layer[]): Standardized => ({ kind: "peakScaled", body });
/** The same layers with the same weights, one time after another. */
export const repeated = (options: Options<Repeated>): Repeated => ({
  kind: "repeated",
  ...options,
});
/** y = scale·x + shift, not learned. */
export const affine = (options: Options<Affine>): Affine => ({ kind: "affine", ...options });
/** Some of the features, by their places: [N, features] → [N, indices]. */
export const gather = (options: Options<Gather>): Gather => ({ kind: "gather", ...options });
/** y = sign(x)·max(0, |x| − θ), one θ for all, learned from 0.01. Source: Zhang & Ghanem 2018. */
export const softThreshold = (options: Options<SoftThreshold> = {}): SoftThreshold => ({
  kind: "softThreshold",
  ...options,
});
/**
 * y = 0.4·Σ_j w_j·exp(−(x − μ_j)²/2σ²), w learned for every channel from slope·μ: 31 Gaussians at
 * even distances over [−1, 1], as wide as they are apart; slope 0.04. Beyond them it is 0. Source:
 * Hammernik et al. 2018, with the factor of optox's act_rbf.
 */
export const radialBasis = (options: Options<RadialBasis> = {}): RadialBasis => ({
  kind: "radialBasis",
  ...options,
});
/**
 * −(1/filters)·Σ_k Kᵀ_k φ_k(K_k x): learned filters K over all channels, mean 0 on each and norm at
 * most 1, and φ_k a radialBasis; x is padded symmetrically by a kernel's size before, and cropped
 * at last. Source: Hammernik et al. 2018 (variational network).
 */
export const fieldOfExperts = (options: Options<FieldOfExperts>): FieldOfExperts => ({
  kind: "fieldOfExperts",
  ...options,
});
/**
 * fastMRI's U-Net: levels of two [3×3 convolution, instance norm, leaky ReLU of 0.2], average
 * pools, transposed convolutions with the same behind them, a row or column reflected where a size
 * was odd, 1×1 out. Source: Zbontar et al. 2018.
 */
export const fastMriUnetBlock = (options: Options<FastMriUnet>): FastMriUnet => ({
  kind: "fastMriUnet",
  ...options,
});
/** |x| of complex images: [N,2,H,W] → [N,1,H,W]. */
export const magnitude = (): ImageParts => ({ kind: "magnitude" });
/** Their real part: [N,2,H,W] → [N,1,H,W]. */
export const realPart = (): ImageParts => ({ kind: "realPart" });
/** A real image as a complex one: [N,1,H,W] → [N,2,H,W]. */
export const complexImage = (): ImageParts => ({ kind: "complexImage" });
/** Rows become columns. */
export const transposeImage = (): ImageParts => ({ kind: "transposeImage" });
/** Less the mean over everything but the batch. */
export const zeroMean = (): ImageParts => ({ kind: "zeroMean" });
