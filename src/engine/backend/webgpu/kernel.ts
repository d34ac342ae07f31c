// What a kernel is written against: shapes and attributes, names of arrays, and passes, each one
// dispatch of a compute shader.
import type { Shape } from "../../core/shape.ts";
import type { Attributes, InputName, OpName } from "../../graph/catalogue.ts";

/** One dispatch: `code` is run by `lanes` invocations of every workgroup. */
export interface Pass {
  readonly workgroups: number;
  readonly lanes: number;
  /** Knows `block`, the workgroup's number, and `lane`, the invocation's in it; both u32. */
  readonly code: string;
  /** Of the module: memory that a workgroup shares. */
  readonly declarations?: string;
}
export type Table = Float32Array | Uint32Array;

export interface KernelContext<Inputs extends string = string, Attrs = unknown> {
  readonly shapes: Readonly<Record<Inputs, Shape>>;
  readonly attrs: Attrs;
  readonly out: Shape;
  /** Names of the arrays that are read, and of the first that is written. */
  readonly input: Readonly<Record<Inputs, string>>;
  readonly y: string;
  /** All that are written; y is the first. */
  readonly outputs: readonly string[];
  /** Bytes that a workgroup may share. */
  readonly workgroupBytes: number;
  /** Bytes that a shader sees of one array at most. */
  readonly bindingBytes: number;
  /** Whether a processor plays the card: invocations that wait for each other cost it much. */
  readonly isSoftware: boolean;
  /**
   * The statements that write `value` at element `index`, after what is fused behind the kernel has
   * been done to it.
   */
  store(index: string, value: string): string;
  /** The name of an array of constant numbers. */
  table(values: Table): string;
  /** The name of an array that all passes of this kernel see: one a kernel. */
  scratch(count: number, type?: "f32" | "u32"): string;
  /** Passes run one after the other; the workgroups of one read nothing that another writes. */
  pass(pass: Pass): void;
  /** A pass of one invocation for each of `count` elements; `code` knows its number `i`. */
  each(count: number, code: string): void;
}
/** Writes the passes of one op for one set of shapes. */
export type Kernel<K extends OpName> = (k: KernelContext<InputName<K>, Attributes<K>>) => void;
export type Kernels = { readonly [K in OpName]: Kernel<K> };

type Player = Pick<KernelContext, "isSoftware">;
/** Invocations of a workgroup in passes over elements. */
export const lanesOf = ({ isSoftware }: Player): number => (isSoftware ? 64 : 128);
/** Cells of one sum from which on a card gives it more invocations. */
const LONG = 1024;
/** Invocations that share a sum of so many cells: where a processor plays, those of one vector. */
export function teamOf({ isSoftware }: Player, cells: number): number {
  if (isSoftware) return 4;
  return cells < LONG ? 64 : 256;
}

/** Memory of a workgroup that a tree of sums needs. */
export const shared = (name: string, type: string, count: number): string =>
  `var<workgroup> ${name}: array<${type}, ${count}>;`;

/**
 * Statements after which lane 0's cell of `name` holds all `lanes` cells joined, halves by halves:
 * the same tree whenever it runs. `join` is given two formulas.
 */
export function tree(name: string, lanes: number, join: (a: string, b: string) => string): string {
  return `workgroupBarrier();
for (var half = ${lanes / 2}u; half > 0u; half >>= 1u) {
  if (lane < half) { ${name}[lane] = ${join(`${name}[lane]`, `${name}[lane + half]`)}; }
  workgroupBarrier();
}`;
}
export const plus = (a: string, b: string): string => `${a} + ${b}`;
export const larger = (a: string, b: string): string => `larger(${a}, ${b})`;
