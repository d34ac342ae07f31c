// An imported network in a graph, for any input size that it allows.
import {
  ConfigError,
  formatShape,
  present,
  quoted,
  type GraphBuilder,
  type Shape,
  type Value,
} from "../../engine/index.ts";
import type { Val } from "./call.ts";
import { evaluate } from "./evaluate.ts";
import type { OnnxModel } from "./import.ts";
import { LazyGraph } from "./lazy-graph.ts";
import { declaredShape, type ElementType, type OnnxNode, type OnnxTensor } from "./model.ts";

export interface ApplyOnnxOptions {
  /** Weights as parameters that a plan can update (default), or as constants. */
  readonly trainable?: boolean;
  /** Weights, by name, that are in the graph already. */
  readonly weights?: (name: string, tensor: OnnxTensor) => Value;
  /** Told of every node and its first output, which is written into the graph where asked for. */
  readonly onNode?: (node: OnnxNode, shape: Shape, y: () => Value) => void;
}
export interface AppliedOutput {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: Shape;
  /** In the graph; whole numbers and truth values as floats. */
  value(): Value;
  /** Its numbers, where they depend on no input. */
  known(): Float64Array | undefined;
}

/** Said behind an error where nothing better is known. */
export const FIXED_SIZES =
  "; sizes may be fixed in the file by its export: try the size that it was exported with";
export const constantIn = (graph: LazyGraph, { type, data, shape }: OnnxTensor): Val => ({
  type,
  value: graph.constant(data, shape),
});

/** "its input x is declared [1×1×32×32] and was given [1×1×44×36]", where they differ. */
function remarkOf(model: OnnxModel, inputs: Readonly<Record<string, Value>>): string {
  const other = model.inputs.filter(({ name, shape }) => {
    const given = inputs[name]?.shape;
    if (!shape || !given) return false;
    return (
      shape.length !== given.length || shape.some((d, i) => typeof d === "number" && d !== given[i])
    );
  });
  if (other.length === 0) return FIXED_SIZES;
  const said = other.map(({ name, shape }) => {
    return `${quoted(name)} at ${declaredShape(shape)} and was given ${formatShape(inputs[name].shape)}`;
  });
  return `; the export fixed its input ${said.join(", ")}: export it for this size`;
}

/** All that nodes read by name before any of them has run. */
function startOf(
  graph: LazyGraph,
  model: OnnxModel,
  inputs: Readonly<Record<string, Value>>,
  weight: (name: string, tensor: OnnxTensor) => Value,
): Map<string, Val> {
  const values = new Map<string, Val>();
  for (const [name, tensor] of model.file.graph.tensors) {
    const own = tensor as OnnxTensor;
    if (model.weights.has(name))
      values.set(name, { type: own.type, value: graph.wrap(weight(name, own)) });
    else values.set(name, constantIn(graph, own));
  }
  for (const [name, tensor] of model.known) values.set(name, constantIn(graph, tensor));
  for (const { name, type = "float32" } of model.inputs) {
    const given = Object.hasOwn(inputs, name) ? inputs[name] : undefined;
    if (!given)
      throw new ConfigError(`${model.name}: its input ${quoted(name)} was not given`, { name });
    values.set(name, { type, value: graph.wrap(given) });
  }
  return values;
}

/**
 * Adds the network to a graph: its outputs, for inputs of concrete shapes. Throws ShapeError or
 * ConfigError naming the node that does not fit, what it was given, and whether the file was
 * exported for other sizes.
 */
export function applyOnnx(
  b: GraphBuilder,
  model: OnnxModel,
  inputs: Readonly<Record<string, Value>>,
  options: ApplyOnnxOptions = {},
): { outputs: AppliedOutput[]; weights: Map<string, Value> } {
  const { trainable = true, onNode } = options;
  const graph = new LazyGraph(b);
  const weights = new Map<string, Value>();
  const own = (name: string, { data, shape }: OnnxTensor): Value => {
    const numbers = Float32Array.from(data);
    return trainable ? b.parameter(name, shape, numbers) : b.constant(numbers, shape);
  };
  const values = startOf(graph, model, inputs, (name, tensor) => {
    const value = options.weights?.(name, tensor) ?? own(name, tensor);
    weights.set(name, value);
    return value;
  });
  const told = (node: OnnxNode, { value }: Val): void =>
    onNode?.(node, value.shape, () => graph.real(value));
  const given = evaluate(model.file.graph, values, {
    graph,
    opset: model.file.opset,
    constant: ({ tensors }, name) => constantIn(graph, tensors.get(name) as OnnxTensor),
    remark: remarkOf(model, inputs),
    ...present({ onNode: onNode && told }),
  });
  const outputs = given.map(({ type, value }, i) => ({
    name: model.outputs[i].name,
    type,
    shape: value.shape,
    value: () => graph.real(value),
    known: () => graph.known(value),
  }));
  return { outputs, weights };
}
