// What an ONNX file holds, as far as it is written here: a model, its graph, nodes and tensors.
import type { Shape } from "../../../engine/index.ts";

export interface Tensor {
  readonly name: string;
  readonly shape: Shape;
  /** float32, int32 and int64, by their type. */
  readonly data: Float32Array | Int32Array | BigInt64Array;
}
/** A whole number is an attribute of type INT; a float is said to be one. */
export type Attribute = number | readonly number[] | string | { readonly float: number };
export type Attributes = Readonly<Record<string, Attribute>>;

export interface OnnxNode {
  readonly op: string;
  readonly name: string;
  /** "" for an optional one that is left out. */
  readonly inputs: readonly string[];
  readonly output: string;
  readonly attributes: Attributes;
}
/** A float32 value and its shape; an axis of any size has a name, "" one that follows from it. */
export interface ValueInfo {
  readonly name: string;
  readonly shape: readonly (number | string)[];
}
export interface OnnxModel {
  readonly name: string;
  /** For people. */
  readonly documentation: string;
  readonly producer: { readonly name: string; readonly version: string };
  readonly metadata: Readonly<Record<string, string>>;
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly Tensor[];
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  /** Between inputs and outputs. */
  readonly values: readonly ValueInfo[];
}
/** Of the standard operators. */
export const OPSET = 17;
export const IR_VERSION = 8;
