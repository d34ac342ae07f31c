// Section 8: the cost of every sample, its curve, and the mean of all.
import { gradients, GraphBuilder, ops, type Plan } from "fiducial/engine";
import { crossEntropy, meanSquaredError, nn, trace, type Loss } from "fiducial/learning";
import { exactly } from "../engine.ts";

export const losses = { squared: meanSquaredError(), crossEntropy: crossEntropy() } as const;
export type LossName = keyof typeof losses;

/** Of n samples with so many outputs each: C, and ∂C/∂ prediction. */
async function planOf(loss: Loss, n: number, outputs: number): Promise<Plan> {
  const b = new GraphBuilder(ops);
  const prediction = b.input("prediction", [n, outputs]);
  const cost = loss.apply(b, prediction, b.input("target", [n, outputs]));
  b.output("cost", cost);
  b.output("slope", gradients(b, cost, [prediction])[0]);
  return (await exactly()).compile(b);
}
/** A prediction is the output itself, or the score of "yes" against a score of 0 for "no". */
const outputsOf = (name: LossName, value: number): number[] =>
  name === "squared" ? [value] : [value, 0];
const targetOf = (name: LossName, target: number): number[] =>
  name === "squared" ? [target] : [target, 1 - target];

export interface Costs {
  /** C_k of every sample, and C, their mean. */
  readonly each: readonly number[];
  readonly mean: number;
  /** The chosen sample's cost at every prediction. */
  readonly at: readonly number[];
  readonly curve: readonly number[];
  /** ∂C_k/∂ prediction of the chosen sample. */
  readonly slope: number;
  /** Of "yes", by the softmax; for cross-entropy alone. */
  readonly probabilities: readonly number[] | undefined;
}
export async function costsOf(asked: {
  loss: LossName;
  predictions: readonly number[];
  targets: readonly number[];
  chosen: number;
  from: number;
  to: number;
}): Promise<Costs> {
  const { loss: name, predictions, targets, chosen, from, to } = asked;
  const [loss, outputs] = [losses[name], name === "squared" ? 1 : 2];
  const one = await planOf(loss, 1, outputs);
  const costAt = async (
    value: number,
    target: number,
  ): Promise<{ cost: number; slope: number }> => {
    const out = await one.execute({
      prediction: outputsOf(name, value),
      target: targetOf(name, target),
    });
    return { cost: out.cost[0], slope: out.slope[0] };
  };
  const all = await planOf(loss, predictions.length, outputs);
  const { cost } = await all.execute({
    prediction: predictions.flatMap((v) => outputsOf(name, v)),
    target: targets.flatMap((v) => targetOf(name, v)),
  });
  const at = Array.from({ length: 61 }, (_, i) => from + ((to - from) * i) / 60);
  const [each, curve]: [number[], number[]] = [[], []];
  for (const [k, v] of predictions.entries()) each.push((await costAt(v, targets[k])).cost);
  for (const v of at) curve.push((await costAt(v, targets[chosen])).cost);
  const { slope } = await costAt(predictions[chosen], targets[chosen]);
  return {
    each,
    mean: cost[0],
    at,
    curve,
    slope,
    probabilities: await probabilitiesOf(name, predictions),
  };
}
async function probabilitiesOf(
  name: LossName,
  scores: readonly number[],
): Promise<number[] | undefined> {
  if (name === "squared") return undefined;
  const network = nn.sequential({ input: [2], seed: 1, layers: [nn.softmax()] });
  const inputs = scores.flatMap((v) => outputsOf(name, v));
  const options = { inputs, count: scores.length, backend: await exactly() };
  const { data } = (await trace(network, options)).get("0.softmax")!;
  return scores.map((_, k) => data[2 * k]);
}
