// The graph: an append-only list of nodes in topological order.
import type { Shape } from "../core/shape.ts";
import type { Attributes, ElementwiseName, InputName, OpName } from "./catalogue.ts";

/** A value in a graph: the id of the node that makes it, and its shape. */
export interface Value {
  readonly id: number;
  readonly shape: Shape;
}

export interface OpNode<K extends OpName = OpName> {
  readonly kind: "op";
  readonly id: number;
  readonly op: K;
  readonly inputs: Readonly<Record<string, number>>;
  readonly attrs: Attributes<K>;
  readonly shape: Shape;
}
/** Fed at every run. */
export interface InputNode {
  readonly kind: "input";
  readonly id: number;
  readonly name: string;
  readonly shape: Shape;
}
/** Kept from run to run; a plan may update it at the end of a run. */
export interface ParameterNode {
  readonly kind: "parameter";
  readonly id: number;
  readonly name: string;
  readonly shape: Shape;
  readonly initial: Float32Array;
}
export interface ConstantNode {
  readonly kind: "constant";
  readonly id: number;
  readonly shape: Shape;
  readonly data: Float32Array | Float64Array;
}
export type Node = OpNode | InputNode | ParameterNode | ConstantNode;

export interface Graph {
  readonly nodes: readonly Node[];
  /** Values a run gives back, by name. */
  readonly outputs: ReadonlyMap<string, number>;
  /** Parameter id → value it takes once the whole run is done. */
  readonly updates: ReadonlyMap<number, number>;
}

/** What an op's gradient writes with. */
export interface Emitter {
  emit<K extends OpName>(
    op: K,
    inputs: Readonly<Record<InputName<K>, Value>>,
    attrs: Attributes<K>,
  ): Value;
  constant(data: Float32Array | Float64Array | readonly number[], shape: Shape): Value;
  scalar(value: number): Value;
}

export type Values<K extends OpName> = Readonly<Record<InputName<K>, Value>>;
export type Shapes<K extends OpName> = Readonly<Record<InputName<K>, Shape>>;
export interface HostArray {
  readonly data: Float64Array;
  readonly shape: Shape;
}
export interface Sample<K extends OpName> {
  readonly shapes: Shapes<K>;
  readonly attrs: Attributes<K>;
  /** Values are drawn from [0.5, 1.5) instead of [−1, 1): for log, sqrt and divisors. */
  readonly positive?: boolean;
}

/**
 * An op in one place: shape rule, gradient, definition in float64, and the shapes its tests are
 * made from.
 */
export interface OpDef<K extends OpName> {
  infer(shapes: Shapes<K>, attrs: Attributes<K>): Shape;
  /**
   * ∂C/∂input for each input that has one, given dy = ∂C/∂y. An input left out has gradient zero.
   */
  gradient(
    b: Emitter,
    dy: Value,
    inputs: Values<K>,
    attrs: Attributes<K>,
    y: Value,
  ): Partial<Values<K>>;
  /** The definition, in plain loops; also every backend's oracle. `out` starts at zero. */
  reference(
    inputs: Readonly<Record<InputName<K>, HostArray>>,
    attrs: Attributes<K>,
    out: Float64Array,
    shape: Shape,
  ): void;
  /** Costs about as much as reading what it makes, so that it may be made again instead of kept. */
  readonly cheap?: true;
  /** Floating-point operations; 0 when it only moves data. */
  flops?(shapes: Shapes<K>, attrs: Attributes<K>, out: Shape): number;
  readonly samples: readonly Sample<K>[];
}
/** An op that fuses with its neighbours: inputs are broadcast, the rest is number by number. */
export interface ElementwiseDef<K extends ElementwiseName> extends OpDef<K> {
  readonly elementwise: true;
}
export type OpDefs = {
  readonly [K in OpName]: K extends ElementwiseName ? ElementwiseDef<K> : OpDef<K>;
};
