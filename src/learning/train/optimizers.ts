// Optimisers as graph nodes: each parameter's next value is computed in the plan and taken only once the whole step is done.
import { arithmetic, ConfigError, sizeOf, type GraphBuilder, type Value } from "../../engine/index.ts";

export interface Optimizer {
  readonly name: string;
  readonly options: Readonly<Record<string, number>>;
  /** Adds the updates of every parameter, given its gradient. `rate` is the learning rate of this step, a scalar. */
  apply(b: GraphBuilder, parameters: ReadonlyMap<string, Value>, gradients: readonly Value[], rate: Value): void;
}
function state(b: GraphBuilder, name: string, like: Value, initial = 0): Value {
  return b.parameter(name, like.shape, new Float32Array(sizeOf(like.shape)).fill(initial));
}
function inRange(name: string, ok: boolean, what: string): void {
  if (!ok) throw new ConfigError(`${name}: ${what}`, {});
}

/** v ← momentum·v + g; w ← w − rate·v (PyTorch's SGD). */
export function sgd(options: { learningRate: number; momentum?: number }): Optimizer {
  const { learningRate, momentum = 0 } = options;
  inRange("sgd", learningRate > 0 && momentum >= 0 && momentum < 1, `learningRate ${learningRate} must be positive, momentum ${momentum} in [0, 1)`);
  return {
    name: "sgd",
    options: { learningRate, momentum },
    apply(b, parameters, gradients, rate) {
      const { add, mul, sub } = arithmetic(b);
      [...parameters].forEach(([name, w], i) => {
        let step = gradients[i];
        if (momentum > 0) {
          const v = state(b, `sgd.velocity.${name}`, w);
          step = add(mul(v, momentum), step);
          b.update(v, step);
        }
        b.update(w, sub(w, mul(rate, step)));
      });
    },
  };
}

/** m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g², w ← w − rate·m̂/(√v̂ + ε). Source: Kingma & Ba 2015. */
export function adam(options: { learningRate: number; beta1?: number; beta2?: number; epsilon?: number }): Optimizer {
  const { learningRate, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = options;
  inRange("adam", learningRate > 0 && beta1 >= 0 && beta1 < 1 && beta2 >= 0 && beta2 < 1 && epsilon > 0, `learningRate ${learningRate} and epsilon ${epsilon} must be positive, the betas in [0, 1)`);
  return {
    name: "adam",
    options: { learningRate, beta1, beta2, epsilon },
    apply(b, parameters, gradients, rate) {
      const { add, div, mul, sqrt, sub } = arithmetic(b);
      const one = b.scalar(1);
      const powers = [beta1, beta2].map((beta, i) => {
        const power = state(b, `adam.power${i + 1}`, one, 1);
        const next = mul(power, beta);
        b.update(power, next);
        return next;
      });
      const [correct1, correct2] = powers.map((p) => sub(one, p));
      [...parameters].forEach(([name, w], i) => {
        const g = gradients[i];
        const m0 = state(b, `adam.first.${name}`, w);
        const v0 = state(b, `adam.second.${name}`, w);
        const m = add(mul(m0, beta1), mul(g, 1 - beta1));
        const v = add(mul(v0, beta2), mul(mul(g, g), 1 - beta2));
        b.update(m0, m);
        b.update(v0, v);
        b.update(w, sub(w, mul(rate, div(div(m, correct1), add(sqrt(div(v, correct2)), epsilon)))));
      });
    },
  };
}
