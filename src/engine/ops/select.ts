// y = a where the condition holds, else b, broadcasting: what is not taken may be anything.
import { broadcastShapes, broadcastStrides, forEachIndex, sizeOf } from "../core/shape.ts";
import type { ElementwiseDef } from "../graph/ir.ts";
import { sumTo } from "./broadcast.ts";

/**
 * y = a where `condition` is not 0, else b, broadcasting. What is not taken gets the gradient 0,
 * even where it is NaN; the condition has none.
 */
export const select: ElementwiseDef<"select"> = {
  elementwise: true,
  cheap: true,
  infer: ({ condition, a, b }) =>
    broadcastShapes(broadcastShapes(a, b, "select"), condition, "select"),
  gradient: (b, dy, { condition, a, b: other }) => {
    const zero = b.scalar(0);
    return {
      a: sumTo(b, b.emit("select", { condition, a: dy, b: zero }, {}), a.shape),
      b: sumTo(b, b.emit("select", { condition, a: zero, b: dy }, {}), other.shape),
    };
  },
  reference: ({ condition, a, b }, _attrs, out, shape) => {
    const all = [condition, a, b];
    const strides = all.map((x) => broadcastStrides(x.shape, shape));
    forEachIndex(shape, (flat, index) => {
      const [wanted, yes, no] = all.map(
        (x, j) => x.data[index.reduce((at, i, d) => at + i * strides[j][d], 0)],
      );
      out[flat] = wanted === 0 ? no : yes;
    });
  },
  flops: (_shapes, _attrs, out) => sizeOf(out),
  samples: [
    { shapes: { condition: [2, 3, 5], a: [2, 3, 5], b: [2, 3, 5] }, attrs: {} },
    { shapes: { condition: [3, 1], a: [2, 1, 5], b: [] }, attrs: {} },
    { shapes: { condition: [], a: [4], b: [3, 1] }, attrs: {} },
    { shapes: { condition: [0, 3], a: [1, 3], b: [] }, attrs: {} },
  ],
};
