// JSON that came from a file: it may be cut short, and nested so deeply that what walks through it
// runs out of stack.
import { FormatError } from "./errors.ts";

/** Far more than anything that is written has. */
const MAX_DEPTH = 64;
function isDeeperThan(value: unknown, depth: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return depth === 0 || Object.values(value).some((v) => isDeeperThan(v, depth - 1));
}

/**
 * The value of a JSON text. Throws FormatError, beginning with `what` and ending with `remedy`,
 * when it is none and when it is nested deeper than any file of ours.
 */
export function parseJson(text: string, what: string, remedy: string): unknown {
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
  const text = isDeeperThan(value, MAX_DEPTH) ? "a deep nest" : (JSON.stringify(value) ?? "missing");
  const short = text.length > 60 ? `${text.slice(0, 60)}…` : text;
  return withoutControls(short);
}
/** A text whose control characters, which a terminal would obey, are question marks. */
export const withoutControls = (text: string): string => text.replace(/\p{Cc}/gu, "?");
