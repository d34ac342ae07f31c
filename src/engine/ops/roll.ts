// y = x shifted circularly along one axis.
import { ShapeError } from "../core/errors.ts";
import { formatShape, sizeOf } from "../core/shape.ts";
import type { OpDef } from "../graph/ir.ts";

/** y[i] = x[(i − shift) mod n] along `axis`. Throws ShapeError for an axis that x lacks. */
export const roll: OpDef<"roll"> = {
  infer: ({ x }, { axis }) => {
    if (!(axis >= 0 && axis < x.length))
      throw new ShapeError(`roll: axis ${axis} is not one of ${formatShape(x)}`, { x, axis });
    return x;
  },
  gradient: (b, dy, _inputs, { axis, shift }) => ({
    x: b.emit("roll", { x: dy }, { axis, shift: -shift }),
  }),
  reference: ({ x }, { axis, shift }, out) => {
    const n = x.shape[axis];
    const inner = sizeOf(x.shape.slice(axis + 1));
    for (let i = 0; i < x.data.length; i++) {
      const j = Math.floor(i / inner) % n;
      out[i + (((((j + shift) % n) + n) % n) - j) * inner] = x.data[i];
    }
  },
  samples: [
    { shapes: { x: [2, 5, 3] }, attrs: { axis: 1, shift: 2 } },
    { shapes: { x: [2, 5] }, attrs: { axis: 1, shift: -1 } },
  ],
};
