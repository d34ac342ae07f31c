// Which tensors of a file are weights, to be trained, and which are constants: a file does not say.
import { isFloat, isRead, type OnnxGraph, type OnnxNode } from "./model.ts";

/** The inputs of an op that hold weights. */
const slots: Readonly<Record<string, readonly number[]>> = {
  Conv: [1, 2],
  ConvTranspose: [1, 2],
  Gemm: [0, 1, 2],
  MatMul: [0, 1],
  BatchNormalization: [1, 2],
  InstanceNormalization: [1, 2],
  GroupNormalization: [1, 2],
  LayerNormalization: [1, 2],
  RMSNormalization: [1],
  PRelu: [1],
  Add: [0, 1],
  Sub: [0, 1],
  Mul: [0, 1],
  Div: [0, 1],
  Gather: [0],
};
/** Ops whose result is made of shapes alone. */
const shapesAlone = new Set(["Shape", "Size"]);
/** What stands between a tensor and the op whose weight it is. */
const between = new Set([
  "Identity",
  "Transpose",
  "Reshape",
  "Unsqueeze",
  "Squeeze",
  "Cast",
  "Add",
  "Sub",
  "Mul",
  "Div",
]);

/** A scale of 1 or a shift of 0: what exporters write where a normalisation has none. */
function isPlain({ tensors }: OnnxGraph, { op, inputs }: OnnxNode, slot: number): boolean {
  const tensor = tensors.get(inputs[slot] ?? "");
  if (op !== "InstanceNormalization" || !tensor || !isRead(tensor)) return false;
  return tensor.data.every((v) => v === (slot === 1 ? 1 : 0));
}

/**
 * The float tensors with at least one axis that a layer reads as its weights, directly or moved,
 * where another of its inputs comes from the network's: scalars, running statistics, factors of a
 * resize and thresholds are constants. `known` are inputs that are no more.
 */
export function weightsOf(graph: OnnxGraph, known: ReadonlySet<string>): ReadonlySet<string> {
  const fed = new Set(
    graph.inputs
      .map(({ name }) => name)
      .filter((name) => !known.has(name) && !graph.tensors.has(name)),
  );
  const makers = new Map<string, OnnxNode>();
  for (const node of graph.nodes) {
    for (const output of node.outputs) makers.set(output, node);
    if (!shapesAlone.has(node.op) && node.inputs.some((name) => fed.has(name)))
      for (const output of node.outputs) fed.add(output);
  }
  const weights = new Set<string>();
  const visited = new Set<string>();
  const open = graph.nodes.flatMap((node) => {
    const { op, inputs } = node;
    if (!Object.hasOwn(slots, op) || !inputs.some((name) => fed.has(name))) return [];
    return slots[op].flatMap((i) => (isPlain(graph, node, i) ? [] : (inputs[i] ?? [])));
  });
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (visited.has(name) || fed.has(name)) continue;
    visited.add(name);
    const tensor = graph.tensors.get(name);
    if (tensor && isRead(tensor) && isFloat(tensor.type) && tensor.shape.length > 0)
      weights.add(name);
    const maker = makers.get(name);
    if (maker && between.has(maker.op)) open.push(...maker.inputs);
  }
  return weights;
}
