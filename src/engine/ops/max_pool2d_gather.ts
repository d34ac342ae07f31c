// The adjoint of max_pool2d_grad: reads u where x is largest.
import { ShapeError } from "../core/errors.ts";
import { formatShape, sameShape } from "../core/shape.ts";
import type { OpDef } from "../graph/ir.ts";
import { argmax, forEachWindow, pooledShape, poolCases } from "./pooling.ts";

/**
 * Pooled shape; y = u at the place where each window of x is largest: those places themselves,
 * where u counts the cells. u has x's shape, or it throws ShapeError.
 */
export const max_pool2d_gather: OpDef<"max_pool2d_gather"> = {
  infer: ({ u, x }, attrs) => {
    if (!sameShape(u, x))
      throw new ShapeError(
        `max_pool2d_gather: u ${formatShape(u)} must have x's shape ${formatShape(x)}`,
        { u, x },
      );
    return pooledShape("max_pool2d_gather", x, attrs);
  },
  gradient: (b, dy, { x }, attrs) => ({ u: b.emit("max_pool2d_grad", { dy, x }, attrs) }),
  reference: ({ u, x }, attrs, out, shape) =>
    forEachWindow(x.shape, shape, attrs, (yi, window) => {
      out[yi] = u.data[argmax(x.data, window)];
    }),
  samples: poolCases.map(({ x, attrs }) => ({ shapes: { u: x, x }, attrs })),
};
