// Sums, products, roundings and comparisons, number by number, of floats and of whole numbers.
import type { Value } from "../../../engine/index.ts";
import type { Call, Family, OpDefinition, Val } from "../call.ts";
import { isFloat, type ElementType } from "../model.ts";

/** Before opset 7 the second input is laid along the axes from `axis` on. */
export function aligned(call: Call): [Value, Value] {
  const [a, b] = [call.value(0), call.value(1)];
  if (call.opset >= 7 || !call.flag("broadcast")) return [a, b];
  const rank = a.shape.length;
  const axis = call.axis(call.int("axis", rank - b.shape.length), rank + 1);
  const after = rank - axis - b.shape.length;
  if (after < 0) call.fail(`its second input has more axes than follow axis ${axis} of its first`);
  return [a, call.reshape(b, [...b.shape, ...new Array<number>(after).fill(1)])];
}

export const floorOf = (call: Call, x: Value): Value => call.emit("floor", { x });
export const negative = (call: Call, x: Value): Value => call.emit("neg", { x });
/** Towards zero. */
export function truncated(call: Call, x: Value): Value {
  return call.math.mul(call.emit("sign", { x }), floorOf(call, call.emit("abs", { x })));
}
/** To the nearest whole number, halves to the even one. */
export const rounded = (call: Call, x: Value): Value => call.emit("round", { x });
export const larger = (call: Call, a: Value, b: Value): Value => call.emit("maximum", { a, b });
export const smaller = (call: Call, a: Value, b: Value): Value => call.emit("minimum", { a, b });
export const chosen = (call: Call, condition: Value, a: Value, b: Value): Value =>
  call.emit("select", { condition, a, b });

const bits: Readonly<Partial<Record<ElementType, number>>> = {
  int8: 8,
  int16: 16,
  int32: 32,
  uint8: 8,
  uint16: 16,
  uint32: 32,
};
/** Whole numbers begin again where their type ends; 64 bits never end here. */
function wrapped(call: Call, x: Value, type: ElementType): Value {
  const width = bits[type];
  if (width === undefined) return x;
  const { add, sub, mul } = call.math;
  const period = 2 ** width;
  const low = type.startsWith("u") ? 0 : period / 2;
  const turns = floorOf(call, mul(add(x, low), 1 / period));
  return sub(x, mul(turns, period));
}

const legacy = "broadcast axis consumed_inputs";
function binary(f: (call: Call, a: Value, b: Value) => Value): OpDefinition {
  return {
    attributes: legacy,
    run: (call) => {
      const [a, b] = aligned(call);
      const { type } = call.input(0);
      return call.give(wrapped(call, f(call, a, b), type), type);
    },
  };
}
/** 1 for true, 0 for false. */
function comparison(f: (call: Call, a: Value, b: Value) => Value): OpDefinition {
  return { attributes: legacy, run: (call) => call.give(f(call, ...aligned(call)), "bool") };
}
function unary(f: (call: Call, x: Value) => Value, attributes = "consumed_inputs"): OpDefinition {
  return {
    attributes,
    run: (call) => {
      const { type, value } = call.input(0);
      return call.give(wrapped(call, f(call, value), type), type);
    },
  };
}
/** All inputs, of which there is one or more, joined two by two. */
function joined(call: Call, f: (call: Call, a: Value, b: Value) => Value): Value {
  const values = call.inputs.map((_, i) => call.value(i));
  if (values.length === 0) call.fail("it has no inputs");
  return values.reduce((a, b) => f(call, a, b));
}
function folded(f: (call: Call, a: Value, b: Value) => Value): OpDefinition {
  return { attributes: "consumed_inputs", run: (call) => call.give(joined(call, f)) };
}
const sum = (call: Call, a: Value, b: Value): Value => call.math.add(a, b);
const engineUnary = (
  op: "exp" | "log" | "sqrt" | "abs" | "sign" | "sin" | "cos" | "floor" | "neg",
): OpDefinition => unary((call, x) => call.emit(op, { x }));

