// y = min(a, b), broadcasting; at a tie the gradient goes to b.
import { sizeOf } from "../core/shape.ts";
import type { ElementwiseDef } from "../graph/ir.ts";
import { binarySamples, inferBroadcast, referenceBinary, sumTo } from "./broadcast.ts";

/** y = min(a, b), broadcasting; NaN where either is; at a tie the gradient goes to b. */
export const minimum: ElementwiseDef<"minimum"> = {
  elementwise: true,
  cheap: true,
  infer: inferBroadcast("minimum"),
  gradient: (b, dy, inputs) => {
    const toA = b.emit(
      "mul",
      { a: dy, b: b.emit("greater", { a: inputs.b, b: inputs.a }, {}) },
      {},
    );
    return {
      a: sumTo(b, toA, inputs.a.shape),
      b: sumTo(b, b.emit("sub", { a: dy, b: toA }, {}), inputs.b.shape),
    };
  },
  reference: referenceBinary((x, y) => Math.min(x, y)),
  flops: (_shapes, _attrs, out) => sizeOf(out),
  samples: binarySamples,
};
