// Products of quantised numbers, as older exporters write them: computed as the products of what
// they stand for.
import { sizeOf, type Value } from "../../../engine/index.ts";
import type { Call, Family, Val } from "../call.ts";
import { convolved } from "./convolutions.ts";
import { product } from "./matrices.ts";
import { quantized } from "./quantization.ts";
import { larger, rounded, smaller } from "./arithmetic.ts";
import { reduced } from "./reductions.ts";

/** x less its zero point, one number or one along `axis`. */
function centred(call: Call, index: number, zero: number, axis: number): Value {
  const x = call.value(index);
  if (!call.has(zero)) return x;
  return call.math.sub(x, laid(call, call.value(zero), x.shape.length, axis));
}
function laid(call: Call, line: Value, rank: number, axis: number): Value {
  if (sizeOf(line.shape) === 1) return call.reshape(line, []);
  if (line.shape.length > 1) return line;
  const at = axis < 0 ? axis + rank : axis;
  return call.reshape(
    line,
    Array.from({ length: rank }, (_, i) => (i === at ? line.shape[0] : 1)),
  );
}
function matMulInteger(call: Call): Val {
  return call.give(product(call, centred(call, 0, 2, -2), centred(call, 1, 3, -1)), "int32");
}
function convInteger(call: Call): Val {
  return call.give(
    convolved(call, centred(call, 0, 2, 1), centred(call, 1, 3, 0), undefined),
    "int32",
  );
}
/** Inputs a, its scale and zero point, b, its own, and y's. */
function qLinearMatMul(call: Call): Val {
  const { mul } = call.math;
  const scale = (index: number, axis: number): Value =>
    laid(call, call.value(index), call.value(index < 3 ? 0 : 3).shape.length, axis);
  const a = mul(centred(call, 0, 2, -2), scale(1, -2));
  const b = mul(centred(call, 3, 5, -1), scale(4, -1));
  const { type, value } = call.input(7);
  const y = product(call, a, b);
  return call.give(
    quantized(
      call,
      y,
      laid(call, call.value(6), y.shape.length, -2),
      call.reshape(value, []),
      type,
    ),
    type,
  );
}
function qLinearConv(call: Call): Val {
  const { mul, div } = call.math;
  const x = centred(call, 0, 2, 1);
  const w = centred(call, 3, 5, 0);
  const sums = convolved(call, x, w, call.inputs[8]?.value);
  const scale = mul(
    call.reshape(call.value(1), []),
    laid(call, call.value(4), sums.shape.length, 1),
  );
  const { type, value } = call.input(7);
  const factor = div(scale, call.reshape(call.value(6), []));
  return call.give(
    quantized(call, mul(sums, factor), call.graph.scalar(1), call.reshape(value, []), type),
    type,
  );
}
/** To uint8, from the range of the numbers at hand, with 0 in it. */
function dynamicQuantize(call: Call): Val[] {
  const x = call.value(0);
  const { sub, mul, div } = call.math;
  const none = call.graph.scalar(0);
  const axes = x.shape.map((_, i) => i);
  const low = smaller(call, reduced(call, x, axes, false, "min"), none);
  const high = larger(call, reduced(call, x, axes, false, "max"), none);
  const scale = mul(sub(high, low), 1 / 255);
  const zero = smaller(
    call,
    larger(call, rounded(call, div(mul(low, -1), scale)), none),
    call.graph.scalar(255),
  );
  const y = quantized(call, x, scale, zero, "uint8");
  return [call.give(y, "uint8"), call.give(scale, "float32"), call.give(zero, "uint8")];
}
const convolution = "auto_pad dilations group kernel_shape pads strides";
export const quantizedOps: Family = {
  MatMulInteger: { run: matMulInteger },
  ConvInteger: { attributes: convolution, run: convInteger },
  QLinearMatMul: { run: qLinearMatMul },
  QLinearConv: { attributes: convolution, run: qLinearConv },
  DynamicQuantizeLinear: { run: dynamicQuantize },
};
