// y = eˣ.
import { exp as expOf } from "../core/math.ts";
import { sizeOf } from "../core/shape.ts";
import type { ElementwiseDef } from "../graph/ir.ts";
import { unarySamples } from "./broadcast.ts";

/** y = eˣ. */
export const exp: ElementwiseDef<"exp"> = {
  elementwise: true,
  infer: ({ x }) => x,
  gradient: (b, dy, _inputs, _attrs, y) => ({ x: b.emit("mul", { a: dy, b: y }, {}) }),
  reference: ({ x }, _attrs, out) =>
    x.data.forEach((v, i) => {
      out[i] = expOf(v);
    }),
  flops: (_shapes, _attrs, out) => sizeOf(out),
  samples: unarySamples,
};
