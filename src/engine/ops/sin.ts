// y = sin x.
import { sin as sinOf } from "../core/math.ts";
import { sizeOf } from "../core/shape.ts";
import type { ElementwiseDef } from "../graph/ir.ts";
import { unarySamples } from "./broadcast.ts";

/** y = sin x, x in radians; in float32 exact to its last digits for |x| up to 1e6. */
export const sin: ElementwiseDef<"sin"> = {
  elementwise: true,
  infer: ({ x }) => x,
  gradient: (b, dy, { x }) => ({ x: b.emit("mul", { a: dy, b: b.emit("cos", { x }, {}) }, {}) }),
  reference: ({ x }, _attrs, out) =>
    x.data.forEach((v, i) => {
      out[i] = sinOf(v);
    }),
  flops: (_shapes, _attrs, out) => 20 * sizeOf(out),
  samples: unarySamples,
};
