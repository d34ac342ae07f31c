// y = Σ over axes, which are dropped from the shape.
import { forEachIndex, sizeOf, stridesOf, type Shape } from "../core/shape.ts";
import type { OpDef } from "../graph/ir.ts";
import { droppedAxes } from "./reduction.ts";

/**
 * y = Σ x over `axes`, which are dropped from the shape. Throws ShapeError for an axis that x
 * lacks.
 */
export const sum: OpDef<"sum"> = {
  infer: ({ x }, { axes }) => droppedAxes("sum", x, axes),
  gradient: (b, dy, { x }, { axes }) => {
    const kept: Shape = x.shape.map((d, i) => (axes.includes(i) ? 1 : d));
    return {
      x: b.emit(
        "broadcast_to",
        { x: b.emit("reshape", { x: dy }, { shape: kept }) },
        { shape: x.shape },
      ),
    };
  },
  reference: ({ x }, { axes }, out, shape) => {
    const outStrides = stridesOf(shape);
    const kept = x.shape.map((_, i) => i).filter((i) => !axes.includes(i));
    forEachIndex(x.shape, (flat, index) => {
      let o = 0;
      kept.forEach((axis, j) => {
        o += index[axis] * outStrides[j];
      });
      out[o] += x.data[flat];
    });
  },
  flops: ({ x }) => sizeOf(x),
  samples: [
    { shapes: { x: [2, 3, 5] }, attrs: { axes: [2] } },
    { shapes: { x: [2, 3, 5] }, attrs: { axes: [0, 1, 2] } },
    { shapes: { x: [2, 3, 4, 5] }, attrs: { axes: [0, 2, 3] } },
    { shapes: { x: [2, 3, 5] }, attrs: { axes: [1] } },
  ],
};
