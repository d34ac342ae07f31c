// What is printed: progress and notes on stderr, results on stdout, nothing but JSON there with
// --json.
import { setImmediate } from "node:timers/promises";

export interface Terminal {
  /** One line about what was decided or done. */
  note(line: string): void;
  /** A result. */
  print(text: string): void;
  /** The result for a program: what --json prints, and nothing else. */
  json(value: unknown): void;
  /**
   * To be awaited between pieces of work: shows how far it is and how long it will take, and lets
   * Ctrl-C in.
   */
  progress(what: string, done: number, total: number): Promise<void>;
  /** Ends the progress line. */
  finish(): void;
  readonly colour: boolean;
}

function duration(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  return s < 60
    ? `${s} s`
    : s < 3600
      ? `${Math.floor(s / 60)} min ${String(s % 60).padStart(2, "0")} s`
      : `${Math.floor(s / 3600)} h ${String(Math.floor((s % 3600) / 60)).padStart(2, "0")} min`;
}

export function openTerminal(json: boolean): Terminal {
  const { stderr, stdout } = process;
  const live = stderr.isTTY === true;
  const started = performance.now();
  let shown = Number.NEGATIVE_INFINITY;
  let open = false;
  const clear = (): void => {
    if (open) stderr.write("\r\x1b[K");
    open = false;
  };
  return {
    colour: stdout.isTTY === true && !process.env.NO_COLOR,
    note(line) {
      clear();
      stderr.write(`${line}\n`);
    },
    print(text) {
      clear();
      if (!json) stdout.write(text);
    },
    json(value) {
      if (json) stdout.write(`${JSON.stringify(value)}\n`);
    },
    async progress(what, done, total) {
      const now = performance.now();
      // a terminal is redrawn ten times a second; a pipe gets a line now and then
      if (now - shown >= (live ? 100 : 5000) || (live && done === total)) {
        shown = now;
        const share = total > 0 ? done / total : 0;
        const left = share > 0.02 ? `, ${duration(((now - started) / 1000) * (1 / share - 1))} left` : "";
        const line = `${String(Math.floor(100 * share)).padStart(3)} %${left}  ${what}`;
        if (live) {
          const width = Math.max(20, (stderr.columns || 80) - 1);
          const bar = Math.round(20 * share);
          stderr.write(`\r\x1b[K${`[${"█".repeat(bar)}${" ".repeat(20 - bar)}] ${line}`.slice(0, width)}`);
          open = true;
        } else stderr.write(`${line}\n`);
      }
      await setImmediate();
    },
    finish: clear,
  };
}

/** A table with aligned columns; numbers, and what looks like them, to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((h, i) => Math.max(h.length, ...rows.map((r) => r[i].length)));
  const right = head.map((_, i) => rows.every((r) => /^[–∞]?[-+\d.,×%→ kMGdBxs/]*$/.test(r[i])));
  const line = (cells: readonly string[]): string =>
    cells
      .map((c, i) => (right[i] ? c.padStart(widths[i]) : c.padEnd(widths[i])))
      .join("  ")
      .trimEnd();
  return `${[line(head), widths.map((w) => "─".repeat(w)).join("  "), ...rows.map(line)].join("\n")}\n`;
}
