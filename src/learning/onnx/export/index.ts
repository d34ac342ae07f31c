// Graphs and networks as ONNX files. What is written for every op: mappings/; for several at once:
// fusions.ts.
import {
  ConfigError,
  formatShape,
  GraphBuilder,
  ops,
  reachable,
  UnsupportedOpError,
  version,
  type Bytes,
  type Graph,
  type Node,
  type OpName,
} from "../../../engine/index.ts";
import { applyNetwork, type Network } from "../../nn/network.ts";
import { batchAxes, TRACED } from "./batch.ts";
import { fused } from "./fusions.ts";
import type { Mapping } from "./mapping.ts";
import { mappings, withoutMapping } from "./mappings/index.ts";
import { metadataOf } from "./metadata.ts";
import type { ValueInfo } from "./model.ts";
import { simplified } from "./simplify.ts";
import { View } from "./view.ts";
import { encodeModel } from "./wire.ts";
import { GraphWriter, type Written } from "./writer.ts";

export interface ExportOnnxOptions {
  /** Images at a time; "any" where the graph allows it, else 1. "any" unless given. */
  readonly batch?: number | "any";
  /**
   * Fourier transforms as products with constant matrices, which every runtime has and can
   * differentiate, or as nodes DFT. "matrix" unless given.
   */
  readonly dft?: "matrix" | "op";
}
/** A file, and what is to be said of it. */
export interface ExportedOnnx {
  readonly bytes: Bytes;
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly nodes: number;
  /** Why the number of images is fixed, though any was asked for. */
  readonly fixedBatch?: string;
}
export interface ExportGraphOptions extends ExportOnnxOptions {
  readonly name: string;
  /** For people: what comes in and what goes out. */
  readonly documentation: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** A network's weights, which the graph may hold as constants. */
  readonly weights?: ReadonlyMap<string, { readonly data: Float32Array }>;
}

/** Throws UnsupportedOpError naming every op that no forward pass has. */
function checkOps(graph: Graph, name: string): void {
  const found = reachable(graph).map((id) => graph.nodes[id]);
  const strange = found.flatMap((node) =>
    node.kind === "op" && Object.hasOwn(withoutMapping, node.op) ? [node.op] : [],
  );
  if (strange.length === 0) return;
  const each = [...new Set(strange)].map(
    (op) => `${op} (${withoutMapping[op as keyof typeof withoutMapping]})`,
  );
  throw new UnsupportedOpError(
    `export: ${name} contains ${each.join(", ")}; only what a network computes when it is used can be exported`,
    { ops: strange },
  );
}

/** Which values are written, each in what way: from the outputs back, each with what it reads. */
function planned(view: View, graph: Graph, order: readonly number[]): Map<number, Written> {
  const needed = new Set(graph.outputs.values());
  const plan = new Map<number, Written>();
  for (const id of [...order].reverse()) {
    const node = graph.nodes[id];
    if (node.kind !== "op" || !needed.has(id)) continue;
    const mapping = mappings[node.op as keyof typeof mappings] as Mapping<OpName>;
    const written = fused(view, id) ?? mapping(node as never, view);
    plan.set(id, written);
    for (const read of written.reads) needed.add(read);
  }
  return plan;
}
/** Sizes as a file says them: the batch by name, and nothing for what follows from it. */
function sizesOf({ id, shape }: Node, batch: ReadonlyMap<number, number>): (number | string)[] {
  const axis = batch.get(id);
  return shape.map((n, i) => (i !== axis ? n : n === TRACED[0] ? "batch" : ""));
}

function build(
  graph: Graph,
  batch: ReadonlyMap<number, number>,
  options: ExportGraphOptions,
): ExportedOnnx {
  const { name, documentation, metadata, weights = new Map(), dft = "matrix" } = options;
  const named = new Map([...weights].map(([key, { data }]) => [data as ArrayLike<number>, key]));
  const learned = new Set(named.keys());
  const { graph: simple, order } = simplified(graph, learned);
  const writer = new GraphWriter(simple, { weights: named, dft });
  const info = (value: string, id: number): ValueInfo => ({
    name: value,
    shape: sizesOf(graph.nodes[id], batch),
  });
  const inputs: ValueInfo[] = [];
  for (const node of graph.nodes) {
    if (node.kind !== "input") continue;
    writer.name(node.id, node.name);
    inputs.push(info(node.name, node.id));
  }
  const plan = planned(
    new View({ graph: simple, order }, { batch, weights: learned }),
    simple,
    order,
  );
  const described = new Map<string, ValueInfo>();
  for (const [id, written] of [...plan].reverse()) {
    const value = written.write(writer);
    writer.name(id, value);
    described.set(value, info(value, id));
  }
  const outputs: ValueInfo[] = [];
  for (const [key, id] of simple.outputs) {
    writer.output(key, writer.value(id));
    outputs.push(info(key, id));
  }
  const nodes = writer.finish();
  const values = nodes.flatMap(({ output }) => described.get(output) ?? []);
  const bytes = encodeModel({
    ...{ name, documentation, metadata, nodes, inputs, outputs },
    producer: { name: "fiducial", version },
    initializers: writer.initializers,
    values,
  });
  return { bytes, inputs, outputs, nodes: nodes.length };
}

/**
 * A graph as an ONNX file of opset 17, with everything in it. `trace` makes the graph for so many
 * images; names of inputs, outputs and parameters stay. Throws UnsupportedOpError for ops of
 * gradients and training, ConfigError for a batch that is no number and a file of 2 GiB.
 */
export function exportGraph(
  trace: (batch: number) => Graph,
  options: ExportGraphOptions,
): ExportedOnnx {
  const { batch = "any", name } = options;
  if (batch !== "any" && !(Number.isInteger(batch) && batch >= 1))
    throw new ConfigError(
      `export: ${batch} images at a time; give "any" or a whole number from 1 up`,
      { batch },
    );
  const graph = trace(batch === "any" ? TRACED[0] : batch);
  checkOps(graph, name);
  if (batch !== "any") return build(graph, new Map(), options);
  const axes = batchAxes(graph, trace(TRACED[1]));
  if (typeof axes !== "string") return build(graph, axes, options);
  return { ...build(trace(1), new Map(), options), fixedBatch: axes };
}

/**
 * A network by itself, from "input" to "output", as it is used and not as it is trained. Throws
 * ConfigError for layers that need a measurement: exportReconstructor of imaging gives them one.
 */
export function exportNetwork(network: Network, options: ExportOnnxOptions = {}): ExportedOnnx {
  const { input } = network.architecture;
  const trace = (batch: number): Graph => {
    const b = new GraphBuilder(ops);
    const x = b.input("input", [batch, ...input]);
    b.output("output", applyNetwork(b, network, x, { trainable: false }).y);
    return b;
  };
  return exportGraph(trace, {
    ...options,
    name: network.name ?? "network",
    documentation: `From an input of ${formatShape(input)} to the network's output.`,
    metadata: metadataOf(network),
    weights: network.parameters,
  });
}
