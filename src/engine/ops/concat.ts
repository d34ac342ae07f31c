// y = a, then b, along one axis.
import { ShapeError } from "../core/errors.ts";
import { formatShape, sizeOf } from "../core/shape.ts";
import type { OpDef } from "../graph/ir.ts";

/** y = a followed by b along `axis`; all other axes are equal, or it throws ShapeError. */
export const concat: OpDef<"concat"> = {
  cheap: true,
  infer: ({ a, b }, { axis }) => {
    if (
      a.length !== b.length ||
      !(axis >= 0 && axis < a.length) ||
      a.some((d, i) => i !== axis && d !== b[i])
    ) {
      throw new ShapeError(
        `concat: ${formatShape(a)} and ${formatShape(b)} must agree on every axis but ${axis}`,
        { a, b, axis },
      );
    }
    return a.map((d, i) => (i === axis ? d + b[i] : d));
  },
  gradient: (g, dy, { a, b }, { axis }) => {
    const zero = dy.shape.map(() => 0);
    return {
      a: g.emit("slice", { x: dy }, { start: zero, end: a.shape }),
      b: g.emit(
        "slice",
        { x: dy },
        { start: b.shape.map((_, i) => (i === axis ? a.shape[i] : 0)), end: dy.shape },
      ),
    };
  },
  reference: ({ a, b }, { axis }, out) => {
    const na = sizeOf(a.shape.slice(axis));
    const nb = sizeOf(b.shape.slice(axis));
    const outer = sizeOf(a.shape.slice(0, axis));
    for (let o = 0; o < outer; o++) {
      out.set(a.data.subarray(o * na, (o + 1) * na), o * (na + nb));
      out.set(b.data.subarray(o * nb, (o + 1) * nb), o * (na + nb) + na);
    }
  },
  samples: [
    { shapes: { a: [2, 3, 4], b: [2, 1, 4] }, attrs: { axis: 1 } },
    { shapes: { a: [2, 3], b: [4, 3] }, attrs: { axis: 0 } },
  ],
};
