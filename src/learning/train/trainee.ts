// The plan that trains: weights and the optimiser's values live in it, and are read only when asked
// for.
import { pausing, type Plan, type Shape } from "../../engine/index.ts";
import type { Network, Parameter } from "../nn/network.ts";
import type { TrainingState } from "./checkpoint.ts";
import type { FitOptions } from "./fit.ts";
import { AVERAGE, type TrainingGraph } from "./training-graph.ts";

export interface Trainee {
  readonly plan: Plan;
  /** The network's for a batch. */
  readonly outputShape: Shape;
  /** The network as trained, or averaged where that is wanted. */
  current(): Promise<Network>;
  /** Goes on from a state. */
  restore(state: TrainingState): Promise<void>;
  /**
   * Hands the state over, unless its values are not all finite: then it is no good one, and never
   * replaces one that is.
   */
  keep(run: Omit<TrainingState, "network" | "optimizer">): Promise<void>;
}

export async function openTrainee(
  network: Network,
  graph: TrainingGraph,
  options: FitOptions,
): Promise<Trainee> {
  const { b, y, parameters } = graph;
  const { optimizer, averageDecay, on } = options;
  const plan = await options.backend.compile(b);
  const own = new Set(b.nodes.flatMap((node) => (node.kind === "parameter" ? [node.name] : [])));
  const optimizerShapes = b.nodes.flatMap((node) =>
    node.kind === "parameter" && !network.parameters.has(node.name)
      ? [[node.name, node.shape] as const]
      : [],
  );
  const provenance = {
    ...network.provenance,
    trainingSeed: options.seed,
    epochs: options.epochs,
    batchSize: options.batchSize,
    optimizer: optimizer.name,
    learningRate: optimizer.options.learningRate,
    loss: options.loss.name,
    samples: options.data.length,
  };
  const pause = pausing(new AbortController().signal);
  const read = async (name: string): Promise<Float32Array> => {
    const values = await plan.read(name);
    await pause();
    return values instanceof Float32Array ? values : Float32Array.from(values);
  };
  const networkNow = async (averaged: boolean): Promise<Network> => {
    const now = new Map<string, Parameter>();
    for (const [name, { shape, data }] of network.parameters) {
      const from = averaged && parameters.has(name) ? AVERAGE + name : name;
      // what the forward pass does not use stays as it was
      now.set(name, { shape, data: own.has(from) ? await read(from) : data });
    }
    return { ...network, parameters: now, provenance };
  };
  return {
    plan,
    outputShape: y.shape,
    current: () => networkNow(averageDecay !== undefined),
    async restore(state) {
      for (const [name, { data }] of [...state.network.parameters, ...state.optimizer])
        if (own.has(name)) await plan.write(name, data);
    },
    async keep(run) {
      const kept = new Map<string, Parameter>();
      for (const [name, shape] of optimizerShapes)
        kept.set(name, { shape, data: await read(name) });
      const state = { ...run, network: await networkNow(false), optimizer: kept };
      const all = [...state.network.parameters.values(), ...kept.values()];
      if (all.every(({ data }) => data.every(Number.isFinite))) await on?.checkpoint?.(state);
    },
  };
}
