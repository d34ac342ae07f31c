// The adjoint of take.
import { ShapeError } from "../core/errors.ts";
import { formatShape, sizeOf } from "../core/shape.ts";
import type { OpDef } from "../graph/ir.ts";

/**
 * x[…, indices[k], …] += dy[…, k, …] into zeros, `size` of them along `axis`. Throws ShapeError
 * when there is not one index per element.
 */
export const take_grad: OpDef<"take_grad"> = {
  infer: ({ dy }, { axis, indices, size }) => {
    if (dy[axis] !== indices.length)
      throw new ShapeError(
        `take_grad: ${indices.length} indices for axis ${axis} of ${formatShape(dy)}`,
        { dy, axis },
      );
    return dy.map((d, i) => (i === axis ? size : d));
  },
  gradient: (b, u, _inputs, { axis, indices }) => ({
    dy: b.emit("take", { x: u }, { axis, indices }),
  }),
  reference: ({ dy }, { axis, indices, size }, out) => {
    const inner = sizeOf(dy.shape.slice(axis + 1));
    for (let at = 0; at < dy.data.length; at++) {
      const k = Math.floor(at / inner) % indices.length;
      const outer = Math.floor(at / (inner * indices.length));
      out[(outer * size + indices[k]) * inner + (at % inner)] += dy.data[at];
    }
  },
  samples: [
    { shapes: { dy: [2, 8, 3] }, attrs: { axis: 1, indices: [2, 1, 0, 1, 2, 3, 4, 3], size: 5 } },
    { shapes: { dy: [2, 6] }, attrs: { axis: 1, indices: [4, 4, 0, 0, 2, 0], size: 5 } },
  ],
};
