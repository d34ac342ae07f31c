// y = |x|. Gradient 0 at x = 0 (PyTorch's convention).
import { sizeOf } from "../core/shape.ts";
import type { ElementwiseDef } from "../graph/ir.ts";
import { unarySamples } from "./broadcast.ts";

/** y = |x|. Gradient 0 at x = 0 (PyTorch's convention). */
export const abs: ElementwiseDef<"abs"> = {
  elementwise: true,
  cheap: true,
  infer: ({ x }) => x,
  gradient: (b, dy, { x }) => ({ x: b.emit("mul", { a: dy, b: b.emit("sign", { x }, {}) }, {}) }),
  reference: ({ x }, _attrs, out) =>
    x.data.forEach((v, i) => {
      out[i] = Math.abs(v);
    }),
  flops: (_shapes, _attrs, out) => sizeOf(out),
  samples: unarySamples,
};
