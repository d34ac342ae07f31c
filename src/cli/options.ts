// Command-line options as tables: name, help, default and check of each stand in one place, and a
// command gets values of the types that its table says. node:util cuts the words apart.
import { parseArgs } from "node:util";
import { ConfigError } from "../engine/index.ts";
import { nearest } from "./nearest.ts";

/** One option. `T` is the type of its value; a switch's is boolean. */
export interface Option<T> {
  readonly help: string;
  /** What stands for the value in the help, "FILE"; a switch has none. */
  readonly value?: string;
  /** What it is unless given. */
  readonly default: T;
  readonly multiple?: true;
  /** The value that `text` says. Throws ConfigError that names `flag`. */
  read(text: string, flag: string): T;
}
/** A table of options; "batchSize" is --batch-size. */
export type Options = Readonly<Record<string, Option<unknown>>>;
export type Values<O extends Options> = { readonly [K in keyof O]: O[K]["default"] };

interface Facts<D> {
  readonly help: string;
  readonly value?: string;
  readonly default?: D;
}
/** No limit where none is given. */
interface Range {
  readonly from?: number;
  readonly to?: number;
}

function refuse(flag: string, text: string, advice: string): never {
  throw new ConfigError(`${flag} ${text}: ${advice}`, { option: flag, value: text });
}
function inRange(text: string, flag: string, { from, to }: Range): number {
  const value = Number(text);
  const fits =
    text.trim() !== "" && value >= (from ?? -Number.MAX_VALUE) && value <= (to ?? Number.MAX_VALUE);
  if (fits) return value;
  const range =
    from === undefined ? "" : to === undefined ? ` from ${from} up` : ` between ${from} and ${to}`;
  return refuse(flag, text, `give a number${range}`);
}
function wholeInRange(text: string, flag: string, range: Range): number {
  const value = inRange(text, flag, range);
  if (Number.isInteger(value) && value < 2 ** 31) return value;
  return refuse(flag, text, "give a whole number");
}

// ---- the kinds of options; one without a default may be undefined ----

type Optional<T, D> = Option<T | (D extends undefined ? undefined : never)>;

export function option<T, D extends T | undefined = undefined>(
  facts: Facts<D> & { readonly value: string; read(text: string, flag: string): T },
): Optional<T, D> {
  return { ...facts, default: facts.default as T };
}
/** On when it is given. */
export function flag(facts: { readonly help: string }): Option<boolean> {
  return { ...facts, default: false, read: () => true };
}
export function text<D extends string | undefined = undefined>(
  facts: Facts<D> & { readonly value: string },
): Optional<string, D> {
  return option<string, D>({ ...facts, read: (given) => given });
}
/** Any number of texts, each after the option's name. */
export function texts(facts: {
  readonly help: string;
  readonly value: string;
}): Option<readonly string[]> {
  return { ...facts, multiple: true, default: [], read: (given) => [given] };
}
export function number<D extends number | undefined = undefined>(
  facts: Facts<D> & Range,
): Optional<number, D> {
  return option<number, D>({
    value: "N",
    ...facts,
    read: (given, name) => inRange(given, name, facts),
  });
}
export function integer<D extends number | undefined = undefined>(
  facts: Facts<D> & Range,
): Optional<number, D> {
  return option<number, D>({
    value: "N",
    ...facts,
    read: (given, name) => wholeInRange(given, name, facts),
  });
}
/** Each part between commas. */
const each =
  (read: typeof inRange, range: Range) =>
  (given: string, name: string): readonly number[] =>
    given.split(",").map((part) => read(part, name, range));
/** Numbers, separated by commas. */
export function numbers<D extends readonly number[] | undefined = undefined>(
  facts: Facts<D> & Range,
): Optional<readonly number[], D> {
  return option<readonly number[], D>({ value: "LIST", ...facts, read: each(inRange, facts) });
}
/** Whole numbers, separated by commas. */
export function integers<D extends readonly number[] | undefined = undefined>(
  facts: Facts<D> & Range,
): Optional<readonly number[], D> {
  return option<readonly number[], D>({ value: "LIST", ...facts, read: each(wholeInRange, facts) });
}
/** One of the names. */
export function choice<const T extends string, D extends NoInfer<T> | undefined = undefined>(
  names: readonly T[],
  facts: Facts<D>,
): Optional<T, D> {
  const read = (given: string, name: string): T =>
    names.find((n) => n === given) ?? refuse(name, given, `it is one of ${names.join(", ")}`);
  return option<T, D>({ value: "NAME", ...facts, read });
}
/** Some of the names, separated by commas. */
export function choices<
  const T extends string,
  D extends readonly NoInfer<T>[] | undefined = undefined,
>(names: readonly T[], facts: Facts<D>): Optional<readonly T[], D> {
  const advice = `give some of ${names.join(", ")}, separated by commas`;
  const read = (given: string, name: string): readonly T[] =>
    given.split(",").map((part) => names.find((n) => n === part) ?? refuse(name, part, advice));
  return option<readonly T[], D>({ value: "LIST", ...facts, read });
}

