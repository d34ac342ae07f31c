// JSON that came from a file: it may be cut short, and nested so deeply that what walks through it
// runs out of stack.
import { FormatError } from "./errors.ts";

/** Far more than anything that is written has. */
const MAX_DEPTH = 64;
function isDeeperThan(value: unknown, depth: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return depth === 0 || Object.values(value).some((v) => isDeeperThan(v, depth - 1));
}

/** Where its heap is used up, V8 ends the process without a word: these fit into it. */
const MAX_BYTES = 2 ** 28;
const MAX_VALUES = 2 ** 24;
const MARKS = new Set(Array.from("[{:,", (mark) => mark.charCodeAt(0)));
/** Whether there are more brackets, colons and commas, as every value brings one. */
function hasTooManyValues(text: string): boolean {
  if (text.length <= MAX_VALUES) return false;
  let count = 0;
  for (let i = 0; i < text.length && count <= MAX_VALUES; i++)
    if (MARKS.has(text.charCodeAt(i))) count++;
  return count > MAX_VALUES;
}

/**
 * The value of a JSON text, or of its bytes. Throws FormatError, beginning with `what` and ending
 * with `remedy`, when it is none and when it is larger, or nested deeper, than any file of ours.
 */
export function parseJson(source: string | Uint8Array, what: string, remedy: string): unknown {
  if (source.length > MAX_BYTES)
    throw new FormatError(
      `${what} has ${source.length} bytes, more than any that is written; ${remedy}`,
      {},
    );
  const text = typeof source === "string" ? source : new TextDecoder().decode(source);
  if (hasTooManyValues(text))
    throw new FormatError(
      `${what} has over ${MAX_VALUES} values, more than any that is written; ${remedy}`,
      {},
    );
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new FormatError(`${what} is no JSON, or only a part of it; ${remedy}`, {});
  }
  if (isDeeperThan(value, MAX_DEPTH))
    throw new FormatError(`${what} is nested deeper than any that is written; ${remedy}`, {});
  return value;
}

/** A value out of a file as it may stand in a message: short, and without control characters. */
export function quoted(value: unknown): string {
  const text = isDeeperThan(value, MAX_DEPTH)
    ? "a deep nest"
    : (JSON.stringify(value) ?? "missing");
  const short = text.length > 60 ? `${text.slice(0, 60)}…` : text;
  return withoutControls(short);
}
/** A text whose control characters, which a terminal would obey, are question marks. */
export const withoutControls = (text: string): string => text.replace(/\p{Cc}/gu, "?");
