// y = tanh x.
import { tanh as tanhOf } from "../core/math.ts";
import { sizeOf } from "../core/shape.ts";
import type { ElementwiseDef } from "../graph/ir.ts";
import { unarySamples } from "./broadcast.ts";

/** y = tanh x, elementwise. */
export const tanh: ElementwiseDef<"tanh"> = {
  elementwise: true,
  infer: ({ x }) => x,
  // y' = 1 − y²
  gradient: (b, dy, _inputs, _attrs, y) => ({
    x: b.emit(
      "mul",
      { a: dy, b: b.emit("sub", { a: b.scalar(1), b: b.emit("mul", { a: y, b: y }, {}) }, {}) },
      {},
    ),
  }),
  reference: ({ x }, _attrs, out) =>
    x.data.forEach((v, i) => {
      out[i] = tanhOf(v);
    }),
  flops: (_shapes, _attrs, out) => 20 * sizeOf(out),
  samples: unarySamples,
};
