// What a layer writes to, and what all layers check.
import {
  formatShape,
  ShapeError,
  type GraphBuilder,
  type Shape,
  type Value,
} from "../../engine/index.ts";
import type { Layer } from "./layers.ts";

/** What networks of other makers ask for beside the image. */
export interface CartesianSampling {
  /** 1 where k-space [H,W] is measured. */
  readonly mask: { readonly shape: Shape; readonly data: Float32Array };
  /** The coils' maps [coils,2,H,W]; of a single coil, 1. */
  readonly maps: { readonly shape: Shape; readonly data: Float32Array | Float64Array };
  /** y as [N,coils,2,H,W] in a network's own convention of the Fourier transform. */
  kspace(y: Value, convention: FourierConvention): Value;
}
export interface FourierConvention {
  /** The centre unless it is said. */
  readonly lowestFrequency?: "centre" | "corner";
  /** Orthonormal unless it is said. */
  readonly normalization?: "orthonormal" | "unnormalised";
}
/**
 * What the layers of a reconstruction network may know: y, at the scale of the images that they
 * work on, the operator A that measured it, and its adjoint.
 */
export interface Physics {
  readonly y: Value;
  forward(x: Value): Value;
  adjoint(y: Value): Value;
  /** Of an operator that samples a grid of k-space. */
  readonly sampling?: CartesianSampling;
}
/** A = I and y = x: for what asks a network for its shapes alone. */
export const identityPhysics = (x: Value): Physics => ({
  y: x,
  forward: (v) => v,
  adjoint: (v) => v,
});

/** A layer and its name in its network. */
export interface Placed {
  readonly name: string;
  readonly layer: Layer;
}
export type OnLayer = (name: string, kind: string, y: Value) => void;
export interface Scope {
  readonly b: GraphBuilder;
  /** Dropout drops, and batch norm's running statistics move. */
  readonly training: boolean;
  /** What batch norm takes: the batch's, or those that training has kept. */
  readonly statistics: "batch" | "running";
  /**
   * A learned value. `fanIn` is the number of terms in one weighted sum; `initial`, where given, is
   * its value everywhere at first, its values along the last axis, or all of them. A name that has
   * been asked for before is the same value again.
   */
  parameter(name: string, shape: Shape, fanIn: number, initial?: number | ArrayLike<number>): Value;
  /** A value that is kept and saved, and moved by `update` in training, but not learned. */
  buffer(name: string, shape: Shape, initial: number): Value;
  /** Applies a layer inside another one, which may change the scope for it. */
  apply(name: string, x: Value, layer: Layer, within?: Scope): Value;
  /** Lists of layers that are shared by a name, as text. */
  readonly shared: Map<string, string>;
  /** The random numbers of layers that drop, which may stand in several places. */
  readonly counters: Map<string, { readonly counter: Value; uses: number }>;
  /**
   * What stands for a layer and the next one together, where they are made one (a convolution and
   * the batch norm behind it).
   */
  readonly fused?: (first: Placed, second: Placed) => Layer | undefined;
  /** Where a reconstruction network is applied. */
  readonly physics?: Physics;
  /** Told of every layer, and of every part of a block, in the order of computation. */
  readonly onLayer?: OnLayer;
}
export type Apply<L extends Layer> = (scope: Scope, name: string, x: Value, layer: L) => Value;

/** Cells of an image's axis: indices, taps and weights are laid out for every one. */
export const MOST_CELLS = 65536;
/** Throws ShapeError for an axis of more cells than an image may have, or than `most`. */
export function checkCells(name: string, cells: number, most: number = MOST_CELLS): void {
  if (cells <= most) return;
  const what = most === MOST_CELLS ? "images have at most" : "it may have at most";
  throw new ShapeError(
    `layer ${name}: an axis of ${cells} cells; ${what} ${most}${most === MOST_CELLS ? " on a side" : ""}`,
    { name, cells },
  );
}

/** The input's shape. Throws ShapeError when it is no batch of images. */
export function images(name: string, x: Value): readonly number[] {
  if (x.shape.length !== 4)
    throw new ShapeError(
      `layer ${name}: its input is ${formatShape(x.shape)}, it takes images [N×C×H×W]`,
      { name, shape: x.shape },
    );
  x.shape.slice(2).forEach((cells) => checkCells(name, cells));
  return x.shape;
}
