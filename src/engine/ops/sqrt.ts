// y = √x.
import { sizeOf } from "../core/shape.ts";
import type { ElementwiseDef } from "../graph/ir.ts";

/** y = √x. */
export const sqrt: ElementwiseDef<"sqrt"> = {
  elementwise: true,
  cheap: true,
  infer: ({ x }) => x,
  gradient: (b, dy, _inputs, _attrs, y) => ({
    x: b.emit("div", { a: dy, b: b.emit("mul", { a: b.scalar(2), b: y }, {}) }, {}),
  }),
  reference: ({ x }, _attrs, out) =>
    x.data.forEach((v, i) => {
      out[i] = Math.sqrt(v);
    }),
  flops: (_shapes, _attrs, out) => sizeOf(out),
  samples: [{ shapes: { x: [2, 3, 5] }, attrs: {}, positive: true }],
};
