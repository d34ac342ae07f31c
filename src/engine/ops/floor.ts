// y = the largest whole number that is not above x. Gradient zero.
import { sizeOf } from "../core/shape.ts";
import type { ElementwiseDef } from "../graph/ir.ts";
import { unarySamples } from "./broadcast.ts";

/** y = the largest whole number that is not above x. Gradient zero. */
export const floor: ElementwiseDef<"floor"> = {
  elementwise: true,
  infer: ({ x }) => x,
  gradient: () => ({}),
  reference: ({ x }, _attrs, out) =>
    x.data.forEach((v, i) => {
      out[i] = Math.floor(v);
    }),
  flops: (_shapes, _attrs, out) => sizeOf(out),
  samples: unarySamples,
};
