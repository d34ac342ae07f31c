// Softmax along the last axis.
import { exp } from "../core/math.ts";
import { sizeOf } from "../core/shape.ts";
import type { OpDef } from "../graph/ir.ts";

/**
 * y_i = e^{x_i} / Σ_j e^{x_j} along the last axis; the row's maximum is taken off first, so it
 * cannot overflow.
 */
export const softmax: OpDef<"softmax"> = {
  infer: ({ x }) => x,
  gradient: (b, dy, { x }, _attrs, y) => {
    const last = x.shape.length - 1;
    const weighted = b.emit("mul", { a: dy, b: y }, {});
    const total = b.emit(
      "reshape",
      { x: b.emit("sum", { x: weighted }, { axes: [last] }) },
      { shape: [...x.shape.slice(0, last), 1] },
    );
    return { x: b.emit("sub", { a: weighted, b: b.emit("mul", { a: y, b: total }, {}) }, {}) };
  },
  reference: ({ x }, _attrs, out) => {
    const n = x.shape[x.shape.length - 1];
    for (let row = 0; row < x.data.length; row += n) {
      let top = x.data[row];
      for (let i = 1; i < n; i++) top = Math.max(top, x.data[row + i]);
      let total = 0;
      for (let i = 0; i < n; i++) total += out[row + i] = exp(x.data[row + i] - top);
      for (let i = 0; i < n; i++) out[row + i] /= total;
    }
  },
  flops: (_shapes, _attrs, out) => 4 * sizeOf(out),
  samples: [
    { shapes: { x: [3, 10] }, attrs: {} },
    { shapes: { x: [2, 2, 5] }, attrs: {} },
    { shapes: { x: [4, 1] }, attrs: {} },
  ],
};
