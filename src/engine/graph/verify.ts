// Checks a finished graph, and prints one for people.
import { ShapeError } from "../core/errors.ts";
import { formatShape, sameShape, type Shape } from "../core/shape.ts";
import type { Graph, OpDefs } from "./ir.ts";

/** Throws ShapeError when a node reads a later one, or its shape is not what its op's rule says. */
export function verify(graph: Graph, defs: OpDefs): void {
  for (const node of graph.nodes) {
    if (node.kind !== "op") continue;
    const shapes: Record<string, Shape> = {};
    for (const [name, id] of Object.entries(node.inputs)) {
      if (id >= node.id)
        throw new ShapeError(
          `verify: node ${node.id} (${node.op}) reads node ${id}, which comes later`,
          { node: node.id },
        );
      shapes[name] = graph.nodes[id].shape;
    }
    const expected = defs[node.op].infer(shapes as never, node.attrs as never);
    if (!sameShape(expected, node.shape)) {
      throw new ShapeError(
        `verify: node ${node.id} (${node.op}) says ${formatShape(node.shape)}, its rule gives ${formatShape(expected)}`,
        { node: node.id },
      );
    }
  }
}

/**
 * Ids of the nodes that outputs and updates depend on, in topological order: the rest is dead code.
 */
export function reachable(graph: Graph): number[] {
  const live = new Set<number>([
    ...graph.outputs.values(),
    ...graph.updates.values(),
    ...graph.updates.keys(),
  ]);
  for (let id = graph.nodes.length - 1; id >= 0; id--) {
    const node = graph.nodes[id];
    if (live.has(id) && node.kind === "op")
      for (const input of Object.values(node.inputs)) live.add(input);
  }
  return [...live].sort((a, b) => a - b);
}

/** One line per node: `%7 = conv2d(x: %3, w: %4) {stride: [1,1], …} [1×8×28×28]`. */
export function printGraph(graph: Graph): string {
  const lines = graph.nodes.map((node) => {
    const shape = formatShape(node.shape);
    if (node.kind !== "op")
      return `%${node.id} = ${node.kind}${node.kind === "constant" ? "" : ` "${node.name}"`} ${shape}`;
    const inputs = Object.entries(node.inputs)
      .map(([k, v]) => `${k}: %${v}`)
      .join(", ");
    const attrs = Object.entries(node.attrs)
      .map(([k, v]) => `${k}: ${JSON.stringify(v)}`)
      .join(", ");
    return `%${node.id} = ${node.op}(${inputs})${attrs ? ` {${attrs}}` : ""} ${shape}`;
  });
  for (const [name, id] of graph.outputs) lines.push(`output "${name}" = %${id}`);
  for (const [id, next] of graph.updates) lines.push(`update %${id} <- %${next}`);
  return lines.join("\n");
}
