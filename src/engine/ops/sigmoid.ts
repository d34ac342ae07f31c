// y = 1/(1 + e⁻ˣ).
import { exp as expOf } from "../core/math.ts";
import { sizeOf } from "../core/shape.ts";
import type { ElementwiseDef } from "../graph/ir.ts";
import { unarySamples } from "./broadcast.ts";

/** y = 1/(1 + e⁻ˣ), elementwise. */
export const sigmoid: ElementwiseDef<"sigmoid"> = {
  elementwise: true,
  infer: ({ x }) => x,
  // y' = y − y²
  gradient: (b, dy, _inputs, _attrs, y) => ({
    x: b.emit(
      "mul",
      { a: dy, b: b.emit("sub", { a: y, b: b.emit("mul", { a: y, b: y }, {}) }, {}) },
      {},
    ),
  }),
  // e^−|x| never overflows
  reference: ({ x }, _attrs, out) =>
    x.data.forEach((v, i) => {
      const e = expOf(-Math.abs(v));
      out[i] = (v >= 0 ? 1 : e) / (1 + e);
    }),
  flops: (_shapes, _attrs, out) => 3 * sizeOf(out),
  samples: unarySamples,
};
