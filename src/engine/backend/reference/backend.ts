// The reference backend: every op's own definition, in float64. Slow, and what all others are held
// to.
import { sizeOf } from "../../core/shape.ts";
import type { Graph, HostArray, Node, OpNode } from "../../graph/ir.ts";
import { reachable, verify } from "../../graph/verify.ts";
import { ops } from "../../ops/index.ts";
import {
  checkInputs,
  checkLength,
  checkOutputs,
  findParameter,
  type Backend,
  type HostData,
  type Inputs,
  type Plan,
  type PlanStep,
} from "../backend.ts";
import { held, pausing, Turns } from "../turns.ts";

/** What an op node does, for a profile. */
function describe(graph: Graph, node: OpNode): PlanStep {
  const shapes = Object.fromEntries(
    Object.entries(node.inputs).map(([name, i]) => [name, graph.nodes[i].shape]),
  );
  return {
    name: node.op,
    shape: node.shape,
    bytes: 8 * [...Object.values(shapes), node.shape].reduce((n, s) => n + sizeOf(s), 0),
    flops: ops[node.op].flops?.(shapes as never, node.attrs as never, node.shape) ?? 0,
    chunks: 1,
    once: false,
  };
}

/** Parameters and constants as they are now, by node. */
type Kept = Map<number, Float64Array>;
function firstValues(graph: Graph): Kept {
  const kept: Kept = new Map();
  for (const node of graph.nodes) {
    if (node.kind === "parameter") kept.set(node.id, Float64Array.from(node.initial));
    if (node.kind === "constant") kept.set(node.id, Float64Array.from(node.data));
  }
  return kept;
}

interface Run {
  readonly inputs: Inputs;
  /** Called, and awaited where it gives a promise, after every op. */
  readonly done?: (() => void | Promise<void>) | undefined;
  /** All unless given. */
  readonly outputs?: readonly string[] | undefined;
}

/** One execution: every op in order, and then the parameters' next values. */
async function compute(
  graph: Graph,
  order: readonly number[],
  kept: Kept,
  { inputs, done, outputs = [...graph.outputs.keys()] }: Run,
): Promise<Record<string, HostData>> {
  const fed = held(inputs);
  const values = new Map<number, HostArray>();
  const valueAt = async (node: Node): Promise<Float64Array> => {
    if (node.kind === "input") return Float64Array.from(fed[node.name]);
    if (node.kind !== "op") return kept.get(node.id)!;
    const given: Record<string, HostArray> = {};
    for (const [name, i] of Object.entries(node.inputs)) given[name] = values.get(i)!;
    const data = new Float64Array(sizeOf(node.shape));
    ops[node.op].reference(given as never, node.attrs as never, data, node.shape);
    const waited = done?.();
    if (waited) await waited;
    return data;
  };
  for (const id of order) {
    const node = graph.nodes[id];
    values.set(id, { data: await valueAt(node), shape: node.shape });
  }
  const out: Record<string, HostData> = {};
  for (const name of outputs) out[name] = values.get(graph.outputs.get(name)!)!.data.slice();
  const updates = [...graph.updates].map(
    ([id, next]) => [id, values.get(next)!.data.slice()] as const,
  );
  for (const [id, data] of updates) kept.set(id, data);
  return out;
}

function plan(graph: Graph): Plan {
  verify(graph, ops);
  const order = reachable(graph);
  const turns = new Turns();
  const kept = firstValues(graph);
  const run = (wanted: Run): Promise<Record<string, HostData>> =>
    compute(graph, order, kept, wanted);
  const steps = order.flatMap((id): PlanStep[] => {
    const node = graph.nodes[id];
    return node.kind === "op" ? [describe(graph, node)] : [];
  });
  return {
    steps,
    memoryBytes: order.reduce((bytes, id) => bytes + 8 * sizeOf(graph.nodes[id].shape), 0),
    async read(name) {
      const id = findParameter(graph, name);
      return turns.take(() => kept.get(id)!.slice());
    },
    async write(name, values) {
      const id = findParameter(graph, name);
      checkLength(graph, id, values.length);
      const own = turns.busy ? Float64Array.from(values) : values;
      return turns.take(() => kept.get(id)!.set(own));
    },
    async execute(given = {}, { signal, outputs } = {}) {
      checkInputs(graph, given);
      checkOutputs(graph, outputs);
      signal?.throwIfAborted();
      const inputs = turns.busy ? held(given) : given;
      return turns.take(() => run({ inputs, outputs, done: signal && pausing(signal) }));
    },
    async profile(inputs = {}) {
      checkInputs(graph, inputs);
      const times: { step: PlanStep; ms: number }[] = [];
      let begun = performance.now();
      const done = (): void => {
        times.push({ step: steps[times.length], ms: performance.now() - begun });
        begun = performance.now();
      };
      await turns.take(() => run({ inputs, done }));
      return times;
    },
  };
}

export function referenceBackend(): Backend {
  return {
    name: "reference",
    threads: 1,
    notes: [],
    compile: async (graph) => plan(graph),
    close: async () => {},
  };
}
