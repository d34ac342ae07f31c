// A WebAssembly module of functions over one imported memory.
import { TABLED, type FunctionBuilder } from "./function.ts";
import { unsigned } from "./instructions.ts";

const HEADER = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const [I32, FUNCTION, FUNCTION_REFERENCE, MEMORY] = [0x7f, 0x60, 0x70, 2];
const [TYPES, IMPORTS, FUNCTIONS, TABLES, EXPORTS, ELEMENTS, CODES] = [1, 2, 3, 4, 7, 9, 10];
/** i32.const 0, end: where the table's elements begin. */
const FROM_0 = [0x41, 0, 0x0b];

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
const text = (s: string): number[] => [
  ...unsigned(s.length),
  ...[...s].map((c) => c.charCodeAt(0)),
];

/** A function, finished. */
export type Encodable = Pick<FunctionBuilder, "params"> & { bytes(): Bytes };

/**
 * A module that imports `env.memory` (shared memories have a stated size), with a table of all its
 * functions in their order, and exports those that have a name.
 */
export function encodeModule(
  functions: readonly (Encodable & { readonly name?: string })[],
  sharedPages?: number,
): Uint8Array<ArrayBuffer> {
  // the first is that of the table's calls
  const counts = [...new Set([TABLED, ...functions.map((f) => f.params.length)])];
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
  const exported = functions.flatMap(({ name }, i) =>
    name === undefined ? [] : [[...text(name), 0, ...unsigned(i)]],
  );
  const numbers = functions.flatMap((_, i) => unsigned(i));
  return joined([
    HEADER,
    section(TYPES, counts.map(signature)),
    section(IMPORTS, [[...text("env"), ...text("memory"), MEMORY, ...limits]]),
    section(
      FUNCTIONS,
      functions.map((f) => unsigned(counts.indexOf(f.params.length))),
    ),
    section(TABLES, [[FUNCTION_REFERENCE, 0, ...unsigned(functions.length)]]),
    section(EXPORTS, exported),
    section(ELEMENTS, [[0, ...FROM_0, ...unsigned(functions.length), ...numbers]]),
    section(CODES, functions.map(body)),
  ]);
}
