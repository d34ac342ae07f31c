// The adjoint of conv2d in its image: PyTorch's ConvTranspose2d, and conv2d's gradient to x.
import { ShapeError } from "../core/errors.ts";
import { formatShape } from "../core/shape.ts";
import type { OpDef } from "../graph/ir.ts";
import {
  checkConvolution,
  convCases,
  convCropped,
  convFlops,
  forEachProduct,
  requireRank4,
  unreached,
} from "./convolution.ts";

/**
 * y = the adjoint of conv2d(·, w) at x: x [N,K,P,Q], w [K,C/groups,R,S] → y [N,C,H,W], H = (P −
 * 1)·stride − 2·padding + dilation·(R − 1) + outputPadding + 1. Throws ShapeError on a channel
 * mismatch.
 */
export const conv_transpose2d: OpDef<"conv_transpose2d"> = {
  infer: ({ x, w }, attrs) => {
    requireRank4("conv_transpose2d", "x", x);
    requireRank4("conv_transpose2d", "w", w);
    checkConvolution("conv_transpose2d", attrs);
    if (x[1] !== w[0] || w[0] % attrs.groups !== 0) {
      throw new ShapeError(
        `conv_transpose2d: x ${formatShape(x)} has ${x[1]} channels, w ${formatShape(w)} takes ${w[0]}`,
        { x, w },
      );
    }
    const size = (axis: 0 | 1): number =>
      (x[axis + 2] - 1) * attrs.stride[axis] -
      2 * attrs.padding[axis] +
      attrs.dilation[axis] * (w[axis + 2] - 1) +
      attrs.outputPadding[axis] +
      1;
    const y = [x[0], w[1] * attrs.groups, size(0), size(1)];
    if (y[2] < 1 || y[3] < 1)
      throw new ShapeError(
        `conv_transpose2d: padding [${attrs.padding}] leaves nothing of x ${formatShape(x)}; pad less`,
        { x, w },
      );
    return y;
  },
  gradient: (b, dy, { x, w }, { outputPadding: _, ...attrs }) => ({
    x: convCropped(b, dy, w, attrs, x.shape),
    w: b.emit(
      "conv2d_weight_grad",
      { x: dy, dy: x },
      { ...attrs, kernel: [w.shape[2], w.shape[3]] },
    ),
  }),
  reference: ({ x, w }, attrs, out, shape) =>
    forEachProduct(shape, w.shape, x.shape, attrs, (yi, wi, xi) => {
      out[yi] += x.data[xi] * w.data[wi];
    }),
  flops: ({ x, w }) => convFlops(w, x),
  samples: convCases.map(({ x, w, y, attrs }) => ({
    shapes: { x: y, w },
    attrs: { ...attrs, outputPadding: unreached(x, w.slice(2), y, attrs) },
  })),
};
