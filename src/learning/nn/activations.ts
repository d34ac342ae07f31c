// Activations as formulas. Those with branches are written without them, so that no backend needs a
// kernel of their own.
import { arithmetic, ConfigError, PI, type GraphBuilder, type Value } from "../../engine/index.ts";
import type { Dropout, Elu, Gelu, LeakyRelu, Prelu, Softmax, Softplus } from "./layers.ts";
import type { Apply } from "./scope.ts";

const exp = (b: GraphBuilder, x: Value): Value => b.emit("exp", { x }, {});
const sigmoidOf = (b: GraphBuilder, x: Value): Value => b.emit("sigmoid", { x }, {});
/** 2·sigmoid(2x) − 1 */
function tanhOf(b: GraphBuilder, x: Value): Value {
  const { mul, sub } = arithmetic(b);
  return sub(mul(sigmoidOf(b, mul(x, 2)), 2), 1);
}
/** min(1, max(0, x/6 + 1/2)) = relu(t) − relu(t − 1) */
function hardSigmoidOf(b: GraphBuilder, x: Value): Value {
  const { add, mul, relu, sub } = arithmetic(b);
  const t = add(mul(x, 1 / 6), 0.5);
  return sub(relu(t), relu(sub(t, 1)));
}
/** max(0, x) and min(0, x) */
function parts(b: GraphBuilder, x: Value): [Value, Value] {
  const { relu, sub } = arithmetic(b);
  const above = relu(x);
  return [above, sub(x, above)];
}
/** Φ(x) by erf's rational approximation 7.1.26 of Abramowitz & Stegun, 1.5e-7 at most. */
function normalDistribution(b: GraphBuilder, x: Value): Value {
  const { add, div, mul, sub } = arithmetic(b);
  const z = mul(x, Math.SQRT1_2);
  const t = div(1, add(mul(b.emit("abs", { x: z }, {}), 0.3275911), 1));
  let polynomial: Value = b.scalar(1.061405429);
  for (const c of [-1.453152027, 1.421413741, -0.284496736, 0.254829592]) polynomial = add(mul(polynomial, t), c);
  const erf = mul(
    b.emit("sign", { x: z }, {}),
    sub(1, mul(mul(polynomial, t), exp(b, b.emit("neg", { x: mul(z, z) }, {})))),
  );
  return mul(add(erf, 1), 0.5);
}

export const plain: Readonly<
  Record<
    "relu" | "sigmoid" | "tanh" | "silu" | "hardSigmoid" | "hardSwish" | "hardTanh",
    (b: GraphBuilder, x: Value) => Value
  >
> = {
  relu: (b, x) => b.emit("relu", { x }, {}),
  sigmoid: sigmoidOf,
  tanh: tanhOf,
  silu: (b, x) => arithmetic(b).mul(x, sigmoidOf(b, x)),
  hardSigmoid: hardSigmoidOf,
  // relu(x + 1) − relu(x − 1) − 1
  hardTanh: (b, x) => {
    const { add, relu, sub } = arithmetic(b);
    return sub(sub(relu(add(x, 1)), relu(sub(x, 1))), 1);
  },
  hardSwish: (b, x) => arithmetic(b).mul(x, hardSigmoidOf(b, x)),
};

export const leakyRelu: Apply<LeakyRelu> = ({ b }, _name, x, { slope = 0.01 }) => {
  const [above, below] = parts(b, x);
  const { add, mul } = arithmetic(b);
  return add(above, mul(below, slope));
};
export const prelu: Apply<Prelu> = ({ b, parameter }, name, x, { initial = 0.25 }) => {
  const [above, below] = parts(b, x);
  const { add, mul } = arithmetic(b);
  return add(above, mul(below, parameter(`${name}.weight`, [1], 1, initial)));
};
export const elu: Apply<Elu> = ({ b }, _name, x, { alpha = 1 }) => {
  const [above, below] = parts(b, x);
  const { add, mul, sub } = arithmetic(b);
  return add(above, mul(sub(exp(b, below), 1), alpha));
};
export const gelu: Apply<Gelu> = ({ b }, _name, x, { approximate = "none" }) => {
  const { add, mul } = arithmetic(b);
  if (approximate === "none") return mul(x, normalDistribution(b, x));
  const inner = mul(mul(x, add(mul(mul(x, x), 0.044715), 1)), Math.sqrt(2 / PI));
  return mul(x, mul(add(tanhOf(b, inner), 1), 0.5));
};
export const softplus: Apply<Softplus> = ({ b }, _name, x, { beta = 1 }) => {
  const { add, mul } = arithmetic(b);
  const t = mul(x, beta);
  // ln(1 + eᵗ) = max(0, t) + ln(1 + e^−|t|), which never overflows
  const tail = b.emit("log", { x: add(exp(b, b.emit("neg", { x: b.emit("abs", { x: t }, {}) }, {})), 1) }, {});
  return mul(add(arithmetic(b).relu(t), tail), 1 / beta);
};
export const softmax: Apply<Softmax> = ({ b }, name, x, { temperature = 1 }) => {
  if (!(temperature > 0))
    throw new ConfigError(`layer ${name}: the temperature ${temperature} must be positive`, { name, temperature });
  return b.emit("softmax", { x: temperature === 1 ? x : arithmetic(b).mul(x, 1 / temperature) }, {});
};
export const dropout: Apply<Dropout> = ({ b, training }, name, x, { probability: p, seed = 0 }) => {
  if (!(p >= 0 && p < 1)) throw new ConfigError(`layer ${name}: the probability ${p} must be in [0, 1)`, { name, p });
  if (!training || p === 0) return x;
  const { add, mul } = arithmetic(b);
  // the counter lives in the plan like the optimiser's values, so a resumed run drops what an
  // unbroken one would
  const counter = b.parameter(`${name}.counter`, [], Float32Array.of(0));
  b.update(counter, add(counter, 1));
  // every layer has a stream of its own
  let stream = seed;
  for (const ch of name) stream = (Math.imul(stream, 31) + ch.codePointAt(0)!) | 0;
  const uniform = b.emit("random_uniform", { counter }, { shape: x.shape, seed: stream });
  return mul(mul(x, b.emit("greater", { a: uniform, b: b.scalar(p) }, {})), 1 / (1 - p));
};
