// Where x is largest along an axis.
import { ShapeError } from "../core/errors.ts";
import { formatShape, sizeOf } from "../core/shape.ts";
import type { OpDef } from "../graph/ir.ts";
import { droppedAxes } from "./reduction.ts";

/**
 * y = index of the first largest x along `axis`, which is dropped from the shape. NaN is larger
 * than nothing: it is found only where it comes first. Gradient zero. Throws ShapeError for an axis
 * that x lacks or that has no cells.
 */
export const argmax: OpDef<"argmax"> = {
  infer: ({ x }, { axis }) => {
    if (x[axis] === 0)
      throw new ShapeError(`argmax: axis ${axis} of ${formatShape(x)} is empty`, { axis, x });
    return droppedAxes("argmax", x, [axis]);
  },
  gradient: () => ({}),
  reference: ({ x }, { axis }, out) => {
    const n = x.shape[axis];
    const inner = sizeOf(x.shape.slice(axis + 1));
    for (let o = 0; o < out.length; o++) {
      const first = Math.floor(o / inner) * n * inner + (o % inner);
      for (let i = 1; i < n; i++)
        if (x.data[first + i * inner] > x.data[first + out[o] * inner]) out[o] = i;
    }
  },
  flops: ({ x }) => sizeOf(x),
  samples: [
    { shapes: { x: [2, 3, 5] }, attrs: { axis: 2 } },
    { shapes: { x: [2, 4, 3, 7] }, attrs: { axis: 1 } },
    { shapes: { x: [6, 9] }, attrs: { axis: 0 } },
    { shapes: { x: [7] }, attrs: { axis: 0 } },
    { shapes: { x: [3, 1] }, attrs: { axis: 1 } },
  ],
};
