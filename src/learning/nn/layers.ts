// The layers, as plain data: a network is a list of them, and a checkpoint stores that list as it is.

export interface Conv2d { readonly kind: "conv2d"; readonly outChannels: number; readonly kernelSize: number; readonly stride?: number; readonly padding?: number | "same" | "valid"; readonly dilation?: number; readonly groups?: number; readonly bias?: boolean }
export interface ConvTranspose2d { readonly kind: "convTranspose2d"; readonly outChannels: number; readonly kernelSize: number; readonly stride?: number; readonly padding?: number; readonly bias?: boolean }
export interface Linear { readonly kind: "linear"; readonly outFeatures: number; readonly bias?: boolean }
export interface Pool2d { readonly kind: "maxPool2d" | "avgPool2d"; readonly kernelSize: number; readonly stride?: number; readonly padding?: number }
export interface InstanceNorm2d { readonly kind: "instanceNorm2d"; readonly epsilon?: number }
export interface Upsample { readonly kind: "upsample"; readonly scale: number; readonly mode: "nearest" | "bilinear" }
export interface Plain { readonly kind: "relu" | "sigmoid" | "flatten" | "softmax" }
export interface Unet { readonly kind: "unet"; readonly outChannels: number; readonly baseChannels: number; readonly depth: number; readonly residual?: boolean }
export type Layer = Conv2d | ConvTranspose2d | Linear | Pool2d | InstanceNorm2d | Upsample | Plain | Unet;

type Options<L extends Layer> = Omit<L, "kind">;

/** y = w ⋆ x + b (cross-correlation, as in PyTorch); padding "same" keeps the size at stride 1 with odd kernels. x [N,C,H,W]. */
export const conv2d = (options: Options<Conv2d>): Conv2d => ({ kind: "conv2d", ...options });
/** The adjoint of conv2d in its image, PyTorch's ConvTranspose2d. */
export const convTranspose2d = (options: Options<ConvTranspose2d>): ConvTranspose2d => ({ kind: "convTranspose2d", ...options });
/** y = x·wᵀ + b; x [N, features]. */
export const linear = (options: Options<Linear>): Linear => ({ kind: "linear", ...options });
/** The largest value of each window; stride is the kernel's size unless given. */
export const maxPool2d = (options: Options<Pool2d>): Pool2d => ({ kind: "maxPool2d", ...options });
/** The mean of each window, zeros of the padding counted (PyTorch's default). */
export const avgPool2d = (options: Options<Pool2d>): Pool2d => ({ kind: "avgPool2d", ...options });
/** y = (x − mean)/√(variance + ε) over each image and channel, without learned scale; ε = 1e-5. */
export const instanceNorm2d = (options: Options<InstanceNorm2d> = {}): InstanceNorm2d => ({ kind: "instanceNorm2d", ...options });
/** Enlarges by a whole number; bilinear without aligned corners (PyTorch's default). */
export const upsample = (options: Options<Upsample>): Upsample => ({ kind: "upsample", ...options });
/** y = max(0, x) */
export const relu = (): Plain => ({ kind: "relu" });
/** y = 1/(1 + e⁻ˣ) */
export const sigmoid = (): Plain => ({ kind: "sigmoid" });
/** [N, …] → [N, features] */
export const flatten = (): Plain => ({ kind: "flatten" });
/** e^x / Σ e^x over the last axis */
export const softmax = (): Plain => ({ kind: "softmax" });
/** U-Net: `depth` levels of two [3×3 convolution, instance norm, ReLU], max-pooling between, transposed convolutions back up, concatenation, 1×1 out; `residual` adds the input. H and W must be multiples of 2^depth. Source: Ronneberger, Fischer, Brox 2015, with instance norm as in fastMRI. */
export const unetBlock = (options: Options<Unet>): Unet => ({ kind: "unet", ...options });
