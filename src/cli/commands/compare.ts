// fiducial compare: two results side by side.
import { renderComparison } from "../../audit/index.ts";
import { ConfigError } from "../../engine/index.ts";
import { writeFiles } from "../files.ts";
import { common, type Arguments } from "../options.ts";
import type { Terminal } from "../terminal.ts";
import type { Command } from "./command.ts";
import { loadResult } from "./report.ts";

const { json, debug, help } = common;
export const compareCommand: Command = {
  name: "compare",
  usage: "RESULT_A RESULT_B [options]",
  summary:
    "Puts two audits side by side: what differs between their problems, their methods' accuracy, and every verdict.",
  options: { out: { value: "FILE", help: "write it there, as Markdown" }, json, debug, help },
  async run(args: Arguments, terminal: Terminal): Promise<number> {
    const { positionals } = args;
    if (positionals.length !== 2)
      throw new ConfigError(`compare: it takes two result.json files, got ${positionals.length}`, {});
    const [a, b] = positionals.map(loadResult);
    const text = renderComparison(a, b);
    const out = args.optional("out");
    if (out !== undefined) writeFiles([{ path: out, content: text }]);
    terminal.print(text);
    terminal.json({
      a: a.sha256,
      b: b.sha256,
      verdicts: [a, b].map((r) => r.tests.flatMap((t) => t.verdicts.map((v) => ({ test: t.id, ...v })))),
    });
    return 0;
  },
};
