// What an option of a layer must be, in words and as a test; and how a wrong one is refused: by
// name, with what was probably meant.
import { ConfigError, quoted, withoutControls } from "../../engine/index.ts";

/** What a value must be: in words, and whether it is. */
export interface Type {
  readonly what: string;
  is(value: unknown): boolean;
}
export const whole =
  (from: number, to: number) =>
  (v: unknown): boolean =>
    Number.isSafeInteger(v) && (v as number) >= from && (v as number) <= to;
export const number: Type = { what: "a number", is: Number.isFinite };
export const flag: Type = { what: "true or false", is: (v) => typeof v === "boolean" };
/** What becomes part of names, and so of messages, which a terminal obeys. */
export const label: Type = {
  what: "a text without control characters",
  is: (v) => typeof v === "string" && withoutControls(v) === v,
};
export const word: Type = { what: "a text", is: (v) => typeof v === "string" };
export const oneOf = (...words: readonly string[]): Type => ({
  what: `one of ${words.join(", ")}`,
  is: (v) => words.includes(v as string),
});
export const listOf = ({ what, is }: Type): Type => ({
  what: `a list, each of it ${what}`,
  is: (v) => Array.isArray(v) && v.every((item) => is(item)),
});
export const object: Type = {
  what: "an object",
  is: (v) => typeof v === "object" && v !== null && !Array.isArray(v),
};
export const layers: Type = listOf(object);

/** Letters to change, add or take away to make one word of the other (Levenshtein). */
export function edits(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next.push(
        Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)),
      );
    row = next;
  }
  return row[b.length];
}
/** "did you mean X? " where one of the words is near. */
export function near(given: string, words: readonly string[]): string {
  const short = given.slice(0, 60);
  const distance = (other: string): number => edits(short.toLowerCase(), other.toLowerCase());
  const [best] = [...words].sort((p, q) => distance(p) - distance(q));
  return best !== undefined && distance(best) <= Math.max(2, short.length / 2)
    ? `did you mean ${best}? `
    : "";
}
/** Throws ConfigError for an option that there is not, one of another type, and one that lacks. */
export function refuse(
  where: string,
  given: object,
  types: Readonly<Record<string, Type>>,
  must: readonly string[],
): void {
  const names = Object.keys(types);
  for (const [option, value] of Object.entries(given)) {
    if (!Object.hasOwn(types, option)) {
      const all = names.length > 0 ? `it has ${names.join(", ")}` : "it has none";
      throw new ConfigError(
        `${where} has no option ${quoted(option)}: ${near(option, names)}${all}`,
        { option },
      );
    }
    if (value !== undefined && !types[option].is(value))
      throw new ConfigError(
        `${where}: ${option} must be ${types[option].what}, it is ${quoted(value)}`,
        { option },
      );
  }
  const missing = must.find((name) => !Object.hasOwn(given, name));
  if (missing !== undefined)
    throw new ConfigError(`${where} lacks its option "${missing}"`, { option: missing });
}
/**
 * Throws ConfigError for an option of a function that there is not, with what was meant, and for
 * one that lacks: in JavaScript nobody else would say so.
 */
export function checkNames(
  what: string,
  given: object,
  names: readonly string[],
  must: readonly string[],
): void {
  const strange = Object.keys(given ?? {}).find((name) => !names.includes(name));
  if (strange !== undefined)
    throw new ConfigError(
      `${what}: there is no option ${quoted(strange)}: ${near(strange, names)}there are ${names.join(", ")}`,
      { option: strange },
    );
  const missing = must.find(
    (name) => (given as Record<string, unknown> | undefined)?.[name] === undefined,
  );
  if (missing !== undefined)
    throw new ConfigError(`${what}: its option "${missing}" is missing`, { option: missing });
}
