// What a kernel is written against: the op's shapes and attributes, pointers, room for tables and
// scratch, and pieces that threads share out.
import type { Shape } from "../../core/shape.ts";
import type { Attributes, InputName, OpName } from "../../graph/catalogue.ts";
import type { FunctionBuilder } from "./encoder/function.ts";
import { i32, type Local, type Operand } from "./encoder/instructions.ts";

/**
 * A vector at byte `offset` of the output, in the plane of channel `channel` (both Code; the
 * channel times 4), of which `lanes` count.
 */
export interface Place {
  readonly offset: Operand;
  readonly channel?: Operand;
  readonly lanes?: number;
}

/** Writes calls of a function of so many whole numbers, which is written once for every key. */
export type Common = (
  key: string,
  parameters: number,
  write: (f: FunctionBuilder) => void,
) => (values: readonly Operand[]) => void;

/**
 * One pass of a kernel while it is written: a function run once for every `chunk`, in any order, on
 * any thread.
 */
export interface Pass<Inputs extends string = string, Attrs = unknown> {
  readonly f: FunctionBuilder;
  readonly shapes: Readonly<Record<Inputs, Shape>>;
  readonly attrs: Attrs;
  readonly out: Shape;
  /**
   * Byte addresses, aligned to 64 bytes; 64 bytes past every array may be read, and an array's last
   * vector may be written whole.
   */
  readonly input: Readonly<Record<Inputs, Local>>;
  /** Where results go; y is the first. */
  readonly outputs: readonly Local[];
  readonly y: Local;
  /** Number of the piece that this call does. */
  readonly chunk: Local;
  /** Writes a vector of the output, after what is fused behind the kernel has been done to it. */
  store(value: Operand, place: Place): void;
  /** Address of constant numbers kept for this kernel. */
  table(values: Float32Array | Int32Array): number;
  /**
   * A function that kernels have in common, written once for all that give the same key: it is
   * turned into good code once, and not once for each.
   */
  readonly common: Common;
  /** Room for this call alone; gives its address. What it holds is lost between calls. */
  scratch(bytes: number): Local;
  /**
   * Start of the room asked for with `shared`: the same for all passes of a kernel, on every
   * thread.
   */
  readonly shared: Local;
}
export interface KernelContext<Inputs extends string = string, Attrs = unknown> {
  readonly shapes: Readonly<Record<Inputs, Shape>>;
  readonly attrs: Attrs;
  readonly out: Shape;
  /** Bytes that every pass of this kernel sees at `shared`. */
  shared(bytes: number): void;
  /**
   * Passes run one after the other; the chunks of one write disjoint places and read nothing that
   * another writes, so the result never depends on how many threads share them.
   */
  pass(chunks: number, write: (p: Pass<Inputs, Attrs>) => void): void;
  /**
   * Several passes in turn, `times` over: each time every pass does the next `chunks` of its
   * `total`, so that what one leaves for the next stays small.
   */
  rounds(
    times: number,
    passes: readonly {
      readonly chunks: number;
      readonly total: number;
      readonly write: (p: Pass<Inputs, Attrs>) => void;
    }[],
  ): void;
}
/** Emits the code of one op for one set of shapes. */
export type Kernel<K extends OpName> = (k: KernelContext<InputName<K>, Attributes<K>>) => void;
export type Kernels = { readonly [K in OpName]: Kernel<K> };

/** What an op's kernel is where there is a choice: its name, and how it wants its weights. */
export interface Chosen {
  readonly label: string;
  readonly emit: unknown;
  readonly inputs?: Readonly<Record<string, number>>;
  readonly attrs?: unknown;
  /** Of the op's own inputs, those whose place the output may take. */
  readonly inPlace?: readonly number[];
  readonly pack?: Packing;
}
/** Weights `w` in another order, `floats` long, read by the kernel as its input u. */
export interface Packing {
  readonly label: string;
  readonly w: number;
  readonly floats: number;
  readonly attrs: unknown;
  readonly emit: (k: KernelContext<"w">) => void;
}

/** A kernel that is one piece of work on one thread. */
export const onePiece =
  <Inputs extends string, Attrs>(write: (p: Pass<Inputs, Attrs>) => void) =>
  (k: KernelContext<Inputs, Attrs>): void =>
    k.pass(1, write);

/** Work below this many elementary steps is not worth waking a thread for: about 20 µs. */
const PIECE = 65536;
/**
 * How many pieces to make of `units` like ones that cost `steps` each: a function of the sizes
 * alone, so that sums never depend on the machine.
 */
export function pieces(units: number, steps: number): number {
  return Math.max(1, Math.min(units, 256, Math.floor((units * steps) / PIECE)));
}
/**
 * The units [first, end) that a call does, when every one does `per` of `units`; `number` counts
 * the calls.
 */
export function unitsOf(
  f: FunctionBuilder,
  number: Local,
  units: number,
  per: number,
): readonly [first: Local, end: Local] {
  const first = f.i32(i32.mul(number, per));
  const end = f.i32(i32.add(first, per));
  f.if(i32.geU(end, units), () => f.set(end, units));
  return [first, end];
}
/** `per`, or what is left of `units` from `first` on: the last block may be smaller. */
export function countOf(f: FunctionBuilder, first: Local, per: number, units: number): Local {
  const count = f.i32(per);
  if (units % per > 0)
    f.if(i32.geU(i32.add(first, per), units), () => f.set(count, i32.sub(units, first)));
  return count;
}
/** One pass over `units` like ones that cost `steps` each, shared out in pieces. */
export function passOver<Inputs extends string, Attrs>(
  k: KernelContext<Inputs, Attrs>,
  units: number,
  steps: number,
  write: (p: Pass<Inputs, Attrs>, first: Local, end: Local) => void,
): void {
  const per = Math.ceil(units / pieces(units, steps));
  k.pass(Math.ceil(units / per), (p) => write(p, ...unitsOf(p.f, p.chunk, units, per)));
}
/** n, rounded up to a multiple of `to`. */
export const up = (n: number, to: number): number => Math.ceil(n / to) * to;
