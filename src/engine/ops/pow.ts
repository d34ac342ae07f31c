// y = aᵇ, broadcasting.
import { pow as powOf } from "../core/math.ts";
import { sizeOf } from "../core/shape.ts";
import { arithmetic } from "../graph/arithmetic.ts";
import type { ElementwiseDef } from "../graph/ir.ts";
import { binarySamples, inferBroadcast, referenceBinary, sumTo } from "./broadcast.ts";

/**
 * y = aᵇ, broadcasting; at 0, ±∞ and NaN as C's pow: NaN for a < 0 unless b is whole. The gradient
 * to a is 0 for b = 0, that to b is 0 for a = 0 and NaN for a < 0.
 */
export const pow: ElementwiseDef<"pow"> = {
  elementwise: true,
  infer: inferBroadcast("pow"),
  // ∂y/∂a = b·aᵇ⁻¹, ∂y/∂b = y·ln a; at a = 0 they would be 0·∞
  gradient: (b, dy, { a, b: exponent }, _attrs, y) => {
    const { add, mul, sub } = arithmetic(b);
    const isZero = b.emit("equal", { a, b: b.scalar(0) }, {});
    const bothZero = mul(isZero, b.emit("equal", { a: exponent, b: b.scalar(0) }, {}));
    const lower = b.emit("pow", { a, b: add(sub(exponent, 1), bothZero) }, {});
    const logarithm = b.emit("log", { x: add(a, isZero) }, {});
    return {
      a: sumTo(b, mul(dy, mul(exponent, lower)), a.shape),
      b: sumTo(b, mul(dy, mul(y, logarithm)), exponent.shape),
    };
  },
  reference: referenceBinary(powOf),
  flops: (_shapes, _attrs, out) => 50 * sizeOf(out),
  samples: binarySamples.map((sample) => ({ ...sample, positive: true })),
};
