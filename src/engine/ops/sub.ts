// y = a − b, broadcasting.
import { sizeOf } from "../core/shape.ts";
import type { ElementwiseDef } from "../graph/ir.ts";
import { binarySamples, inferBroadcast, referenceBinary, sumTo } from "./broadcast.ts";

/** y = a − b, broadcasting. */
export const sub: ElementwiseDef<"sub"> = {
  elementwise: true,
  cheap: true,
  infer: inferBroadcast("sub"),
  gradient: (b, dy, inputs) => ({
    a: sumTo(b, dy, inputs.a.shape),
    b: sumTo(b, b.emit("neg", { x: dy }, {}), inputs.b.shape),
  }),
  reference: referenceBinary((x, y) => x - y),
  flops: (_shapes, _attrs, out) => sizeOf(out),
  samples: binarySamples,
};
