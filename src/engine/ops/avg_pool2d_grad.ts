// The adjoint of average pooling.
import { ShapeError } from "../core/errors.ts";
import { formatShape, sameShape } from "../core/shape.ts";
import type { OpDef } from "../graph/ir.ts";
import { forEachWindow, pooledShape, poolCases } from "./pooling.ts";

/**
 * Spreads every dy evenly over its window in an image of `size`. Throws ShapeError when dy is not
 * the pooled shape of that size.
 */
export const avg_pool2d_grad: OpDef<"avg_pool2d_grad"> = {
  infer: ({ dy }, attrs) => {
    const x = [dy[0], dy[1], attrs.size[0], attrs.size[1]];
    if (!sameShape(pooledShape("avg_pool2d_grad", x, attrs), dy))
      throw new ShapeError(
        `avg_pool2d_grad: dy ${formatShape(dy)} is not the pooled shape of ${formatShape(x)}`,
        { dy, x },
      );
    return x;
  },
  gradient: (b, u, _inputs, { size: _, ...attrs }) => ({
    dy: b.emit("avg_pool2d", { x: u }, attrs),
  }),
  reference: ({ dy }, attrs, out, shape) =>
    forEachWindow(shape, dy.shape, attrs, (yi, window) => {
      for (const i of window) out[i] += dy.data[yi] / (attrs.kernel[0] * attrs.kernel[1]);
    }),
  samples: poolCases.map(({ x, y, attrs }) => ({
    shapes: { dy: y },
    attrs: { ...attrs, size: [x[2], x[3]] as const },
  })),
};
