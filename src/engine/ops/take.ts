// y = elements of x along one axis, by index: padding by reflection, repetition or wrapping,
// mirroring, enlarging.
import { ShapeError } from "../core/errors.ts";
import { formatShape, sizeOf } from "../core/shape.ts";
import type { OpDef } from "../graph/ir.ts";

/**
 * y[…, k, …] = x[…, indices[k], …] along `axis`. Throws ShapeError for an axis or an index that x
 * lacks.
 */
export const take: OpDef<"take"> = {
  cheap: true,
  infer: ({ x }, { axis, indices }) => {
    const bad =
      axis >= 0 && axis < x.length
        ? indices.find((i) => !(Number.isInteger(i) && i >= 0 && i < x[axis]))
        : axis;
    if (bad !== undefined)
      throw new ShapeError(
        `take: ${axis < x.length ? `index ${bad}` : `axis ${axis}`} does not exist in ${formatShape(x)}`,
        { x, axis, bad },
      );
    return x.map((d, i) => (i === axis ? indices.length : d));
  },
  gradient: (b, dy, { x }, { axis, indices }) => ({
    x: b.emit("take_grad", { dy }, { axis, indices, size: x.shape[axis] }),
  }),
  reference: ({ x }, { axis, indices }, out) => {
    const inner = sizeOf(x.shape.slice(axis + 1));
    const n = x.shape[axis];
    for (let at = 0; at < out.length; at++) {
      const k = Math.floor(at / inner) % indices.length;
      const outer = Math.floor(at / (inner * indices.length));
      out[at] = x.data[(outer * n + indices[k]) * inner + (at % inner)];
    }
  },
  samples: [
    { shapes: { x: [2, 5, 3] }, attrs: { axis: 1, indices: [2, 1, 0, 1, 2, 3, 4, 3] } },
    { shapes: { x: [2, 5] }, attrs: { axis: 1, indices: [4, 4, 0, 0, 2, 0] } },
    { shapes: { x: [6] }, attrs: { axis: 0, indices: [5, 3, 1] } },
  ],
};
