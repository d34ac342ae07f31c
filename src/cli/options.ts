// Command-line options as tables: parsed by node:util, printed as help, checked with a message that
// names the option.
import { parseArgs } from "node:util";
import { ConfigError } from "../engine/index.ts";

export interface Option {
  readonly help: string;
  /** What stands for the value in the help, "FILE"; an option without one is a switch. */
  readonly value?: string;
  readonly default?: string;
  readonly multiple?: true;
}
export type Options = Readonly<Record<string, Option>>;

export const common: Options = {
  seed: { value: "N", default: "1", help: "seed of everything random" },
  backend: { value: "NAME", default: "auto", help: "auto, wasm or reference" },
  threads: {
    value: "N",
    help: "threads to compute on; the results do not depend on it (as many as there are processors)",
  },
  precision: { value: "NAME", default: "reproducible", help: "reproducible (the same bits on every machine) or fast" },
  json: { help: "print nothing but JSON on stdout" },
  debug: { help: "print the stack trace of an error" },
  help: { help: "print this" },
};

/** The values of one command line. */
export class Arguments {
  readonly positionals: readonly string[];
  private readonly values: Readonly<Record<string, string | boolean | string[] | undefined>>;
  constructor(
    positionals: readonly string[],
    values: Readonly<Record<string, string | boolean | string[] | undefined>>,
  ) {
    this.positionals = positionals;
    this.values = values;
  }
  /** The same command line with one more value. */
  with(name: string, value: string): Arguments {
    return new Arguments(this.positionals, { ...this.values, [name]: value });
  }
  /** The values, for another thread's Arguments. */
  alone(): Readonly<Record<string, string | boolean | string[] | undefined>> {
    return { ...this.values };
  }
  has(name: string): boolean {
    return this.values[name] !== undefined && this.values[name] !== false;
  }
  text(name: string): string {
    return String(this.values[name]);
  }
  optional(name: string): string | undefined {
    return this.values[name] as string | undefined;
  }
  list(name: string): readonly string[] {
    return (this.values[name] as string[] | undefined) ?? [];
  }
  /** A number in [low, high]. */
  number(name: string, low: number, high: number = Number.MAX_SAFE_INTEGER): number {
    return numberIn(`--${name}`, this.text(name), low, high);
  }
  integer(name: string, low: number, high: number = 2 ** 31 - 1): number {
    const value = this.number(name, low, high);
    if (!Number.isInteger(value)) throw new ConfigError(`--${name} ${this.text(name)}: give a whole number`, { name });
    return value;
  }
  /** Numbers in [low, high], separated by commas. */
  numbers(name: string, low: number, high: number): number[] {
    return this.text(name)
      .split(",")
      .map((v) => numberIn(`--${name}`, v, low, high));
  }
  /** Some of the choices, separated by commas. */
  choices(name: string, choices: readonly string[]): string[] {
    return this.text(name)
      .split(",")
      .map((value) => {
        if (!choices.includes(value))
          throw new ConfigError(`--${name} ${value}: give some of ${choices.join(", ")}, separated by commas`, {
            name,
            value,
          });
        return value;
      });
  }
  choice<const T extends string>(name: string, choices: readonly T[]): T {
    const value = this.text(name);
    if (!choices.includes(value as T))
      throw new ConfigError(`--${name} ${value}: it is one of ${choices.join(", ")}`, { name, value });
    return value as T;
  }
}
function numberIn(what: string, text: string, low: number, high: number): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= low && value <= high))
    throw new ConfigError(
      `${what} ${text}: give a number ${high === Number.MAX_SAFE_INTEGER || high === 2 ** 31 - 1 ? `from ${low} up` : `between ${low} and ${high}`}`,
      { value: text },
    );
  return value;
}

/**
 * Throws ConfigError for an option that the table does not have, naming the nearest that it has.
 */
export function parse(args: readonly string[], options: Options, command: string): Arguments {
  const known = Object.fromEntries(
    Object.entries(options).map(([name, o]) => [
      name,
      {
        type: o.value ? ("string" as const) : ("boolean" as const),
        ...(o.multiple ? { multiple: true } : {}),
        ...(o.default === undefined ? {} : { default: o.default }),
      },
    ]),
  );
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: known,
      allowPositionals: true,
      strict: true,
    });
    return new Arguments(positionals, values as Record<string, string | boolean | string[]>);
  } catch (error) {
    const unknown = /Unknown option '(--?[^']*)'/.exec((error as Error).message)?.[1];
    if (unknown === undefined)
      throw new ConfigError(`${command}: ${(error as Error).message.split(". ")[0]}; see ${command} --help`, {});
    const bare = unknown.replace(/^-+/, "");
    const near = Object.keys(options).find((name) => name.startsWith(bare.slice(0, 2)) || bare.startsWith(name));
    throw new ConfigError(
      `${command}: there is no option ${unknown}${near ? `; did you mean --${near}?` : ""}; see ${command} --help`,
      { unknown },
    );
  }
}

export function help(command: string, usage: string, summary: string, options: Options): string {
  const rows = Object.entries(options).map(([name, o]) => [
    `  --${name}${o.value ? ` ${o.value}` : ""}`,
    `${o.help}${o.default === undefined ? "" : ` (${o.default})`}${o.multiple ? "; may be given more than once" : ""}`,
  ]);
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  return `${summary}\n\nUsage: fiducial ${command} ${usage}\n\n${rows.map(([left, right]) => left.padEnd(width) + right).join("\n")}\n`;
}
