// The logarithm of softmax along the last axis: what cross-entropy is made of.
import { exp, log } from "../core/math.ts";
import { sizeOf } from "../core/shape.ts";
import type { OpDef } from "../graph/ir.ts";

/** y_i = x_i − ln Σ_j e^{x_j} along the last axis, without overflow. */
export const log_softmax: OpDef<"log_softmax"> = {
  infer: ({ x }) => x,
  gradient: (b, dy, { x }) => {
    const last = x.shape.length - 1;
    const total = b.emit(
      "reshape",
      { x: b.emit("sum", { x: dy }, { axes: [last] }) },
      { shape: [...x.shape.slice(0, last), 1] },
    );
    return {
      x: b.emit(
        "sub",
        { a: dy, b: b.emit("mul", { a: b.emit("softmax", { x }, {}), b: total }, {}) },
        {},
      ),
    };
  },
  reference: ({ x }, _attrs, out) => {
    const n = x.shape[x.shape.length - 1];
    for (let row = 0; row < x.data.length; row += n) {
      let top = x.data[row];
      for (let i = 1; i < n; i++) top = Math.max(top, x.data[row + i]);
      let total = 0;
      for (let i = 0; i < n; i++) total += exp(x.data[row + i] - top);
      for (let i = 0; i < n; i++) out[row + i] = x.data[row + i] - top - log(total);
    }
  },
  flops: (_shapes, _attrs, out) => 4 * sizeOf(out),
  samples: [
    { shapes: { x: [3, 10] }, attrs: {} },
    { shapes: { x: [2, 2, 5] }, attrs: {} },
    { shapes: { x: [4, 1] }, attrs: {} },
  ],
};
