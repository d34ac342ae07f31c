// A WebAssembly module of functions over one imported memory.
import type { FunctionBuilder } from "./function.ts";
import { unsigned } from "./instructions.ts";

const HEADER = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const [I32, FUNCTION, MEMORY] = [0x7f, 0x60, 2];
const [TYPES, IMPORTS, FUNCTIONS, EXPORTS, CODES] = [1, 2, 3, 7, 10];

type Bytes = ArrayLike<number>;
function joined(parts: readonly Bytes[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
function section(id: number, items: readonly Bytes[]): Bytes {
  const content = joined([unsigned(items.length), ...items]);
  return joined([[id, ...unsigned(content.length)], content]);
}
const name = (s: string): number[] => [
  ...unsigned(s.length),
  ...[...s].map((c) => c.charCodeAt(0)),
];

/** A function, finished. */
export type Encodable = Pick<FunctionBuilder, "params"> & { bytes(): Bytes };

/**
 * A module that imports `env.memory` (shared memories have a stated size) and exports the functions
 * as "0", "1", … Parameters are all i32.
 */
export function encodeModule(
  functions: readonly Encodable[],
  sharedPages?: number,
): Uint8Array<ArrayBuffer> {
  const counts = [...new Set(functions.map((f) => f.params.length))];
  const signature = (parameters: number): number[] => [
    FUNCTION,
    ...unsigned(parameters),
    ...new Array<number>(parameters).fill(I32),
    0,
  ];
  const limits = sharedPages === undefined ? [0, 1] : [3, 1, ...unsigned(sharedPages)];
  const body = (f: Encodable): Bytes => {
    const bytes = f.bytes();
    return joined([unsigned(bytes.length), bytes]);
  };
  return joined([
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
  ]);
}
