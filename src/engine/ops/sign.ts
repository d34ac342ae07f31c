// y = −1, 0 or 1. Gradient zero.
import { sizeOf } from "../core/shape.ts";
import type { ElementwiseDef } from "../graph/ir.ts";
import { unarySamples } from "./broadcast.ts";

/** y = −1, 0 or 1. Gradient zero. */
export const sign: ElementwiseDef<"sign"> = {
  elementwise: true,
  infer: ({ x }) => x,
  gradient: () => ({}),
  reference: ({ x }, _attrs, out) =>
    x.data.forEach((v, i) => {
      out[i] = Math.sign(v);
    }),
  flops: (_shapes, _attrs, out) => sizeOf(out),
  samples: unarySamples,
};
