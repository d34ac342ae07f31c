// What is printed: progress and notes on stderr, results on stdout, nothing but JSON there with
// --json. Everything goes through `visible`, for names and notes may come from files; a stream that
// nobody reads any more is no error.
import { setImmediate } from "node:timers/promises";

export type Colour = "green" | "red";
/** Text, or text in a colour where the terminal has any. */
export type Part = string | { readonly text: string; readonly colour: Colour };

export interface Terminal {
  /** One line about what was decided or done. */
  note(line: string): void;
  /** A result. */
  print(...parts: readonly Part[]): void;
  /** The result for a program: what --json prints, and nothing else. */
  json(value: unknown): void;
  /**
   * To be awaited between pieces of work: shows how far it is and how long it will take, and lets
   * Ctrl-C in.
   */
  progress(what: string, done: number, total: number): Promise<void>;
  /** Ends the progress line. */
  finish(): void;
}

/** Lines are wrapped to so many columns. */
export const COLUMNS = 100;
const CLEAR_LINE = "\r\x1b[K";
const COLOURS: Readonly<Record<Colour, string>> = { green: "\x1b[32m", red: "\x1b[31m" };

/**
 * The text with what would steer a terminal or reorder its letters written out, as in \u001b: the
 * control characters of C0 and C1, and Unicode's bidirectional marks, overrides and separators.
 */
export function visible(text: string): string {
  return text.replace(/[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu, (character) =>
    character === "\n" ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
/** The same for what must stay on one line. */
export const visibleLine = (text: string): string => visible(text).replaceAll("\n", "\\n");

/** Writes until the stream is lost. */
interface Outlet {
  write(text: string): void;
  /** Why nothing can be written any more. */
  readonly lost: NodeJS.ErrnoException | undefined;
}
function outlet(stream: NodeJS.WriteStream): Outlet {
  let lost: NodeJS.ErrnoException | undefined;
  const lose = (error: NodeJS.ErrnoException): void => {
    lost ??= error;
  };
  // a pipe tells of it later, a file at once
  stream.on("error", lose);
  return {
    write(text) {
      if (lost) return;
      try {
        stream.write(text);
      } catch (error) {
        lose(error as NodeJS.ErrnoException);
      }
    },
    get lost() {
      return lost;
    },
  };
}
export const out: Outlet = outlet(process.stdout);
export const err: Outlet = outlet(process.stderr);

const capable = (stream: NodeJS.WriteStream): boolean =>
  stream.isTTY === true && process.env.TERM !== "dumb";
/** Whether the progress line is there, half-way written. */
let open = false;
function clear(): void {
  if (open) err.write(CLEAR_LINE);
  open = false;
}
/** One line on stderr, in place of the progress line. */
export function say(line: string): void {
  clear();
  err.write(`${visibleLine(line)}\n`);
}
/** Several lines on stderr. */
export function sayAll(lines: string): void {
  clear();
  err.write(`${visible(lines)}\n`);
}

function duration(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  const padded = (n: number): string => String(Math.floor(n)).padStart(2, "0");
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${padded(s % 60)} s`;
  return `${Math.floor(s / 3600)} h ${padded((s % 3600) / 60)} min`;
}

export function openTerminal(json: boolean): Terminal {
  const live = capable(process.stderr);
  const colourful = capable(process.stdout) && !process.env.NO_COLOR;
  const started = performance.now();
  let shown = Number.NEGATIVE_INFINITY;
  const draw = (what: string, share: number): void => {
    const left = ((performance.now() - started) / 1000) * (1 / share - 1);
    const ends = share > 0.02 ? `, ${duration(left)} left` : "";
    const line = `${String(Math.floor(100 * share)).padStart(3)} %${ends}  ${visibleLine(what)}`;
    if (!live) {
      err.write(`${line}\n`);
      return;
    }
    const width = Math.max(20, (process.stderr.columns || 80) - 1);
    const bar = Math.round(20 * share);
    err.write(CLEAR_LINE + `[${"█".repeat(bar)}${" ".repeat(20 - bar)}] ${line}`.slice(0, width));
    open = true;
  };
  return {
    note: say,
    print(...parts) {
      clear();
      if (json) return;
      for (const part of parts) {
        if (typeof part === "string") out.write(visible(part));
        else if (colourful) out.write(`${COLOURS[part.colour]}${visible(part.text)}\x1b[0m`);
        else out.write(visible(part.text));
      }
    },
    json(value) {
      // JSON leaves C1 and bidirectional characters as they are; escaped they mean the same
      if (json) out.write(`${visible(JSON.stringify(value))}\n`);
    },
    async progress(what, done, total) {
      const now = performance.now();
      // a terminal is redrawn ten times a second; a pipe gets a line now and then
      if (now - shown >= (live ? 100 : 5000) || (live && done === total)) {
        shown = now;
        draw(what, total > 0 ? done / total : 0);
      }
      await setImmediate();
    },
    finish: clear,
  };
}

/** A table with aligned columns; numbers, and what looks like them, to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => row.map(visibleLine));
  const widths = head.map((h, i) => Math.max(h.length, ...cells.map((r) => r[i].length)));
  const right = head.map((_, i) => cells.every((r) => /^[–∞]?[-+\d.,×%→ kMGdBxs/]*$/.test(r[i])));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, i) => (right[i] ? cell.padStart(widths[i]) : cell.padEnd(widths[i])))
      .join("  ")
      .trimEnd();
  const rule = widths.map((w) => "─".repeat(w)).join("  ");
  return `${[line(head), rule, ...cells.map(line)].join("\n")}\n`;
}

/** "name: value", a line each. */
export const listed = (facts: Readonly<Record<string, unknown>>): string =>
  Object.entries(facts)
    .map(([name, value]) => `${visibleLine(name)}: ${visibleLine(String(value))}\n`)
    .join("");

/**
 * `first`, a space and the words, in lines of at most COLUMNS; the later ones are indented as far.
 */
export function wrapped(first: string, text: string): string {
  const start = first === "" ? "" : `${visibleLine(first)} `;
  const indent = " ".repeat(start.length);
  const lines: string[] = [];
  let line = "";
  for (const word of visibleLine(text).split(" ")) {
    if (line !== "" && start.length + line.length + 1 + word.length > COLUMNS) {
      lines.push(line);
      line = "";
    }
    line += line === "" ? word : ` ${word}`;
  }
  return [...lines, line].map((l, i) => `${i === 0 ? start : indent}${l}\n`).join("");
}
