// Activations as formulas. Those with branches are written without them, so that no backend needs a
// kernel of their own.
import { arithmetic, ConfigError, PI, type GraphBuilder, type Value } from "../../engine/index.ts";
import type { Dropout, Elu, Gelu, LeakyRelu, Prelu, Softmax, Softplus } from "./layers.ts";
import type { Apply, Scope } from "./scope.ts";

const exp = (b: GraphBuilder, x: Value): Value => b.emit("exp", { x }, {});
const sigmoidOf = (b: GraphBuilder, x: Value): Value => b.emit("sigmoid", { x }, {});
/** 2·sigmoid(2x) − 1 */
function tanhOf(b: GraphBuilder, x: Value): Value {
  const { mul, sub } = arithmetic(b);
  return sub(mul(sigmoidOf(b, mul(x, 2)), 2), 1);
}
/**
 * min(high, max(low, x)), with slope 0 at both ends; exact at any size, unlike a difference of two
 * ReLUs.
 */
export function clamp(b: GraphBuilder, x: Value, low: number, high: number): Value {
  const neg = (v: Value): Value => b.emit("neg", { x: v }, {});
  const above = b.emit("maximum", { a: x, b: b.scalar(low) }, {});
  return neg(b.emit("maximum", { a: neg(above), b: b.scalar(-high) }, {}));
}
/** min(1, max(0, x/6 + 1/2)) */
function hardSigmoidOf(b: GraphBuilder, x: Value): Value {
  const { add, mul } = arithmetic(b);
  return clamp(b, add(mul(x, 1 / 6), 0.5), 0, 1);
}
/** max(0, x) and min(0, x) */
function parts(b: GraphBuilder, x: Value): [Value, Value] {
  const { relu, sub } = arithmetic(b);
  const above = relu(x);
  return [above, sub(x, above)];
}
/** Φ(x) = (1 + erf(x/√2))/2 */
function normalDistribution(b: GraphBuilder, x: Value): Value {
  const { add, mul } = arithmetic(b);
  return mul(add(b.emit("erf", { x: mul(x, Math.SQRT1_2) }, {}), 1), 0.5);
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
  hardTanh: (b, x) => clamp(b, x, -1, 1),
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
  const { add, mul, sub } = arithmetic(b);
  const t = mul(x, beta);
  // Beyond 40 ln(1 + eᵗ) is t in float64, too. Below, the formula itself is smooth: written with
  // |t|, which never overflows either, its slopes at 0 would be those of the kink.
  const large = b.emit("greater", { a: t, b: b.scalar(40) }, {});
  const small = sub(1, large);
  const curve = b.emit("log", { x: add(exp(b, mul(t, small)), 1) }, {});
  return mul(add(mul(t, large), mul(curve, small)), 1 / beta);
};
export const softmax: Apply<Softmax> = ({ b }, name, x, { temperature = 1 }) => {
  if (!(temperature > 0))
    throw new ConfigError(`layer ${name}: the temperature ${temperature} must be positive`, {
      name,
      temperature,
    });
  return b.emit(
    "softmax",
    { x: temperature === 1 ? x : arithmetic(b).mul(x, 1 / temperature) },
    {},
  );
};
export const dropout: Apply<Dropout> = (scope, name, x, { kind, probability: p, seed = 0 }) => {
  const { b, training } = scope;
  if (!(p >= 0 && p < 1))
    throw new ConfigError(`layer ${name}: the probability ${p} must be in [0, 1)`, { name, p });
  if (!training || p === 0) return x;
  const { mul } = arithmetic(b);
  const { counter, uses } = counterOf(scope, name);
  // every layer has a stream of its own, and every place of a shared one
  let stream = seed + uses;
  for (const ch of name) stream = (Math.imul(stream, 31) + ch.codePointAt(0)!) | 0;
  const shape = kind === "dropout" ? x.shape : x.shape.map((n, axis) => (axis < 2 ? n : 1));
  const uniform = b.emit("random_uniform", { counter }, { shape, seed: stream });
  return mul(mul(x, b.emit("greater", { a: uniform, b: b.scalar(p) }, {})), 1 / (1 - p));
};
/**
 * Counts the steps. It lives in the plan like the optimiser's values, so a resumed run drops what
 * an unbroken one would.
 */
function counterOf({ b, counters }: Scope, name: string): { counter: Value; uses: number } {
  const known = counters.get(name);
  if (known) {
    known.uses++;
    return known;
  }
  const counter = b.parameter(`${name}.counter`, [], Float32Array.of(0));
  b.update(counter, arithmetic(b).add(counter, 1));
  const made = { counter, uses: 0 };
  counters.set(name, made);
  return made;
}
