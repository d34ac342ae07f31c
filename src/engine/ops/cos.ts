// y = cos x.
import { cos as cosOf } from "../core/math.ts";
import { sizeOf } from "../core/shape.ts";
import type { ElementwiseDef } from "../graph/ir.ts";
import { unarySamples } from "./broadcast.ts";

/** y = cos x, x in radians; in float32 exact to its last digits for |x| up to 1e6. */
export const cos: ElementwiseDef<"cos"> = {
  elementwise: true,
  infer: ({ x }) => x,
  gradient: (b, dy, { x }) => ({
    x: b.emit("neg", { x: b.emit("mul", { a: dy, b: b.emit("sin", { x }, {}) }, {}) }, {}),
  }),
  reference: ({ x }, _attrs, out) =>
    x.data.forEach((v, i) => {
      out[i] = cosOf(v);
    }),
  flops: (_shapes, _attrs, out) => 20 * sizeOf(out),
  samples: unarySamples,
};
