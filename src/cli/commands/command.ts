// What a command is. program.ts finds it, reads its words and answers for its errors.
import type { ExitCode } from "../errors.ts";
import type { Options, Values } from "../options.ts";
import type { Terminal } from "../terminal.ts";

export interface Command<O extends Options = Options> {
  /** "train reconstructor" */
  readonly name: string;
  /** What follows the name besides options, "RESULT_A RESULT_B"; nothing unless given. */
  readonly operands?: string;
  readonly summary: string;
  readonly options: O;
  perform(values: Values<O>, terminal: Terminal, operands: readonly string[]): Promise<ExitCode>;
}
/** The command, its values typed by its own table. */
export const command = <O extends Options>(described: Command<O>): Command => described;
