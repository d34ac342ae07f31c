// Functions of angles and of hyperbolas, as formulas of the engine's ops.
import { PI, type Value } from "../../../engine/index.ts";
import type { Call, Family, OpDefinition } from "../call.ts";

const op = (f: (call: Call, x: Value) => Value): OpDefinition => ({
  run: (call) => call.give(f(call, call.value(0))),
});
const exp = (call: Call, x: Value): Value => call.emit("exp", { x });
const log = (call: Call, x: Value): Value => call.emit("log", { x });
/** (eˣ ± e⁻ˣ)/2 */
function halfSum(call: Call, x: Value, sign: 1 | -1): Value {
  const { add, sub, mul } = call.math;
  const [up, down] = [exp(call, x), exp(call, mul(x, -1))];
  return mul(sign === 1 ? add(up, down) : sub(up, down), 0.5);
}
/** tan(a/2) where x = tan a */
function halved(call: Call, x: Value): Value {
  const { add, div, sqrt, square } = call.math;
  return div(x, add(sqrt(add(square(x), 1)), 1));
}
/** The angle is halved three times, to 0.2 at most, where its series ends soon. */
function atan(call: Call, x: Value): Value {
  const { add, mul, square } = call.math;
  const t = halved(call, halved(call, halved(call, x)));
  const t2 = square(t);
  // 1 − t²/3 + t⁴/5 − … + t¹²/13
  const series = [-11, 9, -7, 5, -3].reduce<Value>(
    (sum, n) => add(mul(sum, t2), 1 / n),
    call.graph.scalar(1 / 13),
  );
  return mul(mul(t, add(mul(series, t2), 1)), 8);
}
/** 2·atan(x/(1 + √(1 − x²))), which is defined at ±1, too. */
function asin(call: Call, x: Value): Value {
  const { add, sub, mul, div, sqrt, square } = call.math;
  return mul(atan(call, div(x, add(sqrt(sub(1, square(x))), 1))), 2);
}
/** ±log(√(x² + 1) ± x), with x's sign: no difference of large numbers, and smooth at 0. */
function asinh(call: Call, x: Value): Value {
  const { add, sub, mul, sqrt, square } = call.math;
  const isPositive = call.emit("greater", { a: x, b: call.graph.scalar(0) });
  const sign = sub(mul(isPositive, 2), 1);
  return mul(sign, log(call, add(mul(sign, x), sqrt(add(square(x), 1)))));
}
export const trigonometricOps: Family = {
  Tan: op((call, x) => call.math.div(call.emit("sin", { x }), call.emit("cos", { x }))),
  Sinh: op((call, x) => halfSum(call, x, -1)),
  Cosh: op((call, x) => halfSum(call, x, 1)),
  Atan: op(atan),
  Asin: op(asin),
  Acos: op((call, x) => call.math.sub(PI / 2, asin(call, x))),
  Asinh: op(asinh),
  Acosh: op((call, x) => {
    const { add, sub, sqrt, square } = call.math;
    return log(call, add(x, sqrt(sub(square(x), 1))));
  }),
  Atanh: op((call, x) => {
    const { add, sub, mul, div } = call.math;
    return mul(log(call, div(add(1, x), sub(1, x))), 0.5);
  }),
};
