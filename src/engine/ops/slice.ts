// y = a box cut out of x.
import { ShapeError } from "../core/errors.ts";
import { forEachIndex, formatShape, stridesOf } from "../core/shape.ts";
import type { OpDef } from "../graph/ir.ts";

/** y = x[start … end) along every axis. Throws ShapeError when the box leaves x. */
export const slice: OpDef<"slice"> = {
  cheap: true,
  infer: ({ x }, { start, end }) => {
    if (
      start.length !== x.length ||
      end.length !== x.length ||
      x.some((d, i) => start[i] < 0 || end[i] > d || start[i] > end[i])
    ) {
      throw new ShapeError(`slice: [${start}] to [${end}] leaves ${formatShape(x)}`, {
        x,
        start,
        end,
      });
    }
    return x.map((_, i) => end[i] - start[i]);
  },
  gradient: (b, dy, { x }, { start, end }) => ({
    x: b.emit("pad", { x: dy }, { before: start, after: x.shape.map((d, i) => d - end[i]) }),
  }),
  reference: ({ x }, { start }, out, shape) => {
    const own = stridesOf(x.shape);
    forEachIndex(shape, (flat, index) => {
      let i = 0;
      for (let d = 0; d < index.length; d++) i += (index[d] + start[d]) * own[d];
      out[flat] = x.data[i];
    });
  },
  samples: [
    { shapes: { x: [3, 5] }, attrs: { start: [1, 2], end: [3, 4] } },
    { shapes: { x: [2, 4, 6] }, attrs: { start: [0, 1, 0], end: [2, 3, 6] } },
  ],
};
