// Convolution in the sense of PyTorch and ONNX: cross-correlation, the kernel is not flipped.
import { ShapeError } from "../core/errors.ts";
import { formatShape } from "../core/shape.ts";
import type { OpDef } from "../graph/ir.ts";
import {
  checkConvolution,
  convCases,
  convFlops,
  convOutput,
  forEachProduct,
  requireRank4,
  unreached,
} from "./convolution.ts";

/**
 * y[n,k,p,q] = Σ_{c,r,s} w[k,c,r,s] · x[n, c, p·stride − padding + r·dilation, …], x [N,C,H,W], w
 * [K,C/groups,R,S]. Throws ShapeError on a channel mismatch or a kernel larger than the padded
 * image.
 */
export const conv2d: OpDef<"conv2d"> = {
  infer: ({ x, w }, attrs) => {
    requireRank4("conv2d", "x", x);
    requireRank4("conv2d", "w", w);
    checkConvolution("conv2d", attrs);
    if (x[1] !== w[1] * attrs.groups || w[0] % attrs.groups !== 0) {
      throw new ShapeError(
        `conv2d: x ${formatShape(x)} has ${x[1]} channels, w ${formatShape(w)} with groups ${attrs.groups} takes ${w[1] * attrs.groups}`,
        { x, w, groups: attrs.groups },
      );
    }
    const y = [x[0], w[0], convOutput(x[2], w[2], attrs, 0), convOutput(x[3], w[3], attrs, 1)];
    if (y[2] < 1 || y[3] < 1)
      throw new ShapeError(
        `conv2d: the kernel of w ${formatShape(w)} does not fit into x ${formatShape(x)} with padding [${attrs.padding}]; pad more`,
        { x, w },
      );
    return y;
  },
  gradient: (b, dy, { x, w }, attrs) => {
    const kernel = [w.shape[2], w.shape[3]] as const;
    const outputPadding = unreached(x.shape, kernel, dy.shape, attrs);
    return {
      x: b.emit("conv_transpose2d", { x: dy, w }, { ...attrs, outputPadding }),
      w: b.emit("conv2d_weight_grad", { x, dy }, { ...attrs, kernel }),
    };
  },
  reference: ({ x, w }, attrs, out, shape) =>
    forEachProduct(x.shape, w.shape, shape, attrs, (xi, wi, yi) => {
      out[yi] += x.data[xi] * w.data[wi];
    }),
  flops: ({ w }, _attrs, y) => convFlops(w, y),
  samples: convCases.map(({ x, w, attrs }) => ({ shapes: { x, w }, attrs })),
};
