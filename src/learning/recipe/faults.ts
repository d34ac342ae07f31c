// What fields of a file's plain data must be, and everything that is wrong with them at once.
import { quoted } from "../../engine/index.ts";

export type Holds = readonly [what: string, is: (v: unknown) => boolean];
export const isObject = (v: unknown): v is Record<string, unknown> =>
  typeof v === "object" && v !== null && !Array.isArray(v);
export const isWhole = (v: unknown): boolean => Number.isSafeInteger(v) && (v as number) >= 0;
export const text: Holds = ["a text", (v) => typeof v === "string"];
export const texts: Holds = ["a list of texts", (v) => Array.isArray(v) && v.every(text[1])];
export const wholes: Holds = [
  "a list of whole numbers",
  (v) => Array.isArray(v) && v.length <= 8 && v.every(isWhole),
];
export const sizes: Holds = [
  "a list of sizes",
  (v) => wholes[1](v) && (v as number[]).every((n) => n >= 1 && n <= 65536),
];
export const number: Holds = ["a number", (v) => Number.isFinite(v)];
export const object: Holds = ["an object", isObject];
export const oneOf = (...words: readonly string[]): Holds => [
  `one of ${words.join(", ")}`,
  (v) => words.includes(v as string),
];
export const anyOf = (...all: readonly Holds[]): Holds => [
  all.map(([what]) => what).join(", or "),
  (v) => all.some(([, is]) => is(v)),
];

/** What is wrong with an object: fields that it has not, lacks, or that are of another type. */
export function faults(
  value: object,
  types: Readonly<Record<string, Holds>>,
  must: readonly string[],
  where: string,
): string[] {
  const wrong = Object.entries(value).flatMap(([key, v]) => {
    if (!Object.hasOwn(types, key))
      return [`${where} has no field ${quoted(key)}; it has ${Object.keys(types).join(", ")}`];
    const [what, is] = types[key];
    return is(v) ? [] : [`${where}: ${key} must be ${what}, it is ${quoted(v)}`];
  });
  const missing = must
    .filter((key) => !Object.hasOwn(value, key))
    .map((key) => `${where} lacks its field "${key}"`);
  return [...missing, ...wrong];
}
