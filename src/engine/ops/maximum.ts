// y = max(a, b), broadcasting; at a tie the gradient goes to b.
import { sizeOf } from "../core/shape.ts";
import type { ElementwiseDef } from "../graph/ir.ts";
import { binarySamples, inferBroadcast, referenceBinary, sumTo } from "./broadcast.ts";

/** y = max(a, b), broadcasting; at a tie the gradient goes to b. */
export const maximum: ElementwiseDef<"maximum"> = {
  elementwise: true,
  cheap: true,
  infer: inferBroadcast("maximum"),
  gradient: (b, dy, inputs) => ({
    a: sumTo(
      b,
      b.emit("mul", { a: dy, b: b.emit("greater", { a: inputs.a, b: inputs.b }, {}) }, {}),
      inputs.a.shape,
    ),
    b: sumTo(
      b,
      b.emit(
        "sub",
        {
          a: dy,
          b: b.emit("mul", { a: dy, b: b.emit("greater", { a: inputs.a, b: inputs.b }, {}) }, {}),
        },
        {},
      ),
      inputs.b.shape,
    ),
  }),
  reference: referenceBinary((x, y) => Math.max(x, y)),
  flops: (_shapes, _attrs, out) => sizeOf(out),
  samples: binarySamples,
};
