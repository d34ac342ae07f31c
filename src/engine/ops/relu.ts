// y = max(0, x). Gradient 0 at x = 0 (PyTorch's convention).
import { sizeOf } from "../core/shape.ts";
import type { ElementwiseDef } from "../graph/ir.ts";
import { unarySamples } from "./broadcast.ts";

/** y = max(0, x). Gradient 0 at x = 0 (PyTorch's convention). */
export const relu: ElementwiseDef<"relu"> = {
  elementwise: true,
  cheap: true,
  infer: ({ x }) => x,
  // y > 0 where x > 0, so x itself need not be kept for it
  gradient: (b, dy, _inputs, _attrs, y) => ({ x: b.emit("relu_grad", { dy, x: y }, {}) }),
  reference: ({ x }, _attrs, out) =>
    x.data.forEach((v, i) => {
      out[i] = Math.max(0, v);
    }),
  flops: (_shapes, _attrs, out) => sizeOf(out),
  samples: unarySamples,
};
