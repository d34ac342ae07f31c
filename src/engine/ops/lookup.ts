// y = an entry of a table, by where x lies: what piecewise functions are made of.
import { ShapeError } from "../core/errors.ts";
import { formatShape, sizeOf, type Shape } from "../core/shape.ts";
import type { LookupAttributes } from "../graph/catalogue.ts";
import type { OpDef } from "../graph/ir.ts";

/** Which of `bins` entries: 0 below `low`, then one every `step`, the last for all above. */
export function binOf(x: number, bins: number, { low, step }: LookupAttributes): number {
  const bin = Math.floor((x - low) / step) + 1;
  return bin > 0 ? Math.min(bin, bins - 1) : 0;
}
/** Throws ShapeError unless x has channels along axis 1 and bins are wider than 0. */
export function checkLookup(op: string, x: Shape, { step }: LookupAttributes): void {
  if (x.length < 2 || !(step > 0))
    throw new ShapeError(
      `${op}: x ${formatShape(x)} needs channels along axis 1, and the step ${step} to be positive`,
      { x, step },
    );
}
/** The channel of every element of x [N, C, …]. */
export const channelOf = (x: Shape, at: number): number =>
  Math.floor(at / sizeOf(x.slice(2))) % x[1];

/**
 * y[n,c,…] = table[c, bin of x[n,c,…]], table [C, bins]; a bin is `step` wide, the second begins at
 * `low`, the first and the last go on for ever. Gradient to x zero. Throws ShapeError when the
 * table has not one row per channel.
 */
export const lookup: OpDef<"lookup"> = {
  infer: ({ x, table }, attrs) => {
    checkLookup("lookup", x, attrs);
    if (table.length !== 2 || table[0] !== x[1] || table[1] < 1)
      throw new ShapeError(
        `lookup: the table ${formatShape(table)} should have a row for each of ${x[1]} channels`,
        { x, table },
      );
    return x;
  },
  gradient: (b, dy, { x, table }, { low, step }) => ({
    table: b.emit("lookup_grad", { dy, x }, { low, step, bins: table.shape[1] }),
  }),
  reference: ({ x, table }, attrs, out) => {
    const bins = table.shape[1];
    for (let at = 0; at < out.length; at++)
      out[at] = table.data[channelOf(x.shape, at) * bins + binOf(x.data[at], bins, attrs)];
  },
  samples: [
    { shapes: { x: [2, 3, 2, 4], table: [3, 6] }, attrs: { low: -0.6, step: 0.3 } },
    { shapes: { x: [1, 2, 3, 5], table: [2, 4] }, attrs: { low: -0.5, step: 0.5 } },
    { shapes: { x: [5, 1], table: [1, 3] }, attrs: { low: 0, step: 0.37 } },
  ],
};
