// Activations as formulas of the engine's ops.
import { PI, type Value } from "../../../engine/index.ts";
import type { Call, Family, OpDefinition } from "../call.ts";
import { chosen, larger, negative, smaller } from "./arithmetic.ts";

const exp = (call: Call, x: Value): Value => call.emit("exp", { x });
const tanh = (call: Call, x: Value): Value => call.emit("tanh", { x });
const sigmoid = (call: Call, x: Value): Value => call.emit("sigmoid", { x });
const above = (call: Call, x: Value, bound: number): Value =>
  call.emit("greater", { a: x, b: call.graph.scalar(bound) });
/** max(0, x) and min(0, x) */
function parts(call: Call, x: Value): [Value, Value] {
  const positive = call.math.relu(x);
  return [positive, call.math.sub(x, positive)];
}
function clamped(call: Call, x: Value, low: number, high: number): Value {
  return smaller(call, larger(call, x, call.graph.scalar(low)), call.graph.scalar(high));
}
const hardSigmoid = (call: Call, x: Value, alpha: number, beta: number): Value =>
  clamped(call, call.math.add(call.math.mul(x, alpha), beta), 0, 1);
/** max(0, x) + scale·(exp(min(0, x)/width) − 1) */
function exponential(call: Call, x: Value, scale: number, width = 1): Value {
  const { add, mul, sub } = call.math;
  const [positive, rest] = parts(call, x);
  return add(positive, mul(sub(exp(call, mul(rest, 1 / width)), 1), scale));
}
/** log(1 + eˣ); beyond 40 that is x. Smooth at 0, unlike the form with |x|. */
function softplus(call: Call, x: Value): Value {
  const { add, mul, sub } = call.math;
  const large = above(call, x, 40);
  const small = sub(1, large);
  const curve = call.emit("log", { x: add(exp(call, mul(x, small)), 1) });
  return add(mul(x, large), mul(curve, small));
}
function gelu(call: Call, x: Value): Value {
  const { add, mul } = call.math;
  if (call.oneOf("approximate", ["none", "tanh"]) === "none")
    return mul(x, mul(add(call.emit("erf", { x: mul(x, Math.SQRT1_2) }), 1), 0.5));
  const inner = mul(mul(x, add(mul(mul(x, x), 0.044715), 1)), Math.sqrt(2 / PI));
  return mul(x, mul(add(tanh(call, inner), 1), 0.5));
}
/** Slopes by channel before opset 7, and by the rules of broadcasting since. */
function prelu(call: Call): Value {
  const [x, slope] = [call.value(0), call.value(1)];
  const { add, mul } = call.math;
  const byChannel = slope.shape.length === 1 && x.shape.length > 1 && call.opset < 7;
  const shape = byChannel ? [slope.shape[0], ...x.shape.slice(2).map(() => 1)] : slope.shape;
  const [positive, rest] = parts(call, x);
  return add(positive, mul(rest, call.reshape(slope, shape)));
}
function shrink(call: Call, x: Value): Value {
  const [lambda, bias] = [call.float("lambd", 0.5), call.float("bias", 0)];
  const { sub, add } = call.math;
  const none = call.graph.scalar(0);
  const low = chosen(call, above(call, negative(call, x), lambda), add(x, bias), none);
  return chosen(call, above(call, x, lambda), sub(x, bias), low);
}
function op(attributes: string, f: (call: Call, x: Value) => Value): OpDefinition {
  return {
    attributes: `${attributes} consumed_inputs`,
    run: (call) => call.give(f(call, call.value(0))),
  };
}

const SELU_ALPHA = 1.6732632423543772;
const SELU_GAMMA = 1.0507009873554805;
export const activationOps: Family = {
  Relu: op("", (call, x) => call.math.relu(x)),
  LeakyRelu: op("alpha", (call, x) => {
    const [positive, rest] = parts(call, x);
    return call.math.add(positive, call.math.mul(rest, call.float("alpha", 0.01)));
  }),
  PRelu: op("", prelu),
  Elu: op("alpha", (call, x) => exponential(call, x, call.float("alpha", 1))),
  Selu: op("alpha gamma", (call, x) =>
    call.math.mul(
      exponential(call, x, call.float("alpha", SELU_ALPHA)),
      call.float("gamma", SELU_GAMMA),
    ),
  ),
  Celu: op("alpha", (call, x) =>
    exponential(call, x, call.float("alpha", 1), call.float("alpha", 1)),
  ),
  Sigmoid: op("", sigmoid),
  HardSigmoid: op("alpha beta", (call, x) =>
    hardSigmoid(call, x, call.float("alpha", 0.2), call.float("beta", 0.5)),
  ),
  HardSwish: op("", (call, x) => call.math.mul(x, hardSigmoid(call, x, 1 / 6, 0.5))),
  Swish: op("alpha", (call, x) =>
    call.math.mul(x, sigmoid(call, call.math.mul(x, call.float("alpha", 1)))),
  ),
  Mish: op("", (call, x) => call.math.mul(x, tanh(call, softplus(call, x)))),
  Softplus: op("", softplus),
  Softsign: op("", (call, x) => call.math.div(x, call.math.add(call.emit("abs", { x }), 1))),
  Tanh: op("", tanh),
  Gelu: op("approximate", gelu),
  Erf: op("", (call, x) => call.emit("erf", { x })),
  ThresholdedRelu: op("alpha", (call, x) =>
    call.math.mul(x, above(call, x, call.float("alpha", 1))),
  ),
  Shrink: op("lambd bias", shrink),
};
