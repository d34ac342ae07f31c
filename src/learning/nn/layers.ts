// The layers, as plain data: a network is a list of them, and a checkpoint stores that list as it
// is. Those made of layers: block-layers.ts; of reconstruction networks: reconstruction-layers.ts.
import type { OnnxBlock } from "../onnx/block.ts";
import type { OnnxLayer } from "../onnx/layer.ts";
import type { SelfAttention2d } from "./attention.ts";
import type { Branches, EachChannel, GraphBlock, Residual, Shared, Unet } from "./block-layers.ts";
import type { CustomLayer } from "./custom.ts";
import type { LineOrVolumeLayer } from "./lines-and-volumes.ts";
import type { Padding, PerAxis } from "./per-axis.ts";
import type { PiecewiseLinear } from "./piecewise.ts";
import type { ReconstructionLayer } from "./reconstruction-layers.ts";
import type { ProximalStep, Scale } from "./unrolled.ts";

export type PaddingMode = "zeros" | "reflect" | "replicate" | "circular";
export interface Conv2d {
  readonly kind: "conv2d";
  readonly outChannels: number;
  readonly kernelSize: PerAxis;
  readonly stride?: PerAxis;
  readonly padding?: Padding<PerAxis>;
  readonly paddingMode?: PaddingMode;
  readonly dilation?: PerAxis;
  readonly groups?: number;
  readonly bias?: boolean;
}
export interface DepthwiseConv2d extends Omit<Conv2d, "kind" | "outChannels" | "groups"> {
  readonly kind: "depthwiseConv2d";
  /** Outputs for every channel; 1 unless given. */
  readonly multiplier?: number;
}
export interface SeparableConv2d extends Omit<DepthwiseConv2d, "kind"> {
  readonly kind: "separableConv2d";
  readonly outChannels: number;
}
export interface ConvTranspose2d {
  readonly kind: "convTranspose2d";
  readonly outChannels: number;
  readonly kernelSize: PerAxis;
  readonly stride?: PerAxis;
  readonly padding?: PerAxis;
  /** Rows and columns more at the end, fewer than the stride or the dilation. */
  readonly outputPadding?: PerAxis;
  readonly dilation?: PerAxis;
  readonly groups?: number;
  readonly bias?: boolean;
}
export interface Linear {
  readonly kind: "linear";
  readonly outFeatures: number;
  readonly bias?: boolean;
}
export interface MaxPool2d {
  readonly kind: "maxPool2d";
  readonly kernelSize: PerAxis;
  readonly stride?: PerAxis;
  readonly padding?: Padding<PerAxis>;
  readonly dilation?: PerAxis;
  readonly ceilMode?: boolean;
}
export interface AvgPool2d {
  readonly kind: "avgPool2d";
  readonly kernelSize: PerAxis;
  readonly stride?: PerAxis;
  readonly padding?: Padding<PerAxis>;
  readonly ceilMode?: boolean;
  readonly countIncludePad?: boolean;
}
export interface AdaptivePool2d {
  readonly kind: "adaptiveMaxPool2d" | "adaptiveAvgPool2d";
  readonly outputSize: readonly [number, number];
}
export interface InstanceNorm2d {
  readonly kind: "instanceNorm2d";
  readonly epsilon?: number;
  readonly affine?: boolean;
}
export interface BatchNorm {
  readonly kind: "batchNorm1d" | "batchNorm2d" | "batchNorm3d";
  readonly epsilon?: number;
  readonly momentum?: number;
  readonly affine?: boolean;
}
export interface GroupNorm {
  readonly kind: "groupNorm";
  readonly groups: number;
  readonly epsilon?: number;
  readonly affine?: boolean;
}
export interface LayerNorm {
  readonly kind: "layerNorm";
  readonly epsilon?: number;
  readonly affine?: boolean;
}
export interface Upsample {
  readonly kind: "upsample";
  readonly scale: number;
  readonly mode: "nearest" | "bilinear";
}
export interface PixelShuffle {
  readonly kind: "pixelShuffle";
  readonly scale: number;
}
export interface Plain {
  readonly kind:
    | "relu"
    | "sigmoid"
    | "tanh"
    | "silu"
    | "hardSigmoid"
    | "hardSwish"
    | "hardTanh"
    | "flatten";
}
export interface Unflatten {
  readonly kind: "unflatten";
  readonly shape: readonly number[];
}
export interface LeakyRelu {
  readonly kind: "leakyRelu";
  readonly slope?: number;
}
export interface Prelu {
  readonly kind: "prelu";
  readonly initial?: number;
}
export interface Elu {
  readonly kind: "elu";
  readonly alpha?: number;
}
export interface Gelu {
  readonly kind: "gelu";
  readonly approximate?: "none" | "tanh";
}
export interface Softplus {
  readonly kind: "softplus";
  readonly beta?: number;
}
export interface Softmax {
  readonly kind: "softmax";
  readonly temperature?: number;
}
export interface Dropout {
  readonly kind: "dropout" | "dropout2d";
  readonly probability: number;
  readonly seed?: number;
}
export interface Reduce {
  readonly kind: "reduce";
  /** 1: the channels; 2 and 3: an image's rows and columns. They stay, with one cell. */
  readonly axes: readonly number[];
  readonly by: "mean" | "max" | "sum";
}
export type Layer =
  | OnnxLayer
  | OnnxBlock
  | CustomLayer
  | Conv2d
  | DepthwiseConv2d
  | SeparableConv2d
  | ConvTranspose2d
  | LineOrVolumeLayer
  | SelfAttention2d
  | Reduce
  | Shared
  | Linear
  | MaxPool2d
  | AvgPool2d
  | AdaptivePool2d
  | InstanceNorm2d
  | BatchNorm
  | GroupNorm
  | LayerNorm
  | Upsample
  | PixelShuffle
  | Plain
  | Unflatten
  | LeakyRelu
  | Prelu
  | Elu
  | Gelu
  | Softplus
  | Softmax
  | Dropout
  | Unet
  | Residual
  | Branches
  | ReconstructionLayer
  | ProximalStep
  | Scale
  | PiecewiseLinear
  | EachChannel
  | GraphBlock;

