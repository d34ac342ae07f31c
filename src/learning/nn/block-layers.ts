// Blocks as plain data: layers made of layers. All others are in layers.ts; how a block becomes
// graph nodes: blocks.ts, sharing.ts, unet.ts.
import type { Layer } from "./layers.ts";

export interface Residual {
  readonly kind: "residual";
  readonly body: readonly Layer[];
  readonly shortcut?: readonly Layer[];
}
export interface Branches {
  readonly kind: "branches";
  readonly branches: readonly (readonly Layer[])[];
}
/** The same layers, with the same weights, for every channel by itself. */
export interface EachChannel {
  readonly kind: "eachChannel";
  readonly layers: readonly Layer[];
}
/** The same layers with the same weights wherever the name stands in a network. */
export interface Shared {
  readonly kind: "shared";
  readonly name: string;
  readonly layers: readonly Layer[];
}
/**
 * `from` names the block's input, "x", or nodes before it; several are joined as `join` says, sizes
 * of 1 being repeated as NumPy does: [N,C,1,1] multiplies every pixel of [N,C,H,W].
 */
export interface GraphNode {
  readonly name: string;
  readonly from: readonly string[];
  readonly join?: "add" | "subtract" | "multiply" | "maximum" | "minimum" | "concatenate";
  readonly layers?: readonly Layer[];
}
export interface GraphBlock {
  readonly kind: "graph";
  readonly nodes: readonly GraphNode[];
  /**
   * Several inputs, by name: the block's own is [N, all of them], one behind the other, row-major.
   */
  readonly inputs?: Readonly<Record<string, readonly number[]>>;
  /**
   * Nodes that the block gives, one behind the other as [N, all of them]; the last node unless
   * given.
   */
  readonly outputs?: readonly string[];
}
export interface Unet {
  readonly kind: "unet";
  readonly outChannels: number;
  readonly baseChannels: number;
  readonly depth: number;
  readonly residual?: boolean;
  /** "instance" unless given; without one its convolutions have a bias. */
  readonly norm?: "instance" | "none";
}

type Options<L extends Layer> = Omit<L, "kind">;

/**
 * Layers that have the same weights wherever this name stands, however often, in blocks too: the
 * two branches of a Siamese network. The layers are the same each time.
 */
export const shared = (options: Options<Shared>): Shared => ({ kind: "shared", ...options });
/** y = body(x) + shortcut(x); the shortcut is x itself unless given. Source: He et al. 2016. */
export const residual = (options: Options<Residual>): Residual => ({
  kind: "residual",
  ...options,
});
/** Layers for every channel by itself: the real and the imaginary part of an image alike. */
export const eachChannel = (options: Options<EachChannel>): EachChannel => ({
  kind: "eachChannel",
  ...options,
});
/** Several stacks on one input, their outputs joined along the channels. */
export const branches = (options: Options<Branches>): Branches => ({
  kind: "branches",
  ...options,
});
/**
 * Anything with branches: nodes in order, each of one or more earlier ones; the last is the output,
 * unless `outputs` names others. A network of several inputs or outputs: `model`.
 */
export const graph = (options: Options<GraphBlock>): GraphBlock => ({ kind: "graph", ...options });
/**
 * U-Net: `depth` levels of two [3×3 convolution, instance norm or none, ReLU], max-pooling between,
 * transposed convolutions back up, concatenation, 1×1 out; `residual` adds the input. H and W must
 * be multiples of 2^depth. Source: Ronneberger, Fischer, Brox 2015, with instance norm as in
 * fastMRI.
 */
export const unetBlock = (options: Options<Unet>): Unet => ({ kind: "unet", ...options });
