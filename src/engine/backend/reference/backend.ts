// The reference backend: every op's own definition, in float64. Slow, and what all others are held
// to.
import { sizeOf } from "../../core/shape.ts";
import type { Graph, HostArray } from "../../graph/ir.ts";
import { reachable, verify } from "../../graph/verify.ts";
import { ops } from "../../ops/index.ts";
import { checkInputs, findParameter, type Backend, type HostData, type Plan, type PlanStep } from "../backend.ts";

function plan(graph: Graph): Plan {
  verify(graph, ops);
  const order = reachable(graph);
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
    read: (name) => kept.get(findParameter(graph, name))!.slice(),
    write: (name, values) => kept.get(findParameter(graph, name))!.set(values),
    run: (inputs = {}) => execute(inputs, () => {}),
    profile(inputs = {}) {
      const times: { step: PlanStep; ms: number }[] = [];
      let begun = performance.now();
      execute(inputs, () => {
        times.push({ step: steps[times.length], ms: performance.now() - begun });
        begun = performance.now();
      });
      return times;
    },
  };
  function execute(inputs: Readonly<Record<string, ArrayLike<number>>>, done: () => void): Record<string, HostData> {
    checkInputs(graph, inputs);
    const values = new Map<number, HostArray>();
    for (const id of order) {
      const node = graph.nodes[id];
      let data: Float64Array;
      if (node.kind === "input") data = Float64Array.from(inputs[node.name]);
      else if (node.kind === "op") {
        const given: Record<string, HostArray> = {};
        for (const [name, i] of Object.entries(node.inputs)) given[name] = values.get(i)!;
        data = new Float64Array(sizeOf(node.shape));
        ops[node.op].reference(given as never, node.attrs as never, data, node.shape);
        done();
      } else data = kept.get(id)!;
      values.set(id, { data, shape: node.shape });
    }
    const out: Record<string, HostData> = {};
    for (const [name, id] of graph.outputs) out[name] = values.get(id)!.data.slice();
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
    [Symbol.asyncDispose]: async () => {},
  };
}
