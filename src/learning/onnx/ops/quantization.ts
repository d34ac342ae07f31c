// Quantised numbers: rounding has no slope, so that the gradient goes straight through it, within
// the range.
import { sizeOf, type Value } from "../../../engine/index.ts";
import type { Call, Family, Val } from "../call.ts";
import { isFloat, type ElementType, type OnnxNode } from "../model.ts";
import { elementType, typeName } from "../tensors.ts";
import { larger, rounded, smaller } from "./arithmetic.ts";

const ranges: Readonly<Partial<Record<ElementType, readonly [number, number]>>> = {
  uint8: [0, 255],
  int8: [-128, 127],
  uint16: [0, 65535],
  int16: [-32768, 32767],
};
/** Scales and zero points: one, one a channel, or one a block of cells along an axis. */
function spread(call: Call, line: Value, x: Value): Value {
  if (sizeOf(line.shape) === 1) return call.reshape(line, []);
  const axis = call.axis(call.int("axis", 1), x.shape.length);
  if (line.shape.length === 1)
    return call.reshape(
      line,
      x.shape.map((_, i) => (i === axis ? line.shape[0] : 1)),
    );
  const block = call.int("block_size", 0) || Math.ceil(x.shape[axis] / line.shape[axis]);
  const indices = Array.from({ length: x.shape[axis] }, (_, i) => Math.floor(i / block));
  return call.take(line, axis, indices);
}
/** A number as it is, of which no derivative is taken: round has none. Within 2⁻⁶¹. */
function held(call: Call, x: Value): Value {
  return call.math.mul(rounded(call, call.math.mul(x, 2 ** 60)), 2 ** -60);
}
function straightThrough(call: Call, x: Value): Value {
  if (call.graph.isKnown(x)) return rounded(call, x);
  return call.math.add(rounded(call, x), call.math.sub(x, held(call, x)));
}
export function quantized(
  call: Call,
  x: Value,
  scale: Value,
  zero: Value | undefined,
  type: ElementType,
): Value {
  const [low, high] =
    ranges[type] ??
    call.fail(`it quantises to ${type}; ${Object.keys(ranges).join(", ")} are read`);
  const steps = straightThrough(call, call.math.div(x, scale));
  const moved = zero ? call.math.add(steps, zero) : steps;
  return smaller(call, larger(call, moved, call.graph.scalar(low)), call.graph.scalar(high));
}
function dequantized(call: Call, x: Value, scale: Value, zero: Value | undefined): Value {
  return call.math.mul(zero ? call.math.sub(x, zero) : x, scale);
}
function quantize(call: Call): Val {
  const x = call.value(0);
  const scale = spread(call, call.value(1), x);
  const zero = call.has(2) ? spread(call, call.value(2), x) : undefined;
  const said = call.node.attributes.has("output_dtype")
    ? elementType(call.int("output_dtype"))
    : undefined;
  const type = call.has(2) ? call.input(2).type : (said ?? "uint8");
  return call.give(quantized(call, x, scale, zero, type), type);
}
function dequantize(call: Call): Val {
  const x = call.value(0);
  const zero = call.has(2) ? spread(call, call.value(2), x) : undefined;
  const { type } = call.input(1);
  return call.give(
    dequantized(call, x, spread(call, call.value(1), x), zero),
    isFloat(type) ? type : "float32",
  );
}
function refuses(node: OnnxNode): string | undefined {
  const type = node.attributes.get("output_dtype");
  const code = type?.kind === "int" ? type.value : 0;
  return code === 0 || elementType(code) ? undefined : `quantisation to ${typeName(code)}`;
}
const attributes = "axis block_size output_dtype precision saturate";
export const quantizationOps: Family = {
  QuantizeLinear: { attributes, refuses, run: quantize },
  DequantizeLinear: { attributes, refuses, run: dequantize },
};
