// What a backend is: it compiles a graph to a plan, and a plan runs.
/// <reference lib="esnext.disposable" preserve="true" />
import { ConfigError, ShapeError } from "../core/errors.ts";
import { formatShape, sizeOf } from "../core/shape.ts";
import type { Graph } from "../graph/ir.ts";

export type HostData = Float32Array | Float64Array;

/** A compiled graph with its parameters. It holds no resource that must be given back. */
export interface Plan {
  /** Feeds every input, computes everything, then applies the updates; gives copies of the outputs. Throws ShapeError for a missing or ill-sized input. */
  run(inputs?: Readonly<Record<string, ArrayLike<number>>>): Record<string, HostData>;
  /** A copy of a parameter's current value. */
  read(parameter: string): HostData;
  write(parameter: string, values: ArrayLike<number>): void;
  readonly memoryBytes: number;
}

export interface Backend {
  readonly name: string;
  compile(graph: Graph): Promise<Plan>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Checks the inputs of a run against the graph's. */
export function checkInputs(graph: Graph, inputs: Readonly<Record<string, ArrayLike<number>>>): void {
  const known = new Set<string>();
  for (const node of graph.nodes) {
    if (node.kind !== "input") continue;
    known.add(node.name);
    const given = inputs[node.name];
    if (given === undefined) throw new ShapeError(`run: input "${node.name}" ${formatShape(node.shape)} was not given`, { name: node.name });
    if (given.length !== sizeOf(node.shape)) throw new ShapeError(`run: input "${node.name}" has ${given.length} values, its shape ${formatShape(node.shape)} holds ${sizeOf(node.shape)}`, { name: node.name });
  }
  for (const name of Object.keys(inputs)) if (!known.has(name)) throw new ShapeError(`run: the graph has no input "${name}"; it has ${[...known].join(", ") || "none"}`, { name });
}

export function findParameter(graph: Graph, name: string): number {
  const node = graph.nodes.find((n) => n.kind === "parameter" && n.name === name);
  if (node === undefined) throw new ConfigError(`plan: the graph has no parameter "${name}"`, { name });
  return node.id;
}
