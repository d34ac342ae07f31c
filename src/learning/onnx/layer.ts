// A network of somebody else's as a layer among layers: trained, saved, looked at like any other.
import {
  ConfigError,
  quoted,
  type GraphBuilder,
  type Shape,
  type Value,
} from "../../engine/index.ts";
import type { Layer } from "../nn/layers.ts";
import type { Network, Parameter } from "../nn/network.ts";
import type { Apply, Scope } from "../nn/scope.ts";
import { constantIn, FIXED_SIZES } from "./apply.ts";
import type { Val } from "./call.ts";
import { checkStructure, checkSupported } from "./check.ts";
import { evaluate } from "./evaluate.ts";
import { LazyGraph } from "./lazy-graph.ts";
import {
  declaredShape,
  isRead,
  type OnnxGraph,
  type OnnxNode,
  type OnnxTensor,
  type Port,
} from "./model.ts";
import type { OnnxModel } from "./import.ts";
import { plainGraph, readPlainGraph, type PlainGraph } from "./plain.ts";

type Opened = ReturnType<typeof readPlainGraph>;
/** A graph as a checkpoint keeps it, and the version of ONNX's ops that it was written for. */
export interface KeptGraph {
  readonly opset: number;
  readonly graph: PlainGraph;
}
export interface OnnxLayer extends KeptGraph {
  readonly kind: "onnx";
}
/** What a layer was read to, once for each that is applied. */
const read = new WeakMap<PlainGraph, Opened>();
function opened({ graph, opset }: KeptGraph, name: string): Opened {
  const known = read.get(graph);
  if (known) return known;
  const made = readPlainGraph(graph);
  checkStructure(made.graph, `layer ${name}`);
  checkSupported({ graph: made.graph, opset }, `layer ${name}`);
  read.set(graph, made);
  return made;
}
/** The names of what the graph is given, and of what it gives. */
export function portsOf(layer: KeptGraph, name: string): { inputs: string[]; outputs: string[] } {
  const { graph, kept } = opened(layer, name);
  const namesOf = (ports: OnnxGraph["inputs"]): string[] => ports.map((port) => port.name);
  return {
    inputs: namesOf(graph.inputs).filter((port) => !kept.has(port)),
    outputs: namesOf(graph.outputs),
  };
}

/** The graph's outputs, for all its inputs by name; its weights are the layer's parameters. */
export function applyKept(
  scope: Scope,
  name: string,
  layer: KeptGraph,
  inputs: Readonly<Record<string, Value>>,
): Value[] {
  const { graph: source, kept } = opened(layer, name);
  const graph = new LazyGraph(scope.b as GraphBuilder);
  const values = new Map<string, Val>();
  for (const [tensor, value] of source.tensors)
    values.set(tensor, constantIn(graph, value as OnnxTensor));
  for (const [tensor, { type, shape, trained }] of kept) {
    const own = `${name}.${tensor}`;
    const make = (): Value =>
      trained ? scope.parameter(own, shape, 1, 0) : scope.buffer(own, shape, 0);
    values.set(tensor, { type, value: graph.later(shape, make) });
  }
  for (const [input, value] of Object.entries(inputs))
    values.set(input, { type: "float32", value: graph.wrap(value) });
  const { onLayer } = scope;
  const told = (node: OnnxNode, { value }: Val): void => {
    if (!graph.isKnown(value))
      onLayer!(`${name}.${node.name || node.outputs[0]}`, node.op, graph.real(value));
  };
  const stored = [...kept.keys()].map((tensor) => values.get(tensor)!.value);
  const outputs = evaluate(source, values, {
    graph,
    opset: layer.opset,
    constant: (body, tensor) => constantIn(graph, body.tensors.get(tensor) as OnnxTensor),
    remark: FIXED_SIZES,
    ...(onLayer ? { onNode: told } : {}),
  });
  const given = outputs.map(({ value }) => graph.real(value));
  // what no node has read is the network's, too
  for (const value of stored) graph.real(value);
  return given;
}

