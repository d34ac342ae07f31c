// y = x repeated to a larger shape.
import { ShapeError } from "../core/errors.ts";
import {
  broadcastShapes,
  broadcastStrides,
  forEachIndex,
  formatShape,
  sameShape,
} from "../core/shape.ts";
import type { OpDef } from "../graph/ir.ts";
import { sumTo } from "./broadcast.ts";

/**
 * y = x repeated along its axes of size 1 to `shape` (right-aligned). Throws ShapeError where it
 * does not fit.
 */
export const broadcast_to: OpDef<"broadcast_to"> = {
  cheap: true,
  infer: ({ x }, { shape }) => {
    if (!sameShape(broadcastShapes(x, shape, "broadcast_to"), shape)) {
      throw new ShapeError(`broadcast_to: ${formatShape(x)} is larger than ${formatShape(shape)}`, {
        x,
        shape,
      });
    }
    return shape;
  },
  gradient: (b, dy, { x }) => ({ x: sumTo(b, dy, x.shape) }),
  reference: ({ x }, _attrs, out, shape) => {
    const strides = broadcastStrides(x.shape, shape);
    forEachIndex(shape, (flat, index) => {
      let i = 0;
      for (let d = 0; d < index.length; d++) i += index[d] * strides[d];
      out[flat] = x.data[i];
    });
  },
  samples: [
    { shapes: { x: [3, 1] }, attrs: { shape: [2, 3, 5] } },
    { shapes: { x: [] }, attrs: { shape: [7] } },
    { shapes: { x: [1, 4] }, attrs: { shape: [3, 4] } },
  ],
};
