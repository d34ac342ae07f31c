// y = x with another shape of as many elements.
import { ShapeError } from "../core/errors.ts";
import { formatShape, sizeOf } from "../core/shape.ts";
import type { OpDef } from "../graph/ir.ts";

/**
 * y = x seen in another shape of as many elements (row-major). Throws ShapeError when the counts
 * differ.
 */
export const reshape: OpDef<"reshape"> = {
  cheap: true,
  infer: ({ x }, { shape }) => {
    if (sizeOf(x) !== sizeOf(shape))
      throw new ShapeError(
        `reshape: ${formatShape(x)} holds ${sizeOf(x)} values, ${formatShape(shape)} ${sizeOf(shape)}`,
        { x, shape },
      );
    return shape;
  },
  gradient: (b, dy, { x }) => ({ x: b.emit("reshape", { x: dy }, { shape: x.shape }) }),
  reference: ({ x }, _attrs, out) => out.set(x.data),
  samples: [
    { shapes: { x: [2, 6] }, attrs: { shape: [3, 4] } },
    { shapes: { x: [1] }, attrs: { shape: [] } },
  ],
};
