// y = a / b, broadcasting.
import { sizeOf } from "../core/shape.ts";
import type { ElementwiseDef } from "../graph/ir.ts";
import { binarySamples, inferBroadcast, referenceBinary, sumTo } from "./broadcast.ts";

/** y = a / b, broadcasting. */
export const div: ElementwiseDef<"div"> = {
  elementwise: true,
  infer: inferBroadcast("div"),
  gradient: (b, dy, inputs, _attrs, y) => ({
    a: sumTo(b, b.emit("div", { a: dy, b: inputs.b }, {}), inputs.a.shape),
    b: sumTo(
      b,
      b.emit(
        "neg",
        { x: b.emit("div", { a: b.emit("mul", { a: dy, b: y }, {}), b: inputs.b }, {}) },
        {},
      ),
      inputs.b.shape,
    ),
  }),
  reference: referenceBinary((x, y) => x / y),
  flops: (_shapes, _attrs, out) => sizeOf(out),
  samples: binarySamples.map((sample) => ({ ...sample, positive: true })),
};
