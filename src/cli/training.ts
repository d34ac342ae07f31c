// What the training commands share.
import { loadTraining, type TrainingState } from "../learning/index.ts";
import { fileExists, readFile } from "./files.ts";
import type { Arguments } from "./options.ts";
import type { Terminal } from "./terminal.ts";

/** What --resume goes on from. */
export function stateToResume(args: Arguments, path: string, terminal: Terminal): TrainingState | undefined {
  if (!args.has("resume")) return undefined;
  if (fileExists(path)) return loadTraining(readFile(path), path);
  terminal.note(`nothing to resume at ${path}: starting anew`);
  return undefined;
}
