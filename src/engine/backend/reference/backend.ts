// The reference backend: every op's own definition, in float64. Slow, and what all others are held
// to.
import { sizeOf } from "../../core/shape.ts";
import type { Graph, HostArray } from "../../graph/ir.ts";
import { reachable, verify } from "../../graph/verify.ts";
import { ops } from "../../ops/index.ts";
import {
  checkInputs,
  checkOutputs,
  findParameter,
  type Backend,
  type HostData,
  type Inputs,
  type Plan,
  type PlanStep,
} from "../backend.ts";
import { held, pausing, Turns } from "../turns.ts";

function plan(graph: Graph): Plan {
  verify(graph, ops);
  const order = reachable(graph);
  const turns = new Turns();
  const kept = new Map<number, Float64Array>();
  for (const node of graph.nodes) {
    if (node.kind === "parameter") kept.set(node.id, Float64Array.from(node.initial));
    if (node.kind === "constant") kept.set(node.id, Float64Array.from(node.data));
  }
  const steps = order.flatMap((id): PlanStep[] => {
    const node = graph.nodes[id];
    if (node.kind !== "op") return [];
    const shapes = Object.fromEntries(Object.entries(node.inputs).map(([name, i]) => [name, graph.nodes[i].shape]));
    return [
      {
        name: node.op,
        shape: node.shape,
        bytes: 8 * [...Object.values(shapes), node.shape].reduce((n, s) => n + sizeOf(s), 0),
        flops: ops[node.op].flops?.(shapes as never, node.attrs as never, node.shape) ?? 0,
        chunks: 1,
        once: false,
      },
    ];
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
      const own = turns.busy ? Float64Array.from(values) : values;
      return turns.take(() => kept.get(id)!.set(own));
    },
    async execute(inputs = {}, { signal, outputs } = {}) {
      checkInputs(graph, inputs);
      checkOutputs(graph, outputs);
      signal?.throwIfAborted();
      const own = turns.busy ? held(inputs) : inputs;
      return turns.take(() => compute(own, signal && pausing(signal), outputs));
    },
    async profile(inputs = {}) {
      checkInputs(graph, inputs);
      const times: { step: PlanStep; ms: number }[] = [];
      let begun = performance.now();
      await turns.take(() =>
        compute(inputs, () => {
          times.push({ step: steps[times.length], ms: performance.now() - begun });
          begun = performance.now();
        }),
      );
      return times;
    },
  };
  /** `done` is called, and awaited where it gives a promise, after every op. */
  async function compute(
    inputs: Inputs,
    done?: () => void | Promise<void>,
    outputs: readonly string[] = [...graph.outputs.keys()],
  ): Promise<Record<string, HostData>> {
    const fed = held(inputs);
    const values = new Map<number, HostArray>();
    for (const id of order) {
      const node = graph.nodes[id];
      let data: Float64Array;
      if (node.kind === "input") data = Float64Array.from(fed[node.name]);
      else if (node.kind === "op") {
        const given: Record<string, HostArray> = {};
        for (const [name, i] of Object.entries(node.inputs)) given[name] = values.get(i)!;
        data = new Float64Array(sizeOf(node.shape));
        ops[node.op].reference(given as never, node.attrs as never, data, node.shape);
        const waited = done?.();
        if (waited) await waited;
      } else data = kept.get(id)!;
      values.set(id, { data, shape: node.shape });
    }
    const out: Record<string, HostData> = {};
    for (const name of outputs) out[name] = values.get(graph.outputs.get(name)!)!.data.slice();
    const updates = [...graph.updates].map(([id, next]) => [id, values.get(next)!.data.slice()] as const);
    for (const [id, data] of updates) kept.set(id, data);
    return out;
  }
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