// ---- what every command has, and most ----

export const printing = {
  json: flag({ help: "print nothing but JSON on stdout" }),
  debug: flag({ help: "print the stack trace of an error" }),
  help: flag({ help: "print this" }),
} as const;
export const computing = {
  backend: choice(["auto", "wasm", "webgpu", "reference"], {
    default: "auto",
    help: "auto, wasm, webgpu (a graphics card; an audit measures on wasm what it found there) or reference",
  }),
  threads: integer({
    from: 1,
    to: 64,
    help: "threads to compute on; the results do not depend on it (as many as there are processors)",
  }),
  precision: choice(["reproducible", "fast"], {
    default: "reproducible",
    help: "reproducible (the same bits on every machine) or fast",
  }),
} as const;
export const common = {
  seed: integer({ default: 1, from: 0, help: "seed of everything random" }),
  ...computing,
  ...printing,
} as const;

// ---- words to values, and back ----

/** "batchSize" → "--batch-size" */
export const flagOf = (name: string): string =>
  `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
/** A value as it stands on a command line. */
const wordOf = (value: unknown): string => (Array.isArray(value) ? value.join(",") : String(value));

export interface Parsed<O extends Options> {
  readonly values: Values<O>;
  readonly positionals: readonly string[];
}

/**
 * Reads a command's words. Throws ConfigError for an option that the table does not have, naming
 * the nearest that it has, for one without its value and for a value that does not fit.
 */
export function parse<O extends Options>(
  words: readonly string[],
  options: O,
  command: string,
): Parsed<O> {
  const names = new Map(Object.keys(options).map((name) => [flagOf(name), name]));
  const wrong = (what: string): never => {
    throw new ConfigError(`${command}: ${what}; see ${command} --help`, {});
  };
  const types = Object.fromEntries(
    [...names].map(([flag, name]) => [
      flag.slice(2),
      { type: options[name].value ? "string" : "boolean" } as const,
    ]),
  );
  const { tokens, positionals } = parseArgs({
    args: [...words],
    options: types,
    allowPositionals: true,
    strict: false,
    tokens: true,
  });
  const values: Record<string, unknown> = {};
  for (const token of tokens) {
    if (token.kind !== "option") continue;
    const flag = token.rawName;
    const name = names.get(flag);
    if (name === undefined) {
      const near = nearest(flag, [...names.keys()]);
      return wrong(
        `there is no option ${flag}${near === undefined ? "" : `; did you mean ${near}?`}`,
      );
    }
    const { value, multiple, read } = options[name];
    if (value === undefined && token.value !== undefined) wrong(`${flag} takes no value`);
    // "--out --json" forgot the folder; "--out=--json" means it
    const forgotten =
      token.value === undefined || (!token.inlineValue && /^-[^\d.]/.test(token.value));
    if (value !== undefined && forgotten) wrong(`${flag} needs a value, ${flag} ${value}`);
    const own = read(token.value ?? "", flag);
    values[name] = multiple
      ? [...((values[name] as unknown[] | undefined) ?? []), ...(own as unknown[])]
      : own;
  }
  for (const [name, { default: otherwise }] of Object.entries(options)) values[name] ??= otherwise;
  return { values: values as Values<O>, positionals };
}

/** The options of `values` that are given or not what they are by default: --seed 1 --flip */
export function wordsOf<O extends Options>(
  options: O,
  values: Values<O>,
  show: (name: keyof O & string, word: string) => string | undefined = (_, word) => word,
): string[] {
  return Object.entries(options).flatMap(([name, { value, default: otherwise, multiple }]) => {
    const given = values[name];
    if (given === undefined || wordOf(given) === wordOf(otherwise)) return [];
    const words = multiple ? (given as readonly string[]) : [wordOf(given)];
    return words.flatMap((word, i) => {
      const shown = show(name, multiple ? String(i + 1) : word);
      return shown === undefined
        ? []
        : [value === undefined ? flagOf(name) : `${flagOf(name)} ${shown}`];
    });
  });
}

export interface HelpPage {
  readonly name: string;
  readonly usage: string;
  readonly summary: string;
  readonly options: Options;
}
export function help({ name: command, usage, summary, options }: HelpPage): string {
  const rows = Object.entries(options).map(
    ([name, { value, help, default: otherwise, multiple }]) => {
      const unless =
        value === undefined || multiple || otherwise === undefined ? "" : ` (${wordOf(otherwise)})`;
      return {
        left: `  ${flagOf(name)}${value === undefined ? "" : ` ${value}`}`,
        right: `${help}${unless}${multiple ? "; may be given more than once" : ""}`,
      };
    },
  );
  const width = Math.max(...rows.map(({ left }) => left.length)) + 2;
  const lines = rows.map(({ left, right }) => left.padEnd(width) + right);
  return `${summary}\n\nUsage: fiducial ${command} ${usage}\n\n${lines.join("\n")}\n`;
}
