// An ONNX file as plain data: what its graph says, before anything is computed.
import { withoutControls, type Shape } from "../../engine/index.ts";

export type FloatType = "float32" | "float64" | "float16" | "bfloat16";
export type WholeType =
  | "int8"
  | "int16"
  | "int32"
  | "int64"
  | "uint8"
  | "uint16"
  | "uint32"
  | "uint64";
/** Of a tensor's elements. Others (strings, complex, float8, int4) are refused by their name. */
export type ElementType = FloatType | WholeType | "bool";

export type Numbers =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Uint8Array
  | Uint16Array
  | Uint32Array;
/**
 * Numbers row-major. Half precision is held as float32; whole numbers of 64 bits, which shapes and
 * indices are, as float64.
 */
export interface OnnxTensor {
  readonly type: ElementType;
  readonly shape: Shape;
  readonly data: Numbers;
}
/** A tensor that cannot be used: of an element type that is not read. Refused where it is. */
export interface Unread {
  readonly unread: string;
}

export type Attribute =
  | { readonly kind: "int"; readonly value: number }
  | { readonly kind: "float"; readonly value: number }
  | { readonly kind: "text"; readonly value: string }
  | { readonly kind: "tensor"; readonly value: OnnxTensor | Unread }
  | { readonly kind: "graph"; readonly value: OnnxGraph }
  | { readonly kind: "ints"; readonly value: readonly number[] }
  | { readonly kind: "floats"; readonly value: readonly number[] }
  | { readonly kind: "texts"; readonly value: readonly string[] }
  | { readonly kind: "unread"; readonly value: string };

export interface OnnxNode {
  readonly op: string;
  /** "" is ONNX's own. */
  readonly domain: string;
  readonly name: string;
  /** "" is an input that is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, Attribute>;
}
/** An axis' size: a number, a name, or unknown. */
export type Size = number | string | undefined;
/** As people read it: "[N×2×?×320]"; a name in a file may hold anything. */
export function declaredShape(shape: readonly Size[] | undefined): string {
  const said = shape
    ?.slice(0, 16)
    .map((d) => (typeof d === "string" ? withoutControls(d).slice(0, 40) : (d ?? "?")));
  return said === undefined ? "of unknown shape" : `[${said.join("×")}]`;
}
/** An input or output of a graph. */
export interface Port {
  readonly name: string;
  readonly type?: ElementType | undefined;
  /** The name of a type that is not read, or of no tensor. */
  readonly unread?: string | undefined;
  readonly shape?: readonly Size[] | undefined;
}
export interface OnnxGraph {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly tensors: ReadonlyMap<string, OnnxTensor | Unread>;
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
}
export interface OnnxFile {
  readonly irVersion: number;
  /** The version of ONNX's own ops. */
  readonly opset: number;
  readonly producer: string;
  /** What its maker says of it, by name. */
  readonly metadata: ReadonlyMap<string, string>;
  readonly graph: OnnxGraph;
}

export const isRead = (tensor: OnnxTensor | Unread): tensor is OnnxTensor => !("unread" in tensor);
export const isFloat = (type: ElementType): type is FloatType => /^b?float/.test(type);
