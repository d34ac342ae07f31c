// A network of somebody else's, as an ONNX file: read and checked once, and added to graphs for any
// input size that it allows.
import {
  ConfigError,
  formatShape,
  quoted,
  sizeOf,
  type GraphBuilder,
  type Shape,
  type Value,
} from "../../engine/index.ts";
import type { Val } from "./call.ts";
import { checkStructure, checkSupported } from "./check.ts";
import { evaluate } from "./evaluate.ts";
import { LazyGraph } from "./lazy-graph.ts";
import {
  isRead,
  type ElementType,
  type OnnxFile,
  type OnnxGraph,
  type OnnxNode,
  type OnnxTensor,
  type Port,
} from "./model.ts";
import { readOnnx, type ReadOnnxOptions } from "./read.ts";
import { weightsOf } from "./weights.ts";

/** Numbers of an input that are fixed at import; the shape, where it is not a list. */
export interface KnownInput {
  readonly data: ArrayLike<number>;
  readonly shape?: Shape;
}
export interface ImportOptions extends ReadOnnxOptions {
  /**
   * Inputs that are no more: indices, axes, sizes, anything that must be known before the network
   * runs.
   */
  readonly known?: Readonly<Record<string, KnownInput>>;
}
export interface OnnxModel {
  readonly name: string;
  readonly file: OnnxFile;
  /** What has to be given: no initialisers, and nothing that is known. */
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  /** What may be trained, by name. */
  readonly weights: ReadonlyMap<string, OnnxTensor>;
  /** Inputs that were fixed at import. */
  readonly known: ReadonlyMap<string, OnnxTensor>;
  /** What reading it has changed, in sentences. */
  readonly notes: readonly string[];
}

function knownTensor(port: Port, { data, shape }: KnownInput, name: string): OnnxTensor {
  const numbers = Float64Array.from(data);
  const own = shape ?? [numbers.length];
  if (sizeOf(own) !== numbers.length)
    throw new ConfigError(
      `${name}: its input ${quoted(port.name)} is said to be ${formatShape(own)} and has ${numbers.length} numbers`,
      { name },
    );
  return { type: port.type ?? "float32", shape: own, data: numbers };
}
function* tensorsIn(graph: OnnxGraph): Generator<OnnxTensor> {
  for (const tensor of graph.tensors.values()) if (isRead(tensor)) yield tensor;
  for (const { attributes } of graph.nodes)
    for (const { kind, value } of attributes.values()) {
      if (kind === "tensor" && isRead(value)) yield value;
      if (kind === "graph") yield* tensorsIn(value);
    }
}
/** Said once, and not for every tensor. */
function notesOf(graph: OnnxGraph): string[] {
  const counts = new Map<ElementType, number>();
  for (const { type } of tensorsIn(graph))
    if (["float16", "bfloat16", "float64"].includes(type)) counts.set(type, (counts.get(type) ?? 0) + 1);
  return [...counts].map(([type, n]) => `${n} of its tensors are ${type}; all is computed in float32`);
}

/**
 * Reads and checks an ONNX file. Throws FormatError for a damaged one, UnsupportedOpError that
 * lists all ops, attributes and types that are not read, ConfigError for a known input that it does
 * not have.
 */
export function importOnnx(bytes: Uint8Array, options: ImportOptions = {}): OnnxModel {
  const { name = "model.onnx", known: given = {} } = options;
  const file = readOnnx(bytes, options);
  const { graph } = file;
  checkStructure(graph, name);
  checkSupported(file, name);
  const known = new Map<string, OnnxTensor>();
  for (const [input, values] of Object.entries(given)) {
    const port = graph.inputs.find((p) => p.name === input);
    if (!port)
      throw new ConfigError(
        `${name}: it has no input ${quoted(input)}; it has ${graph.inputs.map((p) => quoted(p.name)).join(", ")}`,
        { name },
      );
    known.set(input, knownTensor(port, values, name));
  }
  const weights = new Map<string, OnnxTensor>();
  for (const tensor of weightsOf(graph, new Set(known.keys())))
    if (!known.has(tensor)) weights.set(tensor, graph.tensors.get(tensor) as OnnxTensor);
  const inputs = graph.inputs.filter((port) => !known.has(port.name) && !graph.tensors.has(port.name));
  return { name, file, inputs, outputs: graph.outputs, weights, known, notes: notesOf(graph) };
}

export interface ApplyOnnxOptions {
  /** Weights as parameters that a plan can update (default), or as constants. */
  readonly trainable?: boolean;
  /** Weights, by name, that are in the graph already. */
  readonly weights?: (name: string, tensor: OnnxTensor) => Value;
  /** Told of every node and its first output. */
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

/** "its input x is declared [1×1×32×32] and was given [1×1×44×36]", where they differ. */
function remarkOf(model: OnnxModel, inputs: Readonly<Record<string, Value>>): string {
  const other = model.inputs.filter(({ name, shape }) => {
    const given = inputs[name]?.shape;
    return (
      shape && given && (shape.length !== given.length || shape.some((d, i) => typeof d === "number" && d !== given[i]))
    );
  });
  if (other.length === 0)
    return "; sizes may be fixed in the file by its export: try the size that it was exported with";
  const said = other.map(
    ({ name, shape }) =>
      `${quoted(name)} at [${shape!.map((d) => d ?? "?").join("×")}] and was given ${formatShape(inputs[name].shape)}`,
  );
  return `; the export fixed its input ${said.join(", ")}: export it for this size`;
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
  const { graph: onnx, opset } = model.file;
  const graph = new LazyGraph(b);
  const weights = new Map<string, Value>();
  const weight = (name: string, tensor: OnnxTensor): Value => {
    const own = (): Value => {
      const data = Float32Array.from(tensor.data);
      return trainable ? b.parameter(name, tensor.shape, data) : b.constant(data, tensor.shape);
    };
    const value = options.weights?.(name, tensor) ?? own();
    weights.set(name, value);
    return value;
  };
  const constant = ({ tensors }: OnnxGraph, name: string): Val => {
    const { type, data, shape } = tensors.get(name) as OnnxTensor;
    return { type, value: graph.constant(data, shape) };
  };
  const values = new Map<string, Val>();
  for (const [name, tensor] of onnx.tensors)
    if (!model.known.has(name))
      values.set(
        name,
        model.weights.has(name)
          ? { type: (tensor as OnnxTensor).type, value: graph.wrap(weight(name, tensor as OnnxTensor)) }
          : constant(onnx, name),
      );
  for (const [name, { type, data, shape }] of model.known)
    values.set(name, { type, value: graph.constant(data, shape) });
  for (const { name, type = "float32" } of model.inputs) {
    const given = inputs[name];
    if (!given) throw new ConfigError(`${model.name}: its input ${quoted(name)} was not given`, { name });
    values.set(name, { type, value: graph.wrap(given) });
  }
  const told = onNode && ((node: OnnxNode, { value }: Val): void => onNode(node, value.shape, () => graph.real(value)));
  const given = evaluate(onnx, values, {
    graph,
    opset,
    constant,
    remark: remarkOf(model, inputs),
    ...(told ? { onNode: told } : {}),
  });
  const outputs = given.map(({ type, value }, i) => ({
    name: onnx.outputs[i].name,
    type,
    shape: value.shape,
    value: () => graph.real(value),
    known: () => graph.known(value),
  }));
  return { outputs, weights };
}
