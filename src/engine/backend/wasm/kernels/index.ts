// Every kernel by its op's name. A kernel that is missing does not compile.
import type { Kernels } from "../kernel.ts";
import * as convolution from "./convolution.ts";
import * as elementwise from "./elementwise.ts";
import * as fourier from "./fourier.ts";
import * as matmul from "./matmul.ts";
import * as movement from "./movement.ts";
import * as pooling from "./pooling.ts";
import * as reduction from "./reduction.ts";

export const kernels: Kernels = { ...elementwise, ...movement, ...reduction, ...pooling, ...convolution, ...matmul, ...fourier };
