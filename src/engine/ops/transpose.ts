// y = x with its axes reordered.
import { ShapeError } from "../core/errors.ts";
import { forEachIndex, formatShape, stridesOf } from "../core/shape.ts";
import type { OpDef } from "../graph/ir.ts";

/**
 * Axis i of y is axis permutation[i] of x. Throws ShapeError unless every axis comes exactly once.
 */
export const transpose: OpDef<"transpose"> = {
  infer: ({ x }, { permutation }) => {
    if (
      permutation.length !== x.length ||
      [...permutation].sort((a, b) => a - b).some((p, i) => p !== i)
    ) {
      throw new ShapeError(
        `transpose: [${permutation}] is no permutation of the ${x.length} axes of ${formatShape(x)}`,
        { x, permutation },
      );
    }
    return permutation.map((p) => x[p]);
  },
  gradient: (b, dy, _inputs, { permutation }) => ({
    x: b.emit(
      "transpose",
      { x: dy },
      { permutation: permutation.map((_, i) => permutation.indexOf(i)) },
    ),
  }),
  reference: ({ x }, { permutation }, out, shape) => {
    const own = stridesOf(x.shape);
    forEachIndex(shape, (flat, index) => {
      let i = 0;
      for (let d = 0; d < index.length; d++) i += index[d] * own[permutation[d]];
      out[flat] = x.data[i];
    });
  },
  samples: [
    { shapes: { x: [2, 3, 4] }, attrs: { permutation: [2, 0, 1] } },
    { shapes: { x: [2, 3, 4, 5] }, attrs: { permutation: [0, 2, 3, 1] } },
  ],
};
