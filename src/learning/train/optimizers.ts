// Optimisers as graph nodes: each parameter's next value is computed in the plan and taken only
// once the whole step is done.
import {
  arithmetic,
  ConfigError,
  present,
  sizeOf,
  type Arithmetic,
  type GraphBuilder,
  type Value,
} from "../../engine/index.ts";
import { evenly, type Shares } from "./groups.ts";

export interface Optimizer {
  readonly name: string;
  readonly options: Readonly<Record<string, number>>;
  /**
   * Adds the updates of every parameter, given its gradient. `rate` is the learning rate of this
   * step, a scalar; `shares` are factors of it and of the weight decay, by a parameter's name.
   */
  apply(
    b: GraphBuilder,
    parameters: ReadonlyMap<string, Value>,
    gradients: readonly Value[],
    rate: Value,
    shares?: Shares,
  ): void;
  /** It heeds `shares`. */
  readonly shares?: true;
}
/** A rate times a parameter's factor. */
const ownRate = ({ mul }: Arithmetic, rate: Value, factor: number): Value =>
  factor === 1 ? rate : mul(rate, factor);
function state(b: GraphBuilder, name: string, like: Value, initial = 0): Value {
  const values = new Float32Array(sizeOf(like.shape));
  return b.parameter(name, like.shape, initial === 0 ? values : values.fill(initial));
}
function inRange(name: string, ok: boolean, what: string): void {
  if (!ok) throw new ConfigError(`${name}: ${what}`, {});
}
const share = (v: number): boolean => v >= 0 && v < 1;
/** g + decay·w, an L2 penalty of ½·decay·‖w‖². */
const penalised = ({ add, mul }: Arithmetic, g: Value, w: Value, decay: number): Value =>
  decay === 0 ? g : add(g, mul(w, decay));

/**
 * v ← momentum·v + g; w ← w − rate·v, or with `nesterov` w − rate·(g + momentum·v); g includes
 * weightDecay·w (PyTorch's SGD).
 */
export function sgd(options: {
  learningRate: number;
  momentum?: number;
  nesterov?: boolean;
  weightDecay?: number;
}): Optimizer {
  const { learningRate, momentum = 0, nesterov = false, weightDecay = 0 } = options;
  inRange(
    "sgd",
    learningRate > 0 && share(momentum) && weightDecay >= 0,
    `learningRate ${learningRate} must be positive, momentum ${momentum} in [0, 1), weightDecay ${weightDecay} not negative`,
  );
  inRange("sgd", !nesterov || momentum > 0, "nesterov needs a momentum above 0");
  return {
    name: "sgd",
    options: { learningRate, momentum, nesterov: Number(nesterov), weightDecay },
    shares: true,
    apply(b, parameters, gradients, rate, shares = evenly) {
      const a = arithmetic(b);
      [...parameters].forEach(([name, w], i) => {
        const own = shares(name);
        const g = penalised(a, gradients[i], w, weightDecay * own.decay);
        let step = g;
        if (momentum > 0) {
          const v = state(b, `sgd.velocity.${name}`, w);
          const next = a.add(a.mul(v, momentum), g);
          b.update(v, next);
          step = nesterov ? a.add(g, a.mul(next, momentum)) : next;
        }
        b.update(w, a.sub(w, a.mul(ownRate(a, rate, own.rate), step)));
      });
    },
  };
}

interface AdamOptions {
  learningRate: number;
  beta1?: number;
  beta2?: number;
  epsilon?: number;
  weightDecay?: number;
}
function adamLike(name: "adam" | "adamW", options: AdamOptions): Optimizer {
  const {
    learningRate,
    beta1 = 0.9,
    beta2 = 0.999,
    epsilon = 1e-8,
    weightDecay = name === "adamW" ? 0.01 : 0,
  } = options;
  inRange(
    name,
    learningRate > 0 && share(beta1) && share(beta2) && epsilon > 0 && weightDecay >= 0,
    `learningRate ${learningRate} and epsilon ${epsilon} must be positive, the betas in [0, 1), weightDecay ${weightDecay} not negative`,
  );
  return {
    name,
    options: { learningRate, beta1, beta2, epsilon, ...(weightDecay === 0 ? {} : { weightDecay }) },
    shares: true,
    apply(b, parameters, gradients, rate, shares = evenly) {
      const a = arithmetic(b);
      const { add, div, mul, sqrt, sub } = a;
      const one = b.scalar(1);
      const powers = [beta1, beta2].map((beta, i) => {
        const power = state(b, `adam.power${i + 1}`, one, 1);
        const next = mul(power, beta);
        b.update(power, next);
        return next;
      });
      const [correct1, correct2] = powers.map((p) => sub(one, p));
      [...parameters].forEach(([key, w], i) => {
        const own = shares(key);
        const [step, decay] = [ownRate(a, rate, own.rate), weightDecay * own.decay];
        const g = name === "adam" ? penalised(a, gradients[i], w, decay) : gradients[i];
        const m0 = state(b, `adam.first.${key}`, w);
        const v0 = state(b, `adam.second.${key}`, w);
        const m = add(mul(m0, beta1), mul(g, 1 - beta1));
        const v = add(mul(v0, beta2), mul(mul(g, g), 1 - beta2));
        b.update(m0, m);
        b.update(v0, v);
        // AdamW shrinks the weights by themselves, outside of the moments
        const from = name === "adamW" && decay > 0 ? sub(w, mul(mul(step, w), decay)) : w;
        b.update(
          w,
          sub(from, mul(step, div(div(m, correct1), add(sqrt(div(v, correct2)), epsilon)))),
        );
      });
    },
  };
}
/**
 * m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g², w ← w − rate·m̂/(√v̂ + ε); g includes weightDecay·w.
 * Source: Kingma & Ba 2015.
 */