function quotient(call: Call, a: Value, b: Value): Value {
  const ratio = call.math.div(a, b);
  return call.isWhole() ? truncated(call, ratio) : ratio;
}
/** The base is a float where the exponent is whole, and the other way round. */
function power(call: Call, a: Value, b: Value): Value {
  const exponent =
    call.graph.isKnown(b) && b.shape.length === 0 ? call.graph.known(b)![0] : undefined;
  if (exponent === 2) return call.math.square(a);
  const y = call.emit("pow", { a, b });
  return call.isWhole() ? floorOf(call, call.math.add(y, 0.5)) : y;
}
function remainder(call: Call, a: Value, b: Value): Value {
  const ratio = call.math.div(a, b);
  const turns = call.flag("fmod") ? truncated(call, ratio) : floorOf(call, ratio);
  return call.math.sub(a, call.math.mul(b, turns));
}
/** A bound left out, and one that no number reaches, bounds nothing. */
function clip(call: Call): Val {
  const attribute = (name: string): Value | undefined =>
    call.node.attributes.has(name) ? call.graph.scalar(call.float(name)) : undefined;
  const inputs = call.opset >= 11;
  const low = inputs ? call.inputs[1]?.value : attribute("min");
  const high = inputs ? call.inputs[2]?.value : attribute("max");
  const x = call.value(0);
  const above = low ? larger(call, x, call.reshape(low, [])) : x;
  return call.give(high ? smaller(call, above, call.reshape(high, [])) : above);
}
function where(call: Call): Val {
  const type = call.input(1).type;
  return call.give(chosen(call, call.value(0), call.value(1), call.value(2)), type);
}
const greater = (call: Call, a: Value, b: Value): Value => call.emit("greater", { a, b });
const equal = (call: Call, a: Value, b: Value): Value => call.emit("equal", { a, b });
const not = (call: Call, x: Value): Value => call.math.sub(1, x);

export const arithmeticOps: Family = {
  Add: binary((call, a, b) => call.math.add(a, b)),
  Sub: binary((call, a, b) => call.math.sub(a, b)),
  Mul: binary((call, a, b) => call.math.mul(a, b)),
  Div: binary(quotient),
  Pow: binary(power),
  Mod: { ...binary(remainder), attributes: "fmod" },
  Neg: engineUnary("neg"),
  Abs: engineUnary("abs"),
  Sqrt: engineUnary("sqrt"),
  Exp: engineUnary("exp"),
  Log: engineUnary("log"),
  Sin: engineUnary("sin"),
  Cos: engineUnary("cos"),
  Floor: engineUnary("floor"),
  Sign: engineUnary("sign"),
  Ceil: unary((call, x) => negative(call, floorOf(call, negative(call, x)))),
  Round: unary(rounded),
  Reciprocal: unary((call, x) => call.math.div(1, x)),
  Min: folded(smaller),
  Max: folded(larger),
  Sum: folded(sum),
  Mean: {
    attributes: "consumed_inputs",
    run: (call) => call.give(call.math.mul(joined(call, sum), 1 / call.inputs.length)),
  },
  Clip: { attributes: "min max consumed_inputs", run: clip },
  Where: { run: where },
};
export const logicOps: Family = {
  Equal: comparison(equal),
  Greater: comparison(greater),
  Less: comparison((call, a, b) => greater(call, b, a)),
  // with a number that is none, both are false
  GreaterOrEqual: comparison((call, a, b) => larger(call, greater(call, a, b), equal(call, a, b))),
  LessOrEqual: comparison((call, a, b) => larger(call, greater(call, b, a), equal(call, a, b))),
  And: comparison((call, a, b) => call.math.mul(a, b)),
  Or: comparison(larger),
  Xor: comparison((call, a, b) => not(call, equal(call, a, b))),
  Not: { run: (call) => call.give(not(call, call.value(0)), "bool") },
  IsNaN: { run: (call) => call.give(not(call, equal(call, call.value(0), call.value(0))), "bool") },
  IsInf: { attributes: "detect_negative detect_positive", run: isInfinite },
};
function isInfinite(call: Call): Val {
  const x = call.value(0);
  const is = (sign: number): Value =>
    equal(call, x, call.graph.scalar(sign * Number.POSITIVE_INFINITY));
  const none = call.graph.scalar(0);
  const above = call.flag("detect_positive", true) ? is(1) : none;
  const below = call.flag("detect_negative", true) ? is(-1) : none;
  return call.give(call.broadcast(larger(call, above, below), x.shape), "bool");
}

/** The type that whole numbers and floats are turned into. */
export function converted(call: Call, { type, value }: Val, to: ElementType): Val {
  if (to === type || (isFloat(to) && (isFloat(type) || !call.graph.isKnown(value))))
    return { type: to, value };
  if (to === "bool")
    return { type: to, value: not(call, equal(call, value, call.graph.scalar(0))) };
  if (isFloat(to)) return { type: to, value };
  const whole = isFloat(type) ? truncated(call, value) : value;
  return { type: to, value: wrapped(call, whole, to) };
}
