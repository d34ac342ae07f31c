// y = dy where x > 0, else 0.
import { sizeOf } from "../core/shape.ts";
import type { ElementwiseDef } from "../graph/ir.ts";

/** y = dy where x > 0, else 0: relu's gradient, itself linear in dy. Both inputs have one shape. */
export const relu_grad: ElementwiseDef<"relu_grad"> = {
  elementwise: true,
  infer: ({ x }) => x,
  gradient: (b, dy, { x }) => ({ dy: b.emit("relu_grad", { dy, x }, {}) }),
  reference: ({ dy, x }, _attrs, out) =>
    x.data.forEach((v, i) => {
      out[i] = v > 0 ? dy.data[i] : 0;
    }),
  flops: (_shapes, _attrs, out) => sizeOf(out),
  samples: [{ shapes: { dy: [2, 3, 5], x: [2, 3, 5] }, attrs: {} }],
};
