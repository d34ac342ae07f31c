// How every op of the catalogue is written. A new op adds its line here; leaving one out does not
// compile.
import type { OpName } from "../../../../engine/index.ts";
import type { Mapping } from "../mapping.ts";
import { avg_pool2d, conv2d, conv_transpose2d, max_pool2d } from "./convolutions.ts";
import * as elementwise from "./elementwise.ts";
import { fft2 } from "./fourier.ts";
import { log_softmax, normalize, softmax } from "./normalizations.ts";
import { matmul, sparse_matmul } from "./products.ts";
import {
  argmax,
  broadcast_to,
  concat,
  lookup,
  pad,
  reduce_max,
  reshape,
  roll,
  slice,
  sum,
  take,
  transpose,
} from "./shapes.ts";

/** Ops of which no forward pass of a network is made. */
type Without =
  | "relu_grad"
  | "take_grad"
  | "lookup_grad"
  | "conv2d_weight_grad"
  | "max_pool2d_grad"
  | "max_pool2d_gather"
  | "avg_pool2d_grad"
  | "normalize_grad"
  | "random_uniform";
/** What each of them belongs to. */
export const withoutMapping: { readonly [K in Without]: string } = {
  relu_grad: "a gradient",
  take_grad: "a gradient",
  lookup_grad: "a gradient",
  conv2d_weight_grad: "a gradient",
  max_pool2d_grad: "a gradient",
  max_pool2d_gather: "a gradient",
  avg_pool2d_grad: "a gradient",
  normalize_grad: "a gradient",
  random_uniform: "training",
};

export const mappings: { readonly [K in Exclude<OpName, Without>]: Mapping<K> } = {
  ...elementwise,
  sum,
  reduce_max,
  argmax,
  broadcast_to,
  reshape,
  transpose,
  slice,
  pad,
  concat,
  roll,
  take,
  lookup,
  matmul,
  sparse_matmul,
  conv2d,
  conv_transpose2d,
  max_pool2d,
  avg_pool2d,
  softmax,
  log_softmax,
  normalize,
  fft2,
};
