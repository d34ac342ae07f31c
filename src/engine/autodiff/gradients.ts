// Reverse-mode differentiation: adds to a graph the nodes that compute a scalar's gradient. Applied
// twice it gives second derivatives.
import { ShapeError } from "../core/errors.ts";
import { formatShape, sizeOf } from "../core/shape.ts";
import type { GraphBuilder } from "../graph/builder.ts";
import type { Value } from "../graph/ir.ts";

/**
 * ∂cost/∂v for every v of `wrt`, by the chain rule from the cost back. `held` are taken for
 * constants, whatever they were computed from. `cost` has one element, or it throws ShapeError; a
 * value that does not matter to it gets zeros.
 */
export function gradients(
  graph: GraphBuilder,
  cost: Value,
  wrt: readonly Value[],
  held: readonly Value[] = [],
): Value[] {
  if (sizeOf(cost.shape) !== 1)
    throw new ShapeError(
      `gradients: the cost is ${formatShape(cost.shape)}; it must be a single number, sum it first`,
      { shape: cost.shape },
    );
  const needed = new Set<number>(wrt.map((v) => v.id));
  const constants = new Set<number>(held.map((v) => v.id));
  for (let id = 0; id <= cost.id; id++) {
    const node = graph.nodes[id];
    if (
      node.kind === "op" &&
      !constants.has(id) &&
      Object.values(node.inputs).some((i) => needed.has(i))
    )
      needed.add(id);
  }
  const adjoint = new Map<number, Value>();
  if (needed.has(cost.id)) adjoint.set(cost.id, graph.constant([1], cost.shape));
  for (let id = cost.id; id >= 0; id--) {
    const dy = adjoint.get(id);
    const node = graph.nodes[id];
    if (dy === undefined || node.kind !== "op") continue;
    const inputs: Record<string, Value> = {};
    for (const [name, i] of Object.entries(node.inputs))
      inputs[name] = { id: i, shape: graph.nodes[i].shape };
    const own = graph.defs[node.op].gradient(graph, dy, inputs as never, node.attrs as never, {
      id,
      shape: node.shape,
    });
    for (const [name, part] of Object.entries<Value | undefined>(own)) {
      const target = node.inputs[name];
      if (part === undefined || !needed.has(target)) continue;
      const before = adjoint.get(target);
      adjoint.set(
        target,
        before === undefined ? part : graph.emit("add", { a: before, b: part }, {}),
      );
    }
  }
  return wrt.map(
    (v) => adjoint.get(v.id) ?? graph.constant(new Float32Array(sizeOf(v.shape)), v.shape),
  );
}
