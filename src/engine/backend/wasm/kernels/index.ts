// Every kernel by its op's name; convolutions choose their form in lower.ts. A kernel that is missing does not compile.
import type { Kernels } from "../kernel.ts";
import { elementwise, random_uniform } from "./elementwise.ts";
import * as fourier from "./fourier.ts";
import * as matmul from "./matmul.ts";
import * as movement from "./movement.ts";
import * as pooling from "./pooling.ts";
import * as reduction from "./reduction.ts";

export const kernels: Omit<Kernels, "conv2d" | "conv_transpose2d" | "conv2d_weight_grad"> = { ...elementwise, random_uniform, ...movement, ...reduction, ...pooling, fft2: fourier.fft2, matmul: matmul.matmul };