type Options<L extends Layer> = Omit<L, "kind">;

/**
 * y = w ⋆ x + b (cross-correlation, as in PyTorch); padding "same" gives ⌈size/stride⌉ outputs,
 * with an odd cell of padding at the end (ONNX's SAME_UPPER; at stride 1 PyTorch's "same");
 * paddingMode says what stands outside the image. x [N,C,H,W].
 */
export const conv2d = (options: Options<Conv2d>): Conv2d => ({ kind: "conv2d", ...options });
/** Every channel by itself: conv2d with as many groups as there are channels. */
export const depthwiseConv2d = (options: Options<DepthwiseConv2d>): DepthwiseConv2d => ({
  kind: "depthwiseConv2d",
  ...options,
});
/**
 * A depthwise convolution without bias, then a 1×1 convolution. Source: Chollet 2017, Keras's
 * SeparableConv2D.
 */
export const separableConv2d = (options: Options<SeparableConv2d>): SeparableConv2d => ({
  kind: "separableConv2d",
  ...options,
});
/** The adjoint of conv2d in its image, PyTorch's ConvTranspose2d. */
export const convTranspose2d = (options: Options<ConvTranspose2d>): ConvTranspose2d => ({
  kind: "convTranspose2d",
  ...options,
});
/** y = x·wᵀ + b; x [N, features]. */
export const linear = (options: Options<Linear>): Linear => ({ kind: "linear", ...options });
/**
 * The largest value of each window; stride is the kernel's size unless given; with ceilMode windows
 * may reach past the right and lower edge.
 */
export const maxPool2d = (options: Options<MaxPool2d>): MaxPool2d => ({
  kind: "maxPool2d",
  ...options,
});
/**
 * The mean of each window; zeros of the padding count unless countIncludePad is false (PyTorch's
 * rules).
 */
export const avgPool2d = (options: Options<AvgPool2d>): AvgPool2d => ({
  kind: "avgPool2d",
  ...options,
});
/** Pools to outputSize, whatever the image's size (PyTorch's windows). */
export const adaptiveMaxPool2d = (options: Options<AdaptivePool2d>): AdaptivePool2d => ({
  kind: "adaptiveMaxPool2d",
  ...options,
});
export const adaptiveAvgPool2d = (options: Options<AdaptivePool2d>): AdaptivePool2d => ({
  kind: "adaptiveAvgPool2d",
  ...options,
});
/** The mean of each channel's whole image: [N,C,H,W] → [N,C,1,1]. */
export const globalAvgPool2d = (): AdaptivePool2d => ({
  kind: "adaptiveAvgPool2d",
  outputSize: [1, 1],
});
/** The largest value of each channel's whole image. */
export const globalMaxPool2d = (): AdaptivePool2d => ({
  kind: "adaptiveMaxPool2d",
  outputSize: [1, 1],
});
/**
 * y = (x − mean)/√(variance + ε) over each image and channel; ε = 1e-5; with `affine` also scaled
 * and shifted per channel.
 */
