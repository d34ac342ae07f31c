// What the training commands share.
import { loadTraining, type TrainingState } from "../learning/index.ts";
import { fileExists, readFile } from "./files.ts";
import { flag, integer, type Values } from "./options.ts";
import type { Terminal } from "./terminal.ts";

export const resumeOptions = {
  resume: flag({ help: "go on from the state beside --out, or start anew where there is none" }),
  checkpointEvery: integer({ default: 200, from: 1, help: "steps between states written beside --out" }),
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
