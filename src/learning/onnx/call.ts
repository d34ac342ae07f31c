// What an op's function is given: its node's inputs and attributes, with every mistake in them said
// clearly, and the graph to write to.
import {
  ConfigError,
  formatShape,
  quoted,
  sizeOf,
  type Arithmetic,
  type OpName,
  type Shape,
  type Value,
} from "../../engine/index.ts";
import type { LazyGraph } from "./lazy-graph.ts";
import {
  isFloat,
  type Attribute,
  type ElementType,
  type OnnxGraph,
  type OnnxNode,
  type OnnxTensor,
} from "./model.ts";

/** A value of the network: numbers of an ONNX type, in a graph that holds them all as floats. */
export interface Val {
  readonly type: ElementType;
  readonly value: Value;
}
export type Evaluate = (graph: OnnxGraph) => Val[];

export class Call {
  readonly graph: LazyGraph;
  readonly math: Arithmetic;
  readonly node: OnnxNode;
  /** The version of ONNX's ops that the file was written for. */
  readonly opset: number;
  readonly inputs: readonly (Val | undefined)[];
  /** Evaluates a graph inside a node, which sees what the node sees. */
  readonly evaluate: Evaluate;
  constructor(
    graph: LazyGraph,
    node: OnnxNode,
    opset: number,
    inputs: readonly (Val | undefined)[],
    evaluate: Evaluate,
  ) {
    this.graph = graph;
    this.math = graph.math;
    this.node = node;
    this.opset = opset;
    this.inputs = inputs;
    this.evaluate = evaluate;
  }

  fail(what: string): never {
    throw new ConfigError(what, {});
  }
  has(index: number): boolean {
    return this.inputs[index] !== undefined;
  }
  input(index: number): Val {
    return this.inputs[index] ?? this.fail(`its input ${index} is missing`);
  }
  value(index: number): Value {
    return this.input(index).value;
  }
  /** Whether its output of that number is read by name. */
  gives(index: number): boolean {
    return (this.node.outputs[index] ?? "") !== "";
  }
  /** Numbers that must not depend on the network's input. */
  numbers(index: number): number[] {
    const known = this.graph.known(this.value(index));
    if (known) {
      this.graph.spend(known.length);
      return Array.from(known);
    }
    const name = quoted(this.node.inputs[index]);
    return this.fail(
      `its input ${index}, ${name}, has to be known before the network runs, and it depends on what the network is given, or is learned; give it as a known input, or export it as a constant`,
    );
  }
  numbersIf(index: number): number[] | undefined {
    return this.has(index) ? this.numbers(index) : undefined;
  }
  /** A single number, or the default where the input is left out. */
  number(index: number, fallback?: number): number {
    const otherwise = fallback === undefined ? [] : [fallback];
    const numbers = this.has(index) ? this.numbers(index) : otherwise;
    if (numbers.length === 1) return numbers[0];
    return this.fail(`its input ${index} has ${numbers.length} numbers and should have one`);
  }

