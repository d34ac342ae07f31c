// What an exit code means: 0 done, 1 a test failed and --fail-on asked, 2 bad input, 3 an error of
// ours or of the machine.
import { ConfigError, FiducialError } from "../engine/index.ts";

export const DONE = 0;
export const TEST_FAILED = 1;
export const BAD_INPUT = 2;
export const OUR_ERROR = 3;
export const INTERRUPTED = 130;
export type ExitCode = typeof DONE | typeof TEST_FAILED | typeof BAD_INPUT | typeof OUR_ERROR;

/** The machine gave out: no memory, a full disk, a thread that was lost. */
export class MachineError extends FiducialError {
  override readonly name = "MachineError" as const;
  readonly code = "MACHINE" as const;
}

/** A program of the user's failed. What it said may name files: a report has the message alone. */
export class ProgramError extends ConfigError {
  /** For the terminal. */
  readonly whole: string;
  constructor(message: string, whole: string) {
    super(message, {});
    this.whole = whole;
  }
}

/** By an error's code, for one that comes from another thread has lost its class. */
const meanings: Readonly<Record<string, ExitCode>> = {
  SHAPE: BAD_INPUT,
  DTYPE: BAD_INPUT,
  UNSUPPORTED_OP: BAD_INPUT,
  CONVERGENCE: BAD_INPUT,
  CONFIG: BAD_INPUT,
  FORMAT: BAD_INPUT,
  BACKEND: OUR_ERROR,
  MACHINE: OUR_ERROR,
};
/** Errors of Node and V8 that mean that memory ran out. */
const outOfMemory = (error: Error & { code?: string }): boolean =>
  error.code === "ERR_WORKER_OUT_OF_MEMORY" ||
  error.code === "ENOMEM" ||
  (error instanceof RangeError &&
    /allocation failed|could not allocate|out of memory/i.test(error.message));

/** The error in one line, and the exit code that it means. */
export function explained(thrown: unknown): { readonly line: string; readonly code: ExitCode } {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const { code } = error as { code?: string };
  if (error instanceof ProgramError) return { line: error.whole, code: BAD_INPUT };
  if (code !== undefined && Object.hasOwn(meanings, code))
    return { line: error.message, code: meanings[code] };
  if (outOfMemory(error))
    return {
      line: `the memory is used up (${error.message}); use smaller or fewer images, or fewer --threads`,
      code: OUR_ERROR,
    };
  return {
    line: `internal error: ${error.message}; run it again with --debug and report what it prints`,
    code: OUR_ERROR,
  };
}
