// What a command is. main.ts finds it, parses its options and answers for its errors.
import type { Arguments, Options } from "../options.ts";
import type { Terminal } from "../terminal.ts";

export interface Command {
  /** "train reconstructor" */
  readonly name: string;
  readonly usage: string;
  readonly summary: string;
  readonly options: Options;
  /** The exit code. */
  run(args: Arguments, terminal: Terminal): Promise<number>;
}
