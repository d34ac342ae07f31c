// y = erf x, what the normal distribution is made of.
import { erf as erfOf } from "../core/math.ts";
import { sizeOf } from "../core/shape.ts";
import type { ElementwiseDef } from "../graph/ir.ts";
import { unarySamples } from "./broadcast.ts";

/** y = 2/√π · ∫₀ˣ e^−t² dt, elementwise. */
export const erf: ElementwiseDef<"erf"> = {
  elementwise: true,
  infer: ({ x }) => x,
  // y' = 2/√π · e^−x²
  gradient: (b, dy, { x }) => {
    const bell = b.emit(
      "exp",
      { x: b.emit("neg", { x: b.emit("mul", { a: x, b: x }, {}) }, {}) },
      {},
    );
    return {
      x: b.emit(
        "mul",
        { a: dy, b: b.emit("mul", { a: bell, b: b.scalar(1.1283791670955126) }, {}) },
        {},
      ),
    };
  },
  reference: ({ x }, _attrs, out) =>
    x.data.forEach((v, i) => {
      out[i] = erfOf(v);
    }),
  flops: (_shapes, _attrs, out) => 20 * sizeOf(out),
  samples: unarySamples,
};
