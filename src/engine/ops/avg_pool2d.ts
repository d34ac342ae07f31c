// The mean of every window.
import { sizeOf } from "../core/shape.ts";
import type { OpDef } from "../graph/ir.ts";
import { forEachWindow, pooledShape, poolCases } from "./pooling.ts";

/**
 * y[n,c,p,q] = Σ window / (kernel area): zeros of the padding count, those of `after` too, as in
 * PyTorch. x [N,C,H,W]. Throws ShapeError when no window fits or one holds no cell.
 */
export const avg_pool2d: OpDef<"avg_pool2d"> = {
  cheap: true,
  infer: ({ x }, attrs) => pooledShape("avg_pool2d", x, attrs),
  gradient: (b, dy, { x }, attrs) => ({
    x: b.emit("avg_pool2d_grad", { dy }, { ...attrs, size: [x.shape[2], x.shape[3]] }),
  }),
  reference: ({ x }, attrs, out, shape) =>
    forEachWindow(x.shape, shape, attrs, (yi, window) => {
      let s = 0;
      for (const i of window) s += x.data[i];
      out[yi] = s / (attrs.kernel[0] * attrs.kernel[1]);
    }),
  flops: (_shapes, { kernel }, out) => sizeOf(out) * kernel[0] * kernel[1],
  samples: poolCases.map(({ x, attrs }) => ({ shapes: { x }, attrs })),
};
