// y = 1 where a > b, else 0, broadcasting. Gradient zero.
import { sizeOf } from "../core/shape.ts";
import type { ElementwiseDef } from "../graph/ir.ts";
import { binarySamples, inferBroadcast, referenceBinary } from "./broadcast.ts";

/** y = 1 where a > b, else 0, broadcasting. Gradient zero. */
export const greater: ElementwiseDef<"greater"> = {
  elementwise: true,
  infer: inferBroadcast("greater"),
  gradient: () => ({}),
  reference: referenceBinary((x, y) => (x > y ? 1 : 0)),
  flops: (_shapes, _attrs, out) => sizeOf(out),
  samples: binarySamples,
};
