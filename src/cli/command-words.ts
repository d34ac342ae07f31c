// A program that the user names, --command "recon {in} {out}": its words, what a report may show of
// them, and the hash that says which program it was.
import { createHash } from "node:crypto";
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { basename } from "node:path";
import { ConfigError } from "../engine/index.ts";
import type { Operator } from "../imaging/index.ts";
import { integer, number, text, type Values } from "./options.ts";

export const placeholders = ["in", "out", "mask", "maps"] as const;
export type Placeholder = (typeof placeholders)[number];

export const commandOptions = {
  command: text({
    value: "COMMAND",
    help: '"recon {in} {out}": any program that makes of the NPY file {in}, complex64 of the measurement\'s shape, the NPY file {out}, an image, complex or magnitude; {mask} and {maps} are files too (docs/black-box.md)',
  }),
  commandBatch: integer({
    from: 1,
    to: 10_000,
    help: "measurements that the program takes at once, on a first axis of {in} and {out} (one, without that axis)",
  }),
  commandTimeout: number({
    value: "SECONDS",
    default: 600,
    from: 0.001,
    to: 1e6,
    help: "how long the program may take, once started",
  }),
} as const;
export type CommandValues = Values<typeof commandOptions>;

/** A program as it is run, and as it is shown. */
export interface ProgramWords {
  readonly words: readonly string[];
  /** Without folders, and without the names of files that are no code: they may be a patient's. */
  readonly shown: string;
  readonly name: string;
  readonly uses: ReadonlySet<Placeholder>;
  /** Of what is shown and of the files that the words name. */
  readonly sha256: string;
}

/**
 * The words of a command line, divided as a shell would: by spaces, unless they are in '…' or "…";
 * a backslash takes the next character as it is, but in '…', and in "…" only before " and itself.
 * Nothing else has a meaning: no variables, no wildcards, no pipes. Throws ConfigError for a quote
 * that is not closed.
 */
export function wordsOfCommand(command: string): string[] {
  const fail = (what: string): never => {
    throw new ConfigError(`--command ${command}: ${what}`, { command });
  };
  const words: string[] = [];
  let word: string | undefined;
  let quote: string | undefined;
  for (let k = 0; k < command.length; k++) {
    const c = command[k];
    const escapes =
      c === "\\" && quote !== "'" && (quote === undefined || /["\\]/.test(command[k + 1] ?? ""));
    if (escapes) {
      if (k + 1 === command.length) fail("it ends with a backslash; write it twice");
      word = (word ?? "") + command[++k];
    } else if (quote !== undefined) {
      if (c === quote) quote = undefined;
      else word += c;
    } else if (c === "'" || c === '"') {
      quote = c;
      word ??= "";
    } else if (/\s/.test(c)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? "") + c;
  }
  if (quote !== undefined) fail(`the quote ${quote} is not closed`);
  if (word !== undefined) words.push(word);
  return words;
}

const CODE = /\.(py|pyc|m|jl|r|rb|pl|lua|sh|bash|bat|ps1|js|mjs|cjs|ts|exe|bin|jar)$/i;
/** "--weights=" and what follows it. */
const partsOf = (word: string): [string, string] => {
  const [, before = "", value = ""] = /^(--?[\w-]+=)?(.*)$/s.exec(word) ?? [];
  return [before, value];
};
/** A file that a word names. */
function fileOf(word: string): string | undefined {
  const found = partsOf(word)[1];
  return found !== "" && statSync(found, { throwIfNoEntry: false })?.isFile() ? found : undefined;
}
function shownWord(word: string, index: number): string {
  const [before, value] = partsOf(word);
  if (!/[\\/]/.test(value) && fileOf(word) === undefined) return word;
  const name = basename(value.replaceAll("\\", "/"));
  return before + (index === 0 || CODE.test(name) ? name : "FILE");
}
const quoted = (word: string): string =>
  /^[^\s'"\\]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

/** Read in pieces: weights may be larger than any buffer. */
function hashOfFile(path: string): string {
  const hash = createHash("sha256");
  const file = openSync(path, "r");
  try {
    const piece = new Uint8Array(1 << 20);
    for (let n = readSync(file, piece); n > 0; n = readSync(file, piece))
      hash.update(piece.subarray(0, n));
  } finally {
    closeSync(file);
  }
  return hash.digest("hex");
}

/** "recon" of "python3 tools/recon.py {in} {out}". */
function nameOf(words: readonly string[]): string {
  const code = words.slice(1).find((word) => CODE.test(word)) ?? words[0];
  return basename(code.replaceAll("\\", "/")).replace(/\.\w+$/, "");
}

/**
 * Reads --command. Throws ConfigError for one without {in} and {out}, with another placeholder, or
 * with a quote that is not closed.
 */
export function readCommand(command: string): ProgramWords {
  const words = wordsOfCommand(command);
  const used = words.flatMap((word) =>
    [...word.matchAll(/\{([A-Za-z]+)\}/g)].map(([, name]) => name),
  );
  const strange = used.find((name) => !placeholders.includes(name as Placeholder));
  if (strange !== undefined)
    throw new ConfigError(
      `--command ${command}: there is no {${strange}}; the files are ${placeholders.map((p) => `{${p}}`).join(", ")}`,
      { strange },
    );
  const missing = (["in", "out"] as const).find((name) => !used.includes(name));
  if (missing !== undefined || words.length === 0)
    throw new ConfigError(
      `--command ${command}: it has no {${missing}}; say where the program takes its file, as in "recon {in} {out}"`,
      { missing },
    );
  const shown = words.map(shownWord).map(quoted).join(" ");
  const files = words.map((word, i) => {
    // a program that is found by the system's own search is the machine's, not the audit's
    const path = i === 0 && !/[\\/]/.test(word) ? undefined : fileOf(word);
    return path === undefined ? null : hashOfFile(path);
  });
  const sha256 = createHash("sha256")
    .update(JSON.stringify([shown, files]))
    .digest("hex");
  return { words, shown, name: nameOf(words), uses: new Set(used as Placeholder[]), sha256 };
}

/** Throws ConfigError for a file that the operator has nothing for. */
export function checkUses({ uses }: ProgramWords, operator: Operator): void {
  if (uses.has("mask") && !operator.sampling)
    throw new ConfigError(
      `--command: it has {mask}, and ${operator.name} has none; leave it out`,
      {},
    );
  if (uses.has("maps") && operator.spec?.kind !== "multiCoilFourier")
    throw new ConfigError(
      "--command: it has {maps}, and there is one coil; leave it out, or give --operator multi-coil",
      {},
    );
}
