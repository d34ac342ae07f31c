// Every kernel by its op's name. A kernel that is missing does not compile; convolutions
// have forms (../forms.ts), elementwise ops are fused, a reshape is its input: they have none here.
import type { ElementwiseName } from "../../../graph/catalogue.ts";
import type { Kernels } from "../kernel.ts";
import { random_uniform } from "./elementwise.ts";
import * as extremes from "./extremes.ts";
import { fft2 } from "./fourier/fft2.ts";
import * as lookup from "./lookup.ts";
import * as matmul from "./matmul.ts";
import * as movement from "./movement.ts";
import * as pooling from "./pooling.ts";
import * as reduction from "./reduction.ts";
import { sparse_matmul } from "./sparse.ts";

export const kernels: Omit<
  Kernels,
  "conv2d" | "conv_transpose2d" | "conv2d_weight_grad" | "reshape" | ElementwiseName
> = {
  random_uniform,
  ...movement,
  ...lookup,
  ...reduction,
  ...extremes,
  ...pooling,
  fft2,
  matmul: matmul.matmul,
  sparse_matmul,
};
