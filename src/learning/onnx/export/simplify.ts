// A graph without what a file need not hold: constants worked out, the same thing twice, nodes that
// change nothing. Shapes and numbers of nodes stay.
import {
  ops,
  reachable,
  sizeOf,
  type Graph,
  type Node,
  type Shape,
} from "../../../engine/index.ts";

type Op = Extract<Node, { kind: "op" }>;
type Constant = Extract<Node, { kind: "constant" }>;
/** Larger results are cheaper to compute than to store. */
const MOST_FOLDED = 2 ** 16;

const same = (a: Shape, b: Shape): boolean =>
  a.length === b.length && a.every((n, i) => n === b[i]);

/** The id of what the node gives back unchanged, if it does. */
function unchanged(node: Op, nodes: readonly Node[]): number | undefined {
  const { x } = node.inputs;
  if (x === undefined || !same(nodes[x].shape, node.shape)) return undefined;
  if (node.op === "transpose") {
    const { permutation } = node.attrs as { permutation: readonly number[] };
    return permutation.every((axis, i) => axis === i) ? x : undefined;
  }
  return ["reshape", "broadcast_to", "slice", "pad"].includes(node.op) ? x : undefined;
}

/** The value of an op on constants alone, by its definition. */
function folded(
  node: Op,
  nodes: readonly Node[],
  weights: ReadonlySet<unknown>,
): Constant | undefined {
  const inputs = Object.entries(node.inputs).map(([name, id]) => [name, nodes[id]] as const);
  if (sizeOf(node.shape) > MOST_FOLDED || inputs.length === 0) return undefined;
  const arrays: Record<string, { data: Float64Array; shape: Shape }> = {};
  for (const [name, input] of inputs) {
    if (input.kind !== "constant" || weights.has(input.data)) return undefined;
    arrays[name] = { data: Float64Array.from(input.data), shape: input.shape };
  }
  const data = new Float64Array(sizeOf(node.shape));
  ops[node.op].reference(arrays as never, node.attrs as never, data, node.shape);
  return { kind: "constant", id: node.id, shape: node.shape, data };
}

const broadcasting: readonly string[] = [
  "add",
  "sub",
  "mul",
  "div",
  "maximum",
  "minimum",
  "greater",
  "equal",
  "pow",
];
/** Its inputs, without repetitions that broadcasting makes by itself. */
function unrepeated(node: Op, nodes: readonly Node[]): Op {
  if (!broadcasting.includes(node.op)) return node;
  let inputs = node.inputs;
  for (const name of ["a", "b"]) {
    const input = nodes[inputs[name]];
    if (input.kind !== "op" || input.op !== "broadcast_to") continue;
    const tried = { ...inputs, [name]: input.inputs.x };
    const [a, b] = [nodes[tried.a].shape, nodes[tried.b].shape];
    if (same(ops.add.infer({ a, b }, {}), node.shape)) inputs = tried;
  }
  return { ...node, inputs };
}
/** A reshape of a reshape is one of what that reshapes. */
function once(node: Op, nodes: readonly Node[]): Op {
  const x = nodes[node.inputs.x];
  if (node.op !== "reshape" || x.kind !== "op" || x.op !== "reshape") return node;
  return { ...node, inputs: x.inputs };
}

/**
 * The same outputs from fewer nodes, and the ids of these in order. `weights` are the arrays of
 * constants that are kept as they are.
 */
export function simplified(
  graph: Graph,
  weights: ReadonlySet<unknown>,
): { graph: Graph; order: readonly number[] } {
  const nodes: Node[] = [...graph.nodes];
  const outputs = new Map(graph.outputs);
  const instead = new Map<number, number>();
  const seen = new Map<string, number>();
  const standing = (id: number): number => instead.get(id) ?? id;
  for (const id of reachable({ ...graph, updates: new Map() })) {
    const given = nodes[id];
    if (given.kind !== "op") continue;
    const inputs = Object.fromEntries(
      Object.entries(given.inputs).map(([name, from]) => [name, standing(from)]),
    );
    const node = once(unrepeated({ ...given, inputs }, nodes), nodes);
    nodes[id] = folded(node, nodes, weights) ?? node;
    const key = `${node.op} ${JSON.stringify([node.inputs, node.attrs])}`;
    const other = unchanged(node, nodes) ?? seen.get(key);
    if (other !== undefined) instead.set(id, other);
    else seen.set(key, id);
  }
  for (const [name, id] of outputs) outputs.set(name, standing(id));
  const made: Graph = { nodes, outputs, updates: new Map() };
  return { graph: made, order: reachable(made) };
}
