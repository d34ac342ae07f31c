// The reference backend: every op's own definition, in float64. Slow, and what all others are held to.
import { sizeOf } from "../../core/shape.ts";
import type { Graph, HostArray } from "../../graph/ir.ts";
import { reachable, verify } from "../../graph/verify.ts";
import { ops } from "../../ops/index.ts";
import { checkInputs, findParameter, type Backend, type HostData, type Plan } from "../backend.ts";

function plan(graph: Graph): Plan {
  verify(graph, ops);
  const order = reachable(graph);
  const kept = new Map<number, Float64Array>();
  for (const node of graph.nodes) {
    if (node.kind === "parameter") kept.set(node.id, Float64Array.from(node.initial));
    if (node.kind === "constant") kept.set(node.id, Float64Array.from(node.data));
  }
  return {
    memoryBytes: order.reduce((bytes, id) => bytes + 8 * sizeOf(graph.nodes[id].shape), 0),
    read: (name) => kept.get(findParameter(graph, name))!.slice(),
    write: (name, values) => kept.get(findParameter(graph, name))!.set(values),
    run(inputs = {}) {
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
        } else data = kept.get(id)!;
        values.set(id, { data, shape: node.shape });
      }
      const out: Record<string, HostData> = {};
      for (const [name, id] of graph.outputs) out[name] = values.get(id)!.data.slice();
      const updates = [...graph.updates].map(([id, next]) => [id, values.get(next)!.data.slice()] as const);
      for (const [id, data] of updates) kept.set(id, data);
      return out;
    },
  };
}

export function referenceBackend(): Backend {
  return { name: "reference", compile: async (graph) => plan(graph), [Symbol.asyncDispose]: async () => {} };
}
