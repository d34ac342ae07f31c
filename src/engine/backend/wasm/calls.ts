// Every pass of a plan as a record in the plan's own memory, and the two functions that read it:
// one does a chunk of a pass, the other many passes in turn without leaving WebAssembly.
import type { StepValues } from "../placement.ts";
import { FunctionBuilder } from "./encoder/function.ts";
import type { Encodable } from "./encoder/module.ts";
import { i32, type Code, type Local } from "./encoder/instructions.ts";

/** A pass: its function, its chunks, and the addresses that its function reads and writes. */
export interface Call {
  /** Number of the function in the module. */
  readonly kernel: number;
  readonly first: number;
  readonly chunks: number;
  readonly pointers: readonly number[];
}
/** Bytes from a record's start, where its addresses follow behind each other. */
const RECORD = { kernel: 0, first: 4, chunks: 8, bytes: 12, pointers: 16 };

/** Addresses in a record of a step's pass: of its values, and of the room that passes share. */
export const pointersOf = ({ reads, outputs }: Pick<StepValues, "reads" | "outputs">): number =>
  reads.length + outputs.length + 1;
export const bytesOf = (pointers: number): number => RECORD.pointers + 4 * pointers;
/** A kernel's `i`-th address, read from the record `call`. */
export const pointerOf = (call: Local, i: number): Code => i32.load(call, RECORD.pointers + 4 * i);

/** Writes a record; gives where the next one begins. */
export function writeCall(memory: ArrayBufferLike, at: number, call: Call): number {
  const { kernel, first, chunks, pointers } = call;
  const bytes = bytesOf(pointers.length);
  new Uint32Array(memory, at, bytes / 4).set([kernel, first, chunks, bytes, ...pointers]);
  return at + bytes;
}

/** What a module offers beside its memory. */
export interface Calling {
  /** Does one chunk of a pass. */
  chunk(call: number, scratch: number, chunk: number): void;
  /** Does the `count` passes whose records begin at `from`. */
  run(from: number, count: number, scratch: number): void;
}
const named = (name: keyof Calling, f: FunctionBuilder) => ({
  name,
  params: f.params,
  bytes: () => f.bytes(),
});
/** The functions of `Calling`, for a module whose other functions are kernels. */
export const callingFunctions = (): (Encodable & { readonly name: keyof Calling })[] => [
  named("chunk", chunkFunction()),
  named("run", runFunction()),
];

function chunkFunction(): FunctionBuilder {
  const f = new FunctionBuilder();
  const [call, scratch, chunk] = f.params;
  const number = i32.add(i32.load(call, RECORD.first), chunk);
  f.callTable(i32.load(call, RECORD.kernel), [call, scratch, number]);
  return f;
}

function runFunction(): FunctionBuilder {
  const f = new FunctionBuilder();
  const [from, count, scratch] = f.params;
  const call = f.i32(from);
  f.range(0, count, 1, () => {
    const kernel = f.i32(i32.load(call, RECORD.kernel));
    const first = f.i32(i32.load(call, RECORD.first));
    f.range(first, i32.add(first, i32.load(call, RECORD.chunks)), 1, (chunk) =>
      f.callTable(kernel, [call, scratch, chunk]),
    );
    f.set(call, i32.add(call, i32.load(call, RECORD.bytes)));
  });
  return f;
}