  #attribute<K extends Attribute["kind"]>(
    name: string,
    kinds: readonly K[],
  ): Extract<Attribute, { kind: K }> | undefined {
    const attribute = this.node.attributes.get(name);
    if (attribute === undefined) return undefined;
    if (!(kinds as readonly string[]).includes(attribute.kind))
      this.fail(`its attribute ${name} is ${attribute.kind} and should be ${kinds.join(" or ")}`);
    return attribute as Extract<Attribute, { kind: K }>;
  }
  int(name: string, fallback?: number): number {
    return (
      this.#attribute(name, ["int"])?.value ??
      fallback ??
      this.fail(`its attribute ${name} is missing`)
    );
  }
  flag(name: string, fallback = false): boolean {
    return this.int(name, fallback ? 1 : 0) !== 0;
  }
  float(name: string, fallback?: number): number {
    return (
      this.#attribute(name, ["float", "int"])?.value ??
      fallback ??
      this.fail(`its attribute ${name} is missing`)
    );
  }
  text(name: string, fallback?: string): string {
    return (
      this.#attribute(name, ["text"])?.value ??
      fallback ??
      this.fail(`its attribute ${name} is missing`)
    );
  }
  ints(name: string): readonly number[] | undefined {
    return this.#attribute(name, ["ints"])?.value;
  }
  floats(name: string): readonly number[] | undefined {
    return this.#attribute(name, ["floats"])?.value;
  }
  tensor(name: string): OnnxTensor | undefined {
    return this.#attribute(name, ["tensor"])?.value as OnnxTensor | undefined;
  }
  subgraph(name: string): OnnxGraph {
    return this.#attribute(name, ["graph"])?.value ?? this.fail(`its attribute ${name} is missing`);
  }
  oneOf<T extends string>(name: string, words: readonly T[]): T {
    const word = this.text(name, words[0]);
    if (!words.includes(word as T))
      this.fail(
        `its attribute ${name} is ${quoted(word)} and should be one of ${words.join(", ")}`,
      );
    return word as T;
  }

  /** An axis counted from the front; `rank` axes there are. */
  axis(axis: number, rank: number): number {
    const counted = axis < 0 ? axis + rank : axis;
    if (!(Number.isInteger(counted) && counted >= 0 && counted < rank))
      this.fail(`axis ${axis} is not one of ${rank}`);
    return counted;
  }
  axes(axes: readonly number[], rank: number): number[] {
    const counted = axes.map((axis) => this.axis(axis, rank));
    if (new Set(counted).size !== counted.length)
      this.fail(`its axes ${quoted(axes)} name one twice`);
    return counted;
  }

  emit(op: OpName, inputs: Readonly<Record<string, Value>>, attrs: object = {}): Value {
    return this.graph.emit(op, inputs, attrs as never);
  }
  /** A value of the type of the first input, unless another is named. */
  give(value: Value, type: ElementType = this.input(0).type): Val {
    return { type, value };
  }
  reshape(x: Value, shape: Shape): Value {
    return x.shape.length === shape.length && x.shape.every((d, i) => d === shape[i])
      ? x
      : this.math.reshape(x, shape);
  }
  transpose(x: Value, permutation: readonly number[]): Value {
    return permutation.every((p, i) => p === i)
      ? x
      : this.emit("transpose", { x }, { permutation });
  }
  /** A matrix: the axes before `axis`, and those from it on. */
  flattened(x: Value, axis: number): Value {
    return this.reshape(x, [sizeOf(x.shape.slice(0, axis)), sizeOf(x.shape.slice(axis))]);
  }
  /** With an axis and the last one exchanged, and back. */
  exchanged(x: Value, axis: number): Value {
    const last = x.shape.length - 1;
    return this.transpose(
      x,
      x.shape.map((_, i) => (i === axis ? last : i === last ? axis : i)),
    );
  }
  /** 0, 1, … along one axis of `rank`. */
  counted(count: number, axis: number, rank: number): Value {
    this.graph.spend(count);
    const numbers = Float64Array.from({ length: count }, (_, i) => i);
    return this.graph.constant(
      numbers,
      Array.from({ length: rank }, (_, i) => (i === axis ? count : 1)),
    );
  }
  /** x repeated along its axes of 1. */
  broadcast(x: Value, shape: Shape): Value {
    return x.shape.length === shape.length && x.shape.every((d, i) => d === shape[i])
      ? x
      : this.emit("broadcast_to", { x }, { shape });
  }
  take(x: Value, axis: number, indices: readonly number[]): Value {
    this.graph.spend(indices.length);
    const n = x.shape[axis];
    if (indices.length === n && indices.every((at, i) => at === i)) return x;
    const first = indices[0];
    if (indices.length > 0 && indices.every((at, i) => at === first + i && at >= 0 && at < n))
      return this.math.slice(x, axis, first, first + indices.length);
    return this.emit("take", { x }, { axis, indices });
  }
  concat(values: readonly Value[], axis: number): Value {
    if (values.length === 0) this.fail("it joins nothing");
    if (values.length === 1) return values[0];
    const half = values.length >> 1;
    return this.emit(
      "concat",
      { a: this.concat(values.slice(0, half), axis), b: this.concat(values.slice(half), axis) },
      { axis },
    );
  }
  isWhole(): boolean {
    return !isFloat(this.input(0).type);
  }
  /** Of an image or a signal [N, C, …], refused with more than two axes of space. */
  spatial(x: Value): readonly number[] {
    const rank = x.shape.length - 2;
    if (rank < 1 || rank > 2)
      this.fail(
        `its input is ${formatShape(x.shape)}; signals [N×C×L] and images [N×C×H×W] are read, no volumes`,
      );
    return x.shape.slice(2);
  }
}

/** What an op does, and what of it is read. */
export interface OpDefinition {
  /** Its attributes of all versions. */
  readonly attributes?: string;
  /** What of this node is not read, in words, before anything is computed. */
  readonly refuses?: (node: OnnxNode, opset: number) => string | undefined;
  readonly run: (call: Call) => Val | Val[];
}
export type Family = Readonly<Record<string, OpDefinition>>;
