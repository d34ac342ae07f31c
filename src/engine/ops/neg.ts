// y = −x.
import { sizeOf } from "../core/shape.ts";
import type { ElementwiseDef } from "../graph/ir.ts";
import { unarySamples } from "./broadcast.ts";

/** y = −x. */
export const neg: ElementwiseDef<"neg"> = {
  elementwise: true,
  cheap: true,
  infer: ({ x }) => x,
  gradient: (b, dy, _inputs) => ({ x: b.emit("neg", { x: dy }, {}) }),
  reference: ({ x }, _attrs, out) =>
    x.data.forEach((v, i) => {
      out[i] = -v;
    }),
  flops: (_shapes, _attrs, out) => sizeOf(out),
  samples: unarySamples,
};