export const adam = (options: AdamOptions): Optimizer => adamLike("adam", options);
/**
 * Adam whose weight decay, 0.01 unless given, acts on the weights and not on the gradient: w ← w −
 * rate·weightDecay·w − …. Source: Loshchilov & Hutter 2019.
 */
export const adamW = (options: AdamOptions): Optimizer => adamLike("adamW", options);

/**
 * v ← αv + (1−α)g², u = g/(√v + ε), w ← w − rate·u; with `momentum`, w ← w − rate·m where m ←
 * momentum·m + u; `centered` takes v − ḡ² for v, ḡ ← αḡ + (1−α)g (PyTorch's RMSprop). Source:
 * Hinton, lecture 6e, 2012; Graves 2013.
 */
export function rmsprop(options: {
  learningRate: number;
  alpha?: number;
  epsilon?: number;
  weightDecay?: number;
  momentum?: number;
  centered?: boolean;
}): Optimizer {
  const { learningRate, alpha = 0.99, epsilon = 1e-8, weightDecay = 0 } = options;
  const { momentum = 0, centered = false } = options;
  inRange(
    "rmsprop",
    learningRate > 0 && share(alpha) && share(momentum) && epsilon > 0 && weightDecay >= 0,
    `learningRate ${learningRate} and epsilon ${epsilon} must be positive, alpha ${alpha} and momentum ${momentum} in [0, 1), weightDecay ${weightDecay} not negative`,
  );
  return {
    name: "rmsprop",
    options: {
      ...{ learningRate, alpha, epsilon, weightDecay },
      ...(momentum > 0 ? { momentum } : {}),
      ...(centered ? { centered: 1 } : {}),
    },
    shares: true,
    apply(b, parameters, gradients, rate, shares = evenly) {
      const a = arithmetic(b);
      const { add, div, mul, relu, sqrt, sub } = a;
      /** old ← α·old + (1−α)·value. */
      const averaged = (name: string, value: Value): Value => {
        const old = state(b, `rmsprop.${name}`, value);
        const next = add(mul(old, alpha), mul(value, 1 - alpha));
        b.update(old, next);
        return next;
      };
      [...parameters].forEach(([name, w], i) => {
        const own = shares(name);
        const g = penalised(a, gradients[i], w, weightDecay * own.decay);
        const raw = averaged(`square.${name}`, mul(g, g));
        const mean = centered ? averaged(`mean.${name}`, g) : undefined;
        // what rounding leaves of a variance of nothing has no root
        const v = mean ? relu(sub(raw, mul(mean, mean))) : raw;
        let step = div(g, add(sqrt(v), epsilon));
        if (momentum > 0) {
          const old = state(b, `rmsprop.velocity.${name}`, w);
          step = add(mul(old, momentum), step);
          b.update(old, step);
        }
        b.update(w, sub(w, mul(ownRate(a, rate, own.rate), step)));
      });
    },
  };
}

/**
 * The optimiser on gradients scaled down to a total ℓ2 norm of at most maxNorm (PyTorch's
 * clip_grad_norm_).
 */
export function clipped(optimizer: Optimizer, options: { maxNorm: number }): Optimizer {
  const { maxNorm } = options;
  inRange("clipped", maxNorm > 0, `maxNorm ${maxNorm} must be positive`);
  return {
    name: `clipped ${optimizer.name}`,
    options: { ...optimizer.options, maxNorm },
    ...present({ shares: optimizer.shares }),
    apply(b, parameters, gradients, rate, shares) {
      const { add, div, mul, relu, sqrt, square, sub, sum } = arithmetic(b);
      const total = sqrt(gradients.map((g) => sum(square(g))).reduce((p, q) => add(p, q)));
      const ratio = div(b.scalar(maxNorm), add(total, 1e-6));
      // min(1, ratio) = 1 − max(0, 1 − ratio)
      const scale = sub(1, relu(sub(1, ratio)));
      optimizer.apply(
        b,
        parameters,
        gradients.map((g) => mul(g, scale)),
        rate,
        shares,
      );
    },
  };
}
