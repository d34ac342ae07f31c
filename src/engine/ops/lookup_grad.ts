// The adjoint of lookup in its table.
import { ShapeError } from "../core/errors.ts";
import { formatShape, sameShape } from "../core/shape.ts";
import type { OpDef } from "../graph/ir.ts";
import { binOf, channelOf, checkLookup } from "./lookup.ts";

/**
 * g[c, bin of x[n,c,…]] += dy[n,c,…] into zeros [C, bins]. Throws ShapeError when dy has not x's
 * shape.
 */
export const lookup_grad: OpDef<"lookup_grad"> = {
  infer: ({ dy, x }, attrs) => {
    checkLookup("lookup_grad", x, attrs);
    if (!sameShape(dy, x))
      throw new ShapeError(
        `lookup_grad: dy ${formatShape(dy)} must have x's shape ${formatShape(x)}`,
        { dy, x },
      );
    return [x[1], attrs.bins];
  },
  gradient: (b, u, { x }, { low, step }) => ({
    dy: b.emit("lookup", { x, table: u }, { low, step }),
  }),
  reference: ({ dy, x }, attrs, out) => {
    for (let at = 0; at < dy.data.length; at++)
      out[channelOf(x.shape, at) * attrs.bins + binOf(x.data[at], attrs.bins, attrs)] +=
        dy.data[at];
  },
  samples: [
    { shapes: { dy: [2, 3, 2, 4], x: [2, 3, 2, 4] }, attrs: { low: -0.6, step: 0.3, bins: 6 } },
    { shapes: { dy: [1, 2, 3, 5], x: [1, 2, 3, 5] }, attrs: { low: -0.5, step: 0.5, bins: 4 } },
  ],
};
