// The gradient of max pooling: dy goes to the first largest value of its window.
import { ShapeError } from "../core/errors.ts";
import { formatShape, sameShape } from "../core/shape.ts";
import type { OpDef } from "../graph/ir.ts";
import { argmax, forEachWindow, pooledShape, poolCases } from "./pooling.ts";

/**
 * Shape of x; every dy is added where its window of x is largest. Throws ShapeError when dy is not
 * the pooled shape.
 */
export const max_pool2d_grad: OpDef<"max_pool2d_grad"> = {
  infer: ({ dy, x }, attrs) => {
    const y = pooledShape("max_pool2d_grad", x, attrs);
    if (!sameShape(y, dy))
      throw new ShapeError(
        `max_pool2d_grad: dy is ${formatShape(dy)}, pooling ${formatShape(x)} gives ${formatShape(y)}`,
        { dy, x },
      );
    return x;
  },
  gradient: (b, u, { x }, attrs) => ({ dy: b.emit("max_pool2d_gather", { u, x }, attrs) }),
  reference: ({ dy, x }, attrs, out) =>
    forEachWindow(x.shape, dy.shape, attrs, (yi, window) => {
      out[argmax(x.data, window)] += dy.data[yi];
    }),
  samples: poolCases.map(({ x, y, attrs }) => ({ shapes: { dy: y, x }, attrs })),
};
