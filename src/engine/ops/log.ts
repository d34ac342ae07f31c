// y = ln x.
import { log as logOf } from "../core/math.ts";
import { sizeOf } from "../core/shape.ts";
import type { ElementwiseDef } from "../graph/ir.ts";

/** y = ln x. */
export const log: ElementwiseDef<"log"> = {
  elementwise: true,
  infer: ({ x }) => x,
  gradient: (b, dy, { x }) => ({ x: b.emit("div", { a: dy, b: x }, {}) }),
  reference: ({ x }, _attrs, out) =>
    x.data.forEach((v, i) => {
      out[i] = logOf(v);
    }),
  flops: (_shapes, _attrs, out) => sizeOf(out),
  samples: [{ shapes: { x: [2, 3, 5] }, attrs: {}, positive: true }],
};
