// A WebAssembly module of functions over one imported memory.
import type { FunctionBuilder } from "./function.ts";
import { unsigned } from "./instructions.ts";

const HEADER = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const [I32, FUNCTION, MEMORY] = [0x7f, 0x60, 2];
const [TYPES, IMPORTS, FUNCTIONS, EXPORTS, CODES] = [1, 2, 3, 7, 10];

function section(id: number, items: readonly (readonly number[])[]): number[] {
  const content = unsigned(items.length);
  for (const item of items) for (const byte of item) content.push(byte);
  const head = [id, ...unsigned(content.length)];
  return head.concat(content);
}
const name = (s: string): number[] => [...unsigned(s.length), ...[...s].map((c) => c.charCodeAt(0))];

/**
 * A module that imports `env.memory` (shared memories have a stated size) and exports the functions
 * as "0", "1", … Parameters are all i32.
 */
export function encodeModule(functions: readonly FunctionBuilder[], sharedPages?: number): Uint8Array<ArrayBuffer> {
  const counts = [...new Set(functions.map((f) => f.params.length))];
  const signature = (parameters: number): number[] => [
    FUNCTION,
    ...unsigned(parameters),
    ...new Array<number>(parameters).fill(I32),
    0,
  ];
  const limits = sharedPages === undefined ? [0, 1] : [3, 1, ...unsigned(sharedPages)];
  const body = (f: FunctionBuilder): number[] => {
    const bytes = f.bytes();
    return unsigned(bytes.length).concat(bytes);
  };
  const parts = [
    HEADER,
    section(TYPES, counts.map(signature)),
    section(IMPORTS, [[...name("env"), ...name("memory"), MEMORY, ...limits]]),
    section(
      FUNCTIONS,
      functions.map((f) => unsigned(counts.indexOf(f.params.length))),
    ),
    section(
      EXPORTS,
      functions.map((_, i) => [...name(String(i)), 0, ...unsigned(i)]),
    ),
    section(CODES, functions.map(body)),
  ];
  return Uint8Array.from(parts.flat());
}
