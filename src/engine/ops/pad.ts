// y = x with zeros around it.
import { ShapeError } from "../core/errors.ts";
import { forEachIndex, formatShape, stridesOf } from "../core/shape.ts";
import type { OpDef } from "../graph/ir.ts";

/**
 * y = x with `before` and `after` zeros along every axis. Throws ShapeError for a negative count.
 */
export const pad: OpDef<"pad"> = {
  cheap: true,
  infer: ({ x }, { before, after }) => {
    if (
      before.length !== x.length ||
      after.length !== x.length ||
      before.some((n) => n < 0) ||
      after.some((n) => n < 0)
    ) {
      throw new ShapeError(`pad: [${before}] and [${after}] do not pad ${formatShape(x)}`, {
        x,
        before,
        after,
      });
    }
    return x.map((d, i) => before[i] + d + after[i]);
  },
  gradient: (b, dy, { x }, { before }) => ({
    x: b.emit("slice", { x: dy }, { start: before, end: x.shape.map((d, i) => before[i] + d) }),
  }),
  reference: ({ x }, { before }, out, shape) => {
    const strides = stridesOf(shape);
    forEachIndex(x.shape, (flat, index) => {
      let o = 0;
      for (let d = 0; d < index.length; d++) o += (index[d] + before[d]) * strides[d];
      out[o] = x.data[flat];
    });
  },
  samples: [
    { shapes: { x: [2, 3] }, attrs: { before: [1, 0], after: [0, 2] } },
    { shapes: { x: [2, 2, 3] }, attrs: { before: [0, 1, 1], after: [0, 1, 2] } },
  ],
};
