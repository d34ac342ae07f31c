// A network of somebody else's, as an ONNX file: read and checked once. How it is added to graphs:
// apply.ts; as a layer: layer.ts.
import {
  ConfigError,
  FormatError,
  formatShape,
  quoted,
  sizeOf,
  type Shape,
} from "../../engine/index.ts";
import { checkStructure, checkSupported } from "./check.ts";
import {
  isRead,
  type ElementType,
  type OnnxFile,
  type OnnxGraph,
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
  /**
   * Whether a float tensor that looks like a weight is one, by its name: a matrix of a transform,
   * which a product reads, does, too. All are unless it is given.
   */
  readonly isWeight?: (name: string) => boolean;
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
    if (["float16", "bfloat16", "float64"].includes(type))
      counts.set(type, (counts.get(type) ?? 0) + 1);
  return [...counts].map(
    ([type, n]) => `${n} of its tensors are ${type}; all is computed in float32`,
  );
}

/** Constants may be infinite, as masks are. */
function checkFinite(weights: ReadonlyMap<string, OnnxTensor>, name: string): void {
  for (const [tensor, { data }] of weights)
    if (!data.every(Number.isFinite))
      throw new FormatError(
        `${name}: its weights ${quoted(tensor)} hold values that are not finite`,
        { name, tensor },
      );
}

/**
 * Reads and checks an ONNX file. Throws FormatError for a damaged one, UnsupportedOpError that
 * lists all ops, attributes and types that are not read, ConfigError for a known input that it does
 * not have.
 */
export function importOnnx(bytes: Uint8Array, options: ImportOptions = {}): OnnxModel {
  const { name = "model.onnx", known: given = {}, isWeight = () => true } = options;
  const file = readOnnx(bytes, options);
  const { graph } = file;
  checkStructure(graph, name);
  checkSupported(file, name);
  const known = new Map<string, OnnxTensor>();
  for (const [input, values] of Object.entries(given)) {
    const port = graph.inputs.find((p) => p.name === input);
    const names = graph.inputs.map((p) => quoted(p.name)).join(", ");
    if (!port)
      throw new ConfigError(`${name}: it has no input ${quoted(input)}; it has ${names}`, { name });
    known.set(input, knownTensor(port, values, name));
  }
  const weights = new Map<string, OnnxTensor>();
  for (const tensor of weightsOf(graph, new Set(known.keys())))
    if (!known.has(tensor) && isWeight(tensor))
      weights.set(tensor, graph.tensors.get(tensor) as OnnxTensor);
  checkFinite(weights, name);
  const inputs = graph.inputs.filter(
    (port) => !known.has(port.name) && !graph.tensors.has(port.name),
  );
  return { name, file, inputs, outputs: graph.outputs, weights, known, notes: notesOf(graph) };
}
