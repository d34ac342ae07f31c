// What a network does on data that it is not trained on.
import {
  GraphBuilder,
  ops,
  present,
  sizeOf,
  type Backend,
  type Plan,
  type Shape,
} from "../../engine/index.ts";
import type { Loss } from "./losses/loss.ts";
import type { Network } from "../nn/network.ts";
import { batchReader, range, type Dataset } from "./dataset.ts";
import { plainForward, type Forward } from "./forward.ts";
import {
  agreement,
  checkMetrics,
  scored,
  type Metric,
  type MetricRun,
  type Scored,
} from "./metrics/index.ts";
import { pauses } from "./pause.ts";

export interface Evaluation {
  readonly loss: number;
  /**
   * Share of samples (of pixels) whose largest output is the target's, and of labels that are on
   * their side of 0; for losses over classes or labels only.
   */
  readonly accuracy?: number;
  /**
   * Samples by their class and by the class they were taken for; for losses over at most 100
   * classes.
   */
  readonly confusion?: readonly (readonly number[])[];
  /** What was asked for beside these, by name. */
  readonly metrics?: Readonly<Record<string, number>>;
}

interface Evaluator {
  readonly plan: Plan;
  /** Parameters of the network that the plan has. */
  readonly names: readonly string[];
  /** Of the outputs. */
  readonly shape: Shape;
}
async function compileFor(
  n: number,
  network: Network,
  forward: Forward,
  { data, loss, backend, metrics = [] }: EvaluationOptions,
): Promise<Evaluator> {
  const b = new GraphBuilder(ops);
  const input = b.input("input", [n, ...data.inputShape]);
  const target = b.input("target", [n, ...data.targetShape]);
  const { y } = forward(b, network, input, target, { training: false });
  if (loss.classes || loss.labels || metrics.length > 0) b.output("y", y);
  b.output("loss", loss.apply(b, y, target));
  const names = b.nodes.flatMap((node) => (node.kind === "parameter" ? [node.name] : []));
  return {
    plan: await backend.compile(b),
    names: names.filter((name) => network.parameters.has(name)),
    shape: y.shape,
  };
}

export interface EvaluationOptions {
  readonly data: Pick<Dataset, "inputShape" | "targetShape">;
  readonly loss: Loss;
  readonly batchSize: number;
  readonly backend: Backend;
  /** Figures beside the loss. */
  readonly metrics?: readonly Metric[];
  /** As it was trained; the network itself unless given. */
  readonly forward?: Forward;
  /** Ends it between two steps of its plan, with the signal's reason. */
  readonly signal?: AbortSignal;
}

const kindOf = ({ classes, labels }: Loss): Scored["kind"] =>
  classes ? "classes" : labels ? "labels" : "numbers";
/** Gathers what an evaluation says over its batches. */
function tally(loss: Loss, classes: number, metrics: readonly Metric[]) {
  const rows = loss.classes && classes <= 100 ? classes : 0;
  const confusion = Array.from({ length: rows }, () => new Array<number>(rows).fill(0));
  const running = metrics.map((metric): [string, MetricRun] => [metric.name, metric.open()]);
  let [right, of] = [0, 0];
  return {
    add(batch: Scored): void {
      for (const [, run] of running) run.add(batch);
      if (batch.kind === "numbers") return;
      const own = agreement(batch);
      [right, of] = [right + own.right, of + own.of];
      for (let row = 0; rows > 0 && row < batch.rows; row++)
        if (batch.counts(row)) confusion[batch.wanted(row)][batch.found(row)]++;
    },
    result: (mean: number): Evaluation =>
      present({
        loss: mean,
        accuracy: loss.classes || loss.labels ? right / of : undefined,
        confusion: rows > 0 ? confusion : undefined,
        metrics:
          running.length > 0
            ? Object.fromEntries(running.map(([name, run]) => [name, run.value()]))
            : undefined,
      }),
  };
}

/**
 * A function that evaluates any network of this architecture on any data of these shapes: mean loss
 * over the samples, accuracy for losses over classes or labels, and the metrics. Throws ConfigError
 * for a metric that cannot be asked of such targets.
 */
export async function compileEvaluation(
  network: Network,
  options: EvaluationOptions,
): Promise<(network: Network, data: Dataset) => Promise<Evaluation>> {
  const { loss, batchSize, forward = plainForward, metrics = [], signal } = options;
  checkMetrics(metrics, kindOf(loss));
  const evaluators = new Map<number, Promise<Evaluator>>();
  const evaluatorFor = (n: number): Promise<Evaluator> => {
    const known = evaluators.get(n) ?? compileFor(n, network, forward, options);
    evaluators.set(n, known);
    return known;
  };
  return async (trained, data) => {
    const pause = pauses(signal);
    const read = batchReader(data);
    const batchAt = (at: number): number[] => range(at, Math.min(at + batchSize, data.length));
    const { shape } = await evaluatorFor(Math.min(batchSize, data.length));
    const sums = tally(loss, shape[1] ?? 1, metrics);
    let total = 0;
    for (let at = 0; at < data.length; at += batchSize) {
      const indices = batchAt(at);
      const n = indices.length;
      const { plan, names, shape: outputs } = await evaluatorFor(n);
      if (at === 0 || n < batchSize)
        for (const name of names) {
          await plan.write(name, trained.parameters.get(name)!.data);
          await pause.due();
        }
      const input = new Float32Array(n * sizeOf(data.inputShape));
      const target = new Float32Array(n * sizeOf(data.targetShape));
      await read({ input, target }, indices, 0, batchAt(at + n));
      const out = await pause.during((watched) => plan.execute({ input, target }, watched));
      total += out.loss[0] * n;
      if (out.y) sums.add(scored(loss, out.y, target, outputs));
    }
    return sums.result(total / data.length);
  };
}

/**
 * A network on data, once: mean loss, accuracy and the metrics. Throws as compileEvaluation does,
 * which is for asking more than once.
 */
export async function evaluate(
  network: Network,
  options: EvaluationOptions & { readonly data: Dataset },
): Promise<Evaluation> {
  const { data } = options;
  return (await compileEvaluation(network, options))(network, data);
}
