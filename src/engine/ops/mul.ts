// y = a · b, broadcasting.
import { sizeOf } from "../core/shape.ts";
import type { ElementwiseDef } from "../graph/ir.ts";
import { binarySamples, inferBroadcast, referenceBinary, sumTo } from "./broadcast.ts";

/** y = a · b, broadcasting. */
export const mul: ElementwiseDef<"mul"> = {
  elementwise: true,
  cheap: true,
  infer: inferBroadcast("mul"),
  gradient: (b, dy, inputs) => ({
    a: sumTo(b, b.emit("mul", { a: dy, b: inputs.b }, {}), inputs.a.shape),
    b: sumTo(b, b.emit("mul", { a: dy, b: inputs.a }, {}), inputs.b.shape),
  }),
  reference: referenceBinary((x, y) => x * y),
  flops: (_shapes, _attrs, out) => sizeOf(out),
  samples: binarySamples,
};
