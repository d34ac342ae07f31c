// y = −1, 0 or 1. Gradient zero.
import { sizeOf } from "../core/shape.ts";
import type { OpDef } from "../graph/ir.ts";
import { unarySamples } from "./broadcast.ts";

/** y = −1, 0 or 1. Gradient zero. */
export const sign: OpDef<"sign"> = {
  infer: ({ x }) => x,
  gradient: () => ({}),
  reference: ({ x }, _attrs, out) =>
    x.data.forEach((v, i) => {
      out[i] = Math.sign(v);
    }),
  flops: (_shapes, _attrs, out) => sizeOf(out),
  samples: unarySamples,
};
