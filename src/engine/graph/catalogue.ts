// The signature of every op on one screen: named inputs and attributes. Float32 throughout (float64
// on the reference).
// A backend is a mapped type over this catalogue, so an op without a kernel does not compile.
import type { Shape } from "../core/shape.ts";
import type { SparseMatrix } from "../core/sparse.ts";

interface Op<Inputs extends string, Attributes extends object = Record<never, never>> {
  inputs: Inputs;
  attrs: Attributes;
}
/** Numbers of the output that depend on the inputs' numbers in the same place alone. */
interface Elementwise<Inputs extends string> extends Op<Inputs> {
  elementwise: true;
}
type Pair = readonly [number, number];

/** stride, padding (zeros on both sides) and dilation are [vertical, horizontal]. */
export interface ConvAttributes {
  stride: Pair;
  padding: Pair;
  dilation: Pair;
  groups: number;
}
/**
 * [vertical, horizontal], as a convolution's. `after` is the padding below and to the right where
 * it is another than above and to the left: what a last window of ceil mode needs is part of it.
 */
export interface PoolAttributes {
  kernel: Pair;
  stride: Pair;
  padding: Pair;
  after?: Pair;
  /** 1 where it is left out. */
  dilation?: Pair;
}

/** Bins `step` wide, of which the second begins at `low`. */
export interface LookupAttributes {
  low: number;
  step: number;
}

export interface Catalogue {
  // elementwise
  neg: Elementwise<"x">;
  exp: Elementwise<"x">;
  log: Elementwise<"x">;
  sqrt: Elementwise<"x">;
  abs: Elementwise<"x">;
  sign: Elementwise<"x">;
  relu: Elementwise<"x">;
  relu_grad: Elementwise<"dy" | "x">;
  sigmoid: Elementwise<"x">;
  erf: Elementwise<"x">;
  tanh: Elementwise<"x">;
  sin: Elementwise<"x">;
  cos: Elementwise<"x">;
  floor: Elementwise<"x">;
  round: Elementwise<"x">;
  // elementwise with broadcasting
  add: Elementwise<"a" | "b">;
  sub: Elementwise<"a" | "b">;
  mul: Elementwise<"a" | "b">;
  div: Elementwise<"a" | "b">;
  maximum: Elementwise<"a" | "b">;
  minimum: Elementwise<"a" | "b">;
  greater: Elementwise<"a" | "b">;
  equal: Elementwise<"a" | "b">;
  pow: Elementwise<"a" | "b">;
  select: Elementwise<"condition" | "a" | "b">;
  // shape
  sum: Op<"x", { axes: readonly number[] }>;
  reduce_max: Op<"x", { axes: readonly number[] }>;
  argmax: Op<"x", { axis: number }>;
  broadcast_to: Op<"x", { shape: Shape }>;
  reshape: Op<"x", { shape: Shape }>;
  transpose: Op<"x", { permutation: readonly number[] }>;
  slice: Op<"x", { start: readonly number[]; end: readonly number[] }>;
  pad: Op<"x", { before: readonly number[]; after: readonly number[] }>;
  concat: Op<"a" | "b", { axis: number }>;
  roll: Op<"x", { axis: number; shift: number }>;
  take: Op<"x", { axis: number; indices: readonly number[] }>;
  take_grad: Op<"dy", { axis: number; indices: readonly number[]; size: number }>;
  lookup: Op<"x" | "table", LookupAttributes>;
  lookup_grad: Op<"dy" | "x", LookupAttributes & { bins: number }>;
  // random numbers
  random_uniform: Op<"counter", { shape: Shape; seed: number }>;
  // linear algebra and networks
  matmul: Op<"a" | "b", { transposeA: boolean; transposeB: boolean }>;
  sparse_matmul: Op<"x", { matrix: SparseMatrix }>;
  conv2d: Op<"x" | "w", ConvAttributes>;
  conv_transpose2d: Op<"x" | "w", ConvAttributes & { outputPadding: Pair }>;
  conv2d_weight_grad: Op<"x" | "dy", ConvAttributes & { kernel: Pair }>;
  max_pool2d: Op<"x", PoolAttributes>;
  max_pool2d_grad: Op<"dy" | "x", PoolAttributes>;
  max_pool2d_gather: Op<"u" | "x", PoolAttributes>;
  avg_pool2d: Op<"x", PoolAttributes>;
  avg_pool2d_grad: Op<"dy", PoolAttributes & { size: Pair }>;
  softmax: Op<"x">;
  log_softmax: Op<"x">;
  normalize: Op<"x", { axes: readonly number[]; epsilon: number }>;
  normalize_grad: Op<"dy" | "x", { axes: readonly number[]; epsilon: number }>;
  // imaging
  fft2: Op<"x", { inverse: boolean }>;
}

export type OpName = keyof Catalogue;
export type InputName<K extends OpName> = Catalogue[K]["inputs"];
export type Attributes<K extends OpName> = Catalogue[K]["attrs"];
export type ElementwiseName = {
  [K in OpName]: Catalogue[K] extends { elementwise: true } ? K : never;
}[OpName];
