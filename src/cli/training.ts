// What the training commands share: going on, and logs.
import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "../engine/index.ts";
import {
  csvLog,
  jsonLinesLog,
  loadTraining,
  tensorBoardLog,
  type Listener,
  type TrainingState,
} from "../learning/index.ts";
import { checkWritable, fileExists, readFile } from "./files.ts";
import { flag, integer, text, type Values } from "./options.ts";
import type { Terminal } from "./terminal.ts";

export const resumeOptions = {
  resume: flag({ help: "go on from the state beside --out, or start anew where there is none" }),
  checkpointEvery: integer({
    default: 200,
    from: 1,
    help: "steps between states written beside --out",
  }),
} as const;

/** What --resume goes on from. */
export function stateToResume(
  { resume }: Values<typeof resumeOptions>,
  path: string,
  terminal: Terminal,
): TrainingState | undefined {
  if (!resume) return undefined;
  if (fileExists(path)) return loadTraining(readFile(path), path);
  terminal.note(`nothing to resume at ${path}: starting anew`);
  return undefined;
}

export const logOptions = {
  log: text({
    value: "FILE",
    help: "write what happens there: a table of epochs (.csv), lines of JSON (.jsonl), or a file for TensorBoard (its name contains tfevents)",
  }),
} as const;
/** Writes to a file that is begun anew, or gone on with where the run goes on. */
export function openLog(path: string, goesOn: boolean): Listener {
  const append = (more: string | Uint8Array): void => appendFileSync(path, more);
  const kinds: readonly [RegExp, () => Listener][] = [
    [/\.csv$/, () => csvLog(append)],
    [/\.jsonl$/, () => jsonLinesLog(append)],
    [/tfevents/, () => tensorBoardLog(append)],
  ];
  const kind = kinds.find(([ending]) => ending.test(path));
  if (!kind)
    throw new ConfigError(
      `--log ${path}: its name says none of the kinds: .csv, .jsonl, or tfevents in it, as ${join(path, "events.out.tfevents.1")}`,
      { path },
    );
  checkWritable(path);
  if (!goesOn) writeFileSync(path, "");
  return kind[1]();
}
