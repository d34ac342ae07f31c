// What a kernel is written against: the op's shapes and attributes, the pointers, and room for tables and scratch.
import type { Shape } from "../../core/shape.ts";
import type { Attributes, InputName, OpName } from "../../graph/catalogue.ts";
import type { FunctionBuilder, Local } from "./encoder.ts";

export interface KernelContext<K extends OpName = OpName> {
  readonly f: FunctionBuilder;
  readonly shapes: Readonly<Record<InputName<K>, Shape>>;
  readonly attrs: Attributes<K>;
  readonly out: Shape;
  /** Byte addresses, 16-byte aligned; 64 bytes past every array may be read, and an array's last vector may be written whole. */
  readonly input: Readonly<Record<InputName<K>, Local>>;
  readonly y: Local;
  /** Address of constant numbers kept for this kernel. */
  table(values: Float32Array): number;
  /** Room shared by all kernels, free between them; gives its address. */
  scratch(bytes: number): Local;
}
/** Emits the code of one op for one set of shapes. */
export type Kernel<K extends OpName> = (k: KernelContext<K>) => void;
export type Kernels = { readonly [K in OpName]: Kernel<K> };