export const instanceNorm2d = (options: Options<InstanceNorm2d> = {}): InstanceNorm2d => ({
  kind: "instanceNorm2d",
  ...options,
});
/**
 * Normalised over batch and image per channel, then scaled and shifted; in evaluation with the
 * running mean and variance, which every training step moves by `momentum` = 0.1. Source: Ioffe &
 * Szegedy 2015, PyTorch's BatchNorm2d.
 */
export const batchNorm2d = (options: Options<BatchNorm> = {}): BatchNorm => ({
  kind: "batchNorm2d",
  ...options,
});
/** The same of features [N,C] or lines [N,C,L]. */
export const batchNorm1d = (options: Options<BatchNorm> = {}): BatchNorm => ({
  kind: "batchNorm1d",
  ...options,
});
/** The same of volumes [N,C,D,H,W]. */
export const batchNorm3d = (options: Options<BatchNorm> = {}): BatchNorm => ({
  kind: "batchNorm3d",
  ...options,
});
/** Normalised over each image and group of channels. Source: Wu & He 2018. */
export const groupNorm = (options: Options<GroupNorm>): GroupNorm => ({
  kind: "groupNorm",
  ...options,
});
/**
 * Normalised over everything but the batch, scaled and shifted per element. Source: Ba, Kiros,
 * Hinton 2016.
 */
export const layerNorm = (options: Options<LayerNorm> = {}): LayerNorm => ({
  kind: "layerNorm",
  ...options,
});
/** Enlarges by a whole number; bilinear without aligned corners (PyTorch's default). */
export const upsample = (options: Options<Upsample>): Upsample => ({
  kind: "upsample",
  ...options,
});
/** [N, C·s², H, W] → [N, C, H·s, W·s]. Source: Shi et al. 2016. */
export const pixelShuffle = (options: Options<PixelShuffle>): PixelShuffle => ({
  kind: "pixelShuffle",
  ...options,
});
/** y = max(0, x) */
export const relu = (): Plain => ({ kind: "relu" });
/** y = 1/(1 + e⁻ˣ) */
export const sigmoid = (): Plain => ({ kind: "sigmoid" });
/** y = (eˣ − e⁻ˣ)/(eˣ + e⁻ˣ) */
export const tanh = (): Plain => ({ kind: "tanh" });
/** y = x·sigmoid(x) */
export const silu = (): Plain => ({ kind: "silu" });
/** y = min(1, max(0, x/6 + 1/2)) */
export const hardSigmoid = (): Plain => ({ kind: "hardSigmoid" });
/** y = x·hardSigmoid(x) */
export const hardSwish = (): Plain => ({ kind: "hardSwish" });
/** y = min(1, max(−1, x)) */
export const hardTanh = (): Plain => ({ kind: "hardTanh" });
/** [N, …] → [N, features] */
export const flatten = (): Plain => ({ kind: "flatten" });
/** [N, features] → [N, …shape] */
export const unflatten = (options: Options<Unflatten>): Unflatten => ({
  kind: "unflatten",
  ...options,
});
/** y = x for x > 0, slope·x otherwise; slope = 0.01 */
export const leakyRelu = (options: Options<LeakyRelu> = {}): LeakyRelu => ({
  kind: "leakyRelu",
  ...options,
});
/** leakyRelu with a slope that is learned, one for all, from 0.25 */
export const prelu = (options: Options<Prelu> = {}): Prelu => ({ kind: "prelu", ...options });
/** y = x for x > 0, α(eˣ − 1) otherwise; α = 1 */
export const elu = (options: Options<Elu> = {}): Elu => ({ kind: "elu", ...options });
/** y = x·Φ(x), Φ the normal distribution, or its approximation by tanh */
export const gelu = (options: Options<Gelu> = {}): Gelu => ({ kind: "gelu", ...options });
/** y = ln(1 + e^βx)/β */
export const softplus = (options: Options<Softplus> = {}): Softplus => ({
  kind: "softplus",
  ...options,
});
/** e^(x/T) / Σ e^(x/T) over the last axis */
export const softmax = (options: Options<Softmax> = {}): Softmax => ({
  kind: "softmax",
  ...options,
});
/**
 * In training, zeroes each element with the given probability and divides the rest by 1 − p;
 * nothing in evaluation.
 */
export const dropout = (options: Options<Dropout>): Dropout => ({ kind: "dropout", ...options });
/** Zeroes whole channels: PyTorch's Dropout2d, Keras's SpatialDropout2D. */
export const dropout2d = (options: Options<Dropout>): Dropout => ({
  kind: "dropout2d",
  ...options,
});
/** The mean, largest value or sum along some axes, which keep one cell. */
export const reduce = (options: Options<Reduce>): Reduce => ({ kind: "reduce", ...options });
