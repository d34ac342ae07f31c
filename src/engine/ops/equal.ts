// y = 1 where a = b, else 0, broadcasting. Gradient zero.
import { sizeOf } from "../core/shape.ts";
import type { ElementwiseDef } from "../graph/ir.ts";
import { binarySamples, inferBroadcast, referenceBinary } from "./broadcast.ts";

/** y = 1 where a = b, else 0 (NaN equals nothing), broadcasting. Gradient zero. */
export const equal: ElementwiseDef<"equal"> = {
  elementwise: true,
  infer: inferBroadcast("equal"),
  gradient: () => ({}),
  reference: referenceBinary((x, y) => (x === y ? 1 : 0)),
  flops: (_shapes, _attrs, out) => sizeOf(out),
  samples: binarySamples,
};