export const onnx: Apply<OnnxLayer> = (scope, name, x, layer) => {
  const { inputs, outputs } = portsOf(layer, name);
  if (inputs.length !== 1 || outputs.length !== 1)
    throw new ConfigError(
      `layer ${name}: its graph has ${inputs.length} inputs and ${outputs.length} outputs; one of each makes a layer`,
      { name },
    );
  return applyKept(scope, name, layer, { [inputs[0]]: x })[0];
};

/** More numbers than this are no option of a layer, but among the network's own. */
const MOST_WRITTEN = 256;
/** Types that float32 holds exactly. */
const exact = new Set([
  "float32",
  "float16",
  "bfloat16",
  "int8",
  "int16",
  "uint8",
  "uint16",
  "bool",
]);

/** Constant nodes are tensors by another name, and known inputs, too. */
function withoutConstants({ file, known }: OnnxModel): OnnxGraph {
  const { graph } = file;
  const tensors = new Map(graph.tensors);
  const nodes = graph.nodes.filter(({ op, outputs, attributes }) => {
    const value = attributes.get("value");
    if (op !== "Constant" || value?.kind !== "tensor") return true;
    tensors.set(outputs[0], value.value);
    return false;
  });
  for (const [name, tensor] of known) tensors.set(name, tensor);
  return { ...graph, nodes, tensors };
}
/** What a layer holds of a file, as data, and the numbers that are the network's own, by name. */
export function keptGraph(
  model: OnnxModel,
  output: Port,
): { kept: KeptGraph; tensors: Map<string, Parameter> } {
  const { file, inputs, weights } = model;
  const graph = { ...withoutConstants(model), inputs, outputs: [output] };
  const which = new Map<string, boolean>();
  const tensors = new Map<string, Parameter>();
  for (const [tensor, value] of graph.tensors) {
    if (!isRead(value)) continue;
    const trained = weights.has(tensor);
    if (!trained && (value.data.length <= MOST_WRITTEN || !exact.has(value.type))) continue;
    which.set(tensor, trained);
    tensors.set(tensor, { shape: value.shape, data: Float32Array.from(value.data) });
  }
  return { kept: { opset: file.opset, graph: plainGraph(graph, which) }, tensors };
}
export interface OnnxNetworkOptions {
  /** One sample's shape, without the batch; what the file declares, where it is left out. */
  readonly input?: Shape;
  /** Which of several outputs. */
  readonly output?: string;
}
function sampleShape(model: OnnxModel, given: Shape | undefined): Shape {
  const [{ name, shape }] = model.inputs;
  if (given) return given;
  const sizes = shape?.slice(1) ?? [];
  if (sizes.length === 0 || !sizes.every((d): d is number => typeof d === "number"))
    throw new ConfigError(
      `${model.name}: its input ${quoted(name)} is declared ${declaredShape(shape)}; say one sample's sizes`,
      { name },
    );
  return sizes;
}

/**
 * A network of one layer: trainable, saved by saveNetwork, looked at by summarize, trace and
 * gradientVector. Its file must have one input that is not known, whose first axis is the batch.
 * Throws ConfigError otherwise, and where the file leaves the input's size open and `input` does
 * not say it.
 */
export function networkFromOnnx(model: OnnxModel, options: OnnxNetworkOptions = {}): Network {
  const { name, file, inputs, outputs } = model;
  if (inputs.length !== 1)
    throw new ConfigError(
      `${name}: it has ${inputs.length} inputs, ${inputs.map((p) => quoted(p.name)).join(", ")}; a network has one: fix the others when it is imported`,
      { name },
    );
  const output =
    options.output === undefined ? outputs[0] : outputs.find((p) => p.name === options.output);
  if (!output)
    throw new ConfigError(`${name}: it has no output ${quoted(options.output)}`, { name });
  const input = sampleShape(model, options.input);
  const { kept, tensors } = keptGraph(model, output);
  const layer: Layer = { kind: "onnx", ...kept };
  const parameters = new Map(
    [...tensors].map(([tensor, parameter]) => [`0.onnx.${tensor}`, parameter]),
  );
  return {
    architecture: { input, layers: [layer] },
    parameters,
    provenance: { onnx: name.replace(/^.*[/\\]/, ""), producer: file.producer },
  };
}
