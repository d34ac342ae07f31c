// Every kernel by its op's name. A kernel that is missing does not compile; elementwise ops are
// formulas of one kernel (elementwise.ts), a reshape is its input: they have none here.
import type { ElementwiseName } from "../../../graph/catalogue.ts";
import type { Kernels } from "../kernel.ts";
import { conv2d, conv2d_weight_grad, conv_transpose2d, matmul } from "./convolution.ts";
import { random_uniform } from "./elementwise.ts";
import { fft2 } from "./fourier.ts";
import { lookup, lookup_grad, sparse_matmul } from "./lookup.ts";
import * as movement from "./movement.ts";
import { normalize, normalize_grad } from "./normalization.ts";
import * as pooling from "./pooling.ts";
import { argmax, log_softmax, reduce_max, softmax, sum } from "./reduction.ts";

const { filled: _, ...moving } = movement;

export const kernels: Omit<Kernels, "reshape" | ElementwiseName> = {
  random_uniform,
  ...moving,
  ...pooling,
  lookup,
  lookup_grad,
  sparse_matmul,
  sum,
  reduce_max,
  argmax,
  softmax,
  log_softmax,
  normalize,
  normalize_grad,
  conv2d,
  conv_transpose2d,
  conv2d_weight_grad,
  matmul,
  fft2,
};
