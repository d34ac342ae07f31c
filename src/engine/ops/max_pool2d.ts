// The largest value of every window.
import { sizeOf } from "../core/shape.ts";
import type { OpDef } from "../graph/ir.ts";
import { argmax, forEachWindow, pooledShape, poolCases } from "./pooling.ts";

/**
 * y[n,c,p,q] = max over the window at (p·stride − padding, q·stride − padding), whose cells are
 * `dilation` apart; x [N,C,H,W]. Throws ShapeError when no window fits or one holds no cell.
 */
export const max_pool2d: OpDef<"max_pool2d"> = {
  cheap: true,
  infer: ({ x }, attrs) => pooledShape("max_pool2d", x, attrs),
  gradient: (b, dy, { x }, attrs) => ({ x: b.emit("max_pool2d_grad", { dy, x }, attrs) }),
  reference: ({ x }, attrs, out, shape) =>
    forEachWindow(x.shape, shape, attrs, (yi, window) => {
      out[yi] = x.data[argmax(x.data, window)];
    }),
  flops: (_shapes, { kernel }, out) => sizeOf(out) * kernel[0] * kernel[1],
  samples: poolCases.map(({ x, attrs }) => ({ shapes: { x }, attrs })),
};
