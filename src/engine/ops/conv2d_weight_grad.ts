// The gradient of conv2d to its weights.
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
 * y[k,c,r,s] = Σ_{n,p,q} dy[n,k,p,q] · x[n, c, p·stride − padding + r·dilation, …]; y has the shape
 * of conv2d's w. Throws ShapeError when batches differ.
 */
export const conv2d_weight_grad: OpDef<"conv2d_weight_grad"> = {
  infer: ({ x, dy }, attrs) => {
    requireRank4("conv2d_weight_grad", "x", x);
    requireRank4("conv2d_weight_grad", "dy", dy);
    checkConvolution("conv2d_weight_grad", attrs);
    if (x[0] !== dy[0] || x[1] % attrs.groups !== 0 || dy[1] % attrs.groups !== 0) {
      throw new ShapeError(
        `conv2d_weight_grad: x ${formatShape(x)} and dy ${formatShape(dy)} do not belong together with groups ${attrs.groups}`,
        { x, dy },
      );
    }
    return [dy[1], x[1] / attrs.groups, attrs.kernel[0], attrs.kernel[1]];
  },
  gradient: (b, u, { x, dy }, { kernel, ...attrs }) => ({
    x: b.emit(
      "conv_transpose2d",
      { x: dy, w: u },
      { ...attrs, outputPadding: unreached(x.shape, kernel, dy.shape, attrs) },
    ),
    dy: convCropped(b, x, u, attrs, dy.shape),
  }),
  reference: ({ x, dy }, attrs, out, shape) =>
    forEachProduct(x.shape, shape, dy.shape, attrs, (xi, wi, yi) => {
      out[wi] += x.data[xi] * dy.data[yi];
    }),
  flops: ({ dy }, _attrs, w) => convFlops(w, dy),
  samples: convCases.map(({ x, w, y, attrs }) => ({
    shapes: { x, dy: y },
    attrs: { ...attrs, kernel: [w[2], w[3]] as const },
  })),
};
