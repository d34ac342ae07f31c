// What a network does on data that it is not trained on.
import { GraphBuilder, ops, present, sizeOf, type Backend, type Plan } from "../../engine/index.ts";
import type { Loss } from "../nn/losses.ts";
import type { Network } from "../nn/network.ts";
import { readBatch, type Dataset } from "./dataset.ts";
import { plainForward, type Forward } from "./forward.ts";

export interface Evaluation {
  readonly loss: number;
  /** Share of samples whose largest output is the target's; for losses over classes only. */
  readonly accuracy?: number;
  /**
   * Samples by their class and by the class they were taken for; for losses over at most 100
   * classes.
   */
  readonly confusion?: readonly (readonly number[])[];
}

/** The index of the largest of n values from `at` on. */
function largest(values: ArrayLike<number>, at: number, n: number): number {
  let best = 0;
  for (let i = 1; i < n; i++) if (values[at + i] > values[at + best]) best = i;
  return best;
}
/** Calls back with the classes of every row: the target's, and the largest output's. */
function eachRow(
  y: ArrayLike<number>,
  target: ArrayLike<number>,
  rows: number,
  visit: (wanted: number, found: number) => void,
): void {
  const classes = y.length / rows;
  const numbered = target.length === rows && classes > 1;
  for (let i = 0; i < rows; i++) {
    const wanted = numbered ? target[i] : largest(target, i * classes, classes);
    visit(wanted, largest(y, i * classes, classes));
  }
}
/** Rows whose largest output is the target's. */
export function agreeing(y: ArrayLike<number>, target: ArrayLike<number>, rows: number): number {
  let right = 0;
  eachRow(y, target, rows, (wanted, found) => {
    if (wanted === found) right++;
  });
  return right;
}

interface Evaluator {
  readonly plan: Plan;
  /** Parameters of the network that the plan has. */
  readonly names: readonly string[];
  readonly classes: number;
}
async function compileFor(
  n: number,
  network: Network,
  forward: Forward,
  { data, loss, backend }: EvaluationOptions,
): Promise<Evaluator> {
  const b = new GraphBuilder(ops);
  const input = b.input("input", [n, ...data.inputShape]);
  const target = b.input("target", [n, ...data.targetShape]);
  const { y } = forward(b, network, input, target, { training: false });
  if (loss.classes) b.output("y", y);
  b.output("loss", loss.apply(b, y, target));
  const names = b.nodes.flatMap((node) => (node.kind === "parameter" ? [node.name] : []));
  return {
    plan: await backend.compile(b),
    names: names.filter((name) => network.parameters.has(name)),
    classes: y.shape[1],
  };
}

export interface EvaluationOptions {
  readonly data: Pick<Dataset, "inputShape" | "targetShape">;
  readonly loss: Loss;
  readonly batchSize: number;
  readonly backend: Backend;
  /** As it was trained; the network itself unless given. */
  readonly forward?: Forward;
}
/**
 * A function that evaluates any network of this architecture on any data of these shapes: mean loss
 * over the samples, and accuracy for losses over classes.
 */
export async function compileEvaluation(
  network: Network,
  options: EvaluationOptions,
): Promise<(network: Network, data: Dataset) => Promise<Evaluation>> {
  const { loss, batchSize, forward = plainForward } = options;
  const evaluators = new Map<number, Promise<Evaluator>>();
  const evaluatorFor = (n: number): Promise<Evaluator> => {
    const known = evaluators.get(n) ?? compileFor(n, network, forward, options);
    evaluators.set(n, known);
    return known;
  };
  return async (trained, data) => {
    let [total, right] = [0, 0];
    const { classes } = await evaluatorFor(Math.min(batchSize, data.length));
    const rows = loss.classes && classes <= 100 ? classes : 0;
    const confusion = Array.from({ length: rows }, () => new Array<number>(rows).fill(0));
    for (let at = 0; at < data.length; at += batchSize) {
      const n = Math.min(batchSize, data.length - at);
      const { plan, names } = await evaluatorFor(n);
      if (at === 0 || n < batchSize)
        for (const name of names) await plan.write(name, trained.parameters.get(name)!.data);
      const indices = Array.from({ length: n }, (_, i) => at + i);
      const input = new Float32Array(n * sizeOf(data.inputShape));
      const target = new Float32Array(n * sizeOf(data.targetShape));
      readBatch(data, indices, { input, target });
      const out = await plan.execute({ input, target });
      total += out.loss[0] * n;
      if (!loss.classes) continue;
      eachRow(out.y, target, n, (wanted, found) => {
        if (wanted === found) right++;
        if (rows > 0) confusion[wanted][found]++;
      });
    }
    return present({
      loss: total / data.length,
      accuracy: loss.classes ? right / data.length : undefined,
      confusion: rows > 0 ? confusion : undefined,
    });
  };
}
