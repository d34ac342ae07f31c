// What a backend is: it compiles a graph to a plan, and a plan runs.
import { ConfigError, ShapeError } from "../core/errors.ts";
import { formatShape, sizeOf } from "../core/shape.ts";
import type { Shape } from "../core/shape.ts";
import type { Graph, ParameterNode } from "../graph/ir.ts";

export type HostData = Float32Array | Float64Array;

export type Inputs = Readonly<Record<string, ArrayLike<number>>>;

export interface ExecuteOptions {
  /**
   * Ends the execution between two steps, with the signal's reason; no update is applied then. With
   * a signal, a long execution gives way to other work of the thread now and again.
   */
  readonly signal?: AbortSignal;
  /** The outputs that are read back; all of them unless given. */
  readonly outputs?: readonly string[];
}

/**
 * A compiled graph with its parameters. It holds no resource that must be given back. Executions of
 * one plan happen one after the other, in the order of their calls.
 */
export interface Plan {
  /**
   * Feeds every input, computes everything, then applies the updates; gives copies of the outputs.
   * The inputs are read before it returns its promise. Throws ShapeError for a missing or ill-sized
   * input, ConfigError for an output that the graph does not have.
   */
  execute(inputs?: Inputs, options?: ExecuteOptions): Promise<Record<string, HostData>>;
  /** A copy of a parameter's current value, after every execution asked for so far. */
  read(parameter: string): Promise<HostData>;
  /** Sets a parameter, after every execution asked for so far. */
  write(parameter: string, values: ArrayLike<number>): Promise<void>;
  readonly memoryBytes: number;
  /** What is run, in order: after fusion, with the kernels chosen. */
  readonly steps: readonly PlanStep[];
  /** Executes once, and says how long each step took. */
  profile(inputs?: Inputs): Promise<{ readonly step: PlanStep; readonly ms: number }[]>;
}

export interface PlanStep {
  /** The op, its kernel and what is fused with it: `conv2d winograd + add + relu`. */
  readonly name: string;
  readonly shape: Shape;
  /** Read and written. */
  readonly bytes: number;
  /** Of the op's definition: Winograd's kernels do fewer. */
  readonly flops: number;
  /** Pieces that threads share out; 1 where one thread does it all. */
  readonly chunks: number;
  /** Done again only after a parameter was written. */
  readonly once: boolean;
}

export interface BackendOptions {
  /**
   * Threads of the wasm backend, this one included; as many as there are processors, at most 16,
   * when left out. Results do not depend on it.
   */
  readonly threads?: number;
  /**
   * "fast" lets a product and a sum be rounded once where the machine does so quickest; its results
   * may differ between machines.
   */
  readonly precision?: "reproducible" | "fast";
  /**
   * "auto" takes Winograd's form for 3×3 and 5×5 convolutions where it pays (twice to three times
   * the direct form's rounding error, bench/notes/rounding.md); "direct" never does.
   */
  readonly convolution?: "auto" | "direct";
  /**
   * "recomputed" makes cheap values (activations, normalised ones, pooled ones) again where the
   * backward pass reads them instead of keeping them: less memory, some more time, the same
   * numbers. "auto" does so where the plan would not fit otherwise.
   */
  readonly memory?: "kept" | "recomputed" | "auto";
}

export interface Backend {
  readonly name: string;
  readonly threads: number;
  /** The graphics adapter's name, where one computes: results on another may differ in bits. */
  readonly adapter?: string;
  /** What this host could not give of what was asked for, in sentences. */
  readonly notes: readonly string[];
  compile(graph: Graph): Promise<Plan>;
  /** Ends its worker threads; its plans are over with it. */
  close(): Promise<void>;
}

/** What a result says of the backend that computed it. */
export const nameOfBackend = ({ name, adapter }: Backend): string =>
  adapter === undefined ? name : `${name} (${adapter})`;

/** Checks the inputs of an execution against the graph's. */
export function checkInputs(graph: Graph, inputs: Inputs): void {
  const known = new Set<string>();
  for (const node of graph.nodes) {
    if (node.kind !== "input") continue;
    known.add(node.name);
    const given = inputs[node.name];
    if (given === undefined)
      throw new ShapeError(
        `execute: input "${node.name}" ${formatShape(node.shape)} was not given`,
        { name: node.name },
      );
    if (given.length !== sizeOf(node.shape))
      throw new ShapeError(
        `execute: input "${node.name}" has ${given.length} values, its shape ${formatShape(node.shape)} holds ${sizeOf(node.shape)}`,
        { name: node.name },
      );
  }
  for (const name of Object.keys(inputs))
    if (!known.has(name))
      throw new ShapeError(
        `execute: the graph has no input "${name}"; it has ${[...known].join(", ") || "none"}`,
        { name },
      );
}

/** Checks the outputs asked for against the graph's. */
export function checkOutputs(graph: Graph, outputs: readonly string[] | undefined): void {
  for (const name of outputs ?? [])
    if (!graph.outputs.has(name))
      throw new ConfigError(
        `execute: the graph has no output "${name}"; it has ${[...graph.outputs.keys()].join(", ") || "none"}`,
        { name },
      );
}

export function findParameter(graph: Graph, name: string): number {
  const node = graph.nodes.find((n) => n.kind === "parameter" && n.name === name);
  if (node === undefined)
    throw new ConfigError(`plan: the graph has no parameter "${name}"`, { name });
  return node.id;
}
/** Throws ShapeError for other than as many numbers as a parameter holds. */
export function checkLength(graph: Graph, parameter: number, given: number): void {
  const { name, shape } = graph.nodes[parameter] as ParameterNode;
  if (given !== sizeOf(shape))
    throw new ShapeError(
      `write: ${given} values for the parameter "${name}" ${formatShape(shape)}, which holds ${sizeOf(shape)}`,
      { name, shape },
    );
}
