// Nodes in an order in which each reads what stands before it. ONNX demands it, keras2onnx writes
// another, and ONNX Runtime reads both.
import type { OnnxGraph, OnnxNode } from "./model.ts";

/** What a node reads by name, and what graphs inside it do. */
function readBy({ inputs, attributes }: OnnxNode): Set<string> {
  const names = new Set(inputs);
  for (const { kind, value } of attributes.values()) {
    if (kind !== "graph") continue;
    for (const node of value.nodes) for (const name of readBy(node)) names.add(name);
    for (const { name } of value.outputs) names.add(name);
  }
  return names;
}

/** The graph itself where it is in order, or has a cycle. */
export function ordered(graph: OnnxGraph): OnnxGraph {
  const { nodes } = graph;
  const makers = new Map<string, number>();
  nodes.forEach((node, i) => {
    for (const output of node.outputs) if (output !== "") makers.set(output, i);
  });
  const before = nodes.map((node) => {
    const own = [...readBy(node)].flatMap((name) => makers.get(name) ?? []);
    return new Set(own);
  });
  if (before.every((own, i) => [...own].every((maker) => maker < i))) return graph;
  const behind = nodes.map((): number[] => []);
  before.forEach((own, i) => {
    for (const maker of own) behind[maker].push(i);
  });
  const missing = before.map((own) => own.size);
  const order = nodes.flatMap((_, i) => (missing[i] === 0 ? [i] : []));
  // grows while it is gone through
  for (const i of order) for (const next of behind[i]) if (--missing[next] === 0) order.push(next);
  return order.length < nodes.length ? graph : { ...graph, nodes: order.map((i) => nodes[i]) };
}
