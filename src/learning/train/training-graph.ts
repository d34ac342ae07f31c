// One step of training as a graph: forward pass, gradients, updates.
import {
  arithmetic,
  ConfigError,
  GraphBuilder,
  gradients,
  ops,
  sizeOf,
  type Value,
} from "../../engine/index.ts";
import type { Network } from "../nn/network.ts";
import type { FitOptions } from "./fit.ts";
import { checkForwarded, type Forward } from "./forward.ts";
import { trainedBy } from "./groups.ts";

/** Before the names of averaged weights. */
export const AVERAGE = "average.";

export interface TrainingGraph {
  readonly b: GraphBuilder;
  /** The network's output. */
  readonly y: Value;
  /** What is learned, by name. */
  readonly parameters: ReadonlyMap<string, Value>;
}

/**
 * Inputs `input`, `target`, `rate` and, where gradients are accumulated, `last`; outputs `loss`
 * and, for losses over classes or labels, `y`. Weights and the optimiser's values are updated in
 * place.
 */
export function trainingGraph(
  network: Network,
  options: FitOptions,
  forward: Forward,
): TrainingGraph {
  const { data, batchSize, loss, optimizer, accumulate = 1, averageDecay } = options;
  const b = new GraphBuilder(ops);
  const x = b.input("input", [batchSize, ...data.inputShape]);
  const target = b.input("target", [batchSize, ...data.targetShape]);
  const rate = b.input("rate", []);
  const { shares, isFrozen } = trainedBy(network, options);
  const forwarded = forward(b, network, x, target, { training: true, isFrozen });
  checkForwarded(b, network, forwarded);
  const { y, held, beside = [] } = forwarded;
  const parameters = new Map([...forwarded.parameters].filter(([name]) => !isFrozen(name)));
  if (parameters.size === 0)
    throw new ConfigError(
      "fit: every parameter is frozen, or there is none; leave one to be trained",
      {},
    );
  const { add, mul } = arithmetic(b);
  const cost = beside.reduce(
    (sum, other) => add(sum, mul(loss.apply(b, other.y, other.target ?? target), other.weight)),
    loss.apply(b, y, target),
  );
  b.output("loss", cost);
  if (loss.classes || loss.labels) b.output("y", y);
  const own = gradients(b, cost, [...parameters.values()], held);
  if (accumulate === 1) optimizer.apply(b, parameters, own, rate, shares);
  else {
    const last = b.input("last", []);
    accumulated(b, parameters, own, accumulate, last, (mean) =>
      optimizer.apply(b, parameters, mean, rate, shares),
    );
  }
  if (averageDecay !== undefined) averaged(b, network, parameters, averageDecay);
  return { b, y, parameters };
}

/** w̄ ← d·w̄ + (1 − d)·w beside every weight. */
function averaged(
  b: GraphBuilder,
  network: Network,
  parameters: ReadonlyMap<string, Value>,
  decay: number,
): void {
  if (!(decay >= 0 && decay < 1))
    throw new ConfigError(`fit: averageDecay ${decay} must be in [0, 1)`, { averageDecay: decay });
  const { add, mul } = arithmetic(b);
  for (const [name, w] of parameters) {
    const average = b.parameter(AVERAGE + name, w.shape, network.parameters.get(name)!.data);
    b.update(average, add(mul(average, decay), mul(b.next(w), 1 - decay)));
  }
}

/**
 * Gathers gradients over runs: only where `last` is 1 do the updates that `apply` adds take place,
 * on the mean of all, and the gathering starts anew.
 */
function accumulated(
  b: GraphBuilder,
  parameters: ReadonlyMap<string, Value>,
  own: readonly Value[],
  count: number,
  last: Value,
  apply: (mean: Value[]) => void,
): void {
  const { add, mul, sub } = arithmetic(b);
  const others = sub(1, last);
  const names = [...parameters.keys()];
  const sums = own.map((g, i) => {
    const before = b.parameter(
      `accumulated.${names[i]}`,
      g.shape,
      new Float32Array(sizeOf(g.shape)),
    );
    const sum = add(before, g);
    b.update(before, mul(sum, others));
    return sum;
  });
  const known = new Set(b.updates.keys());
  apply(sums.map((sum) => mul(sum, 1 / count)));
  for (const [id, next] of [...b.updates]) {
    if (known.has(id)) continue;
    const [old, value] = [id, next].map((k) => ({ id: k, shape: b.nodes[k].shape }));
    // last is 0 or 1, so one of the two terms is exactly 0
    b.update(old, add(mul(value, last), mul(old, others)));
  }
}
