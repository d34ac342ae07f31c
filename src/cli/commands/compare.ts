// fiducial compare: two results side by side.
import { renderComparison } from "../../audit/index.ts";
import { ConfigError } from "../../engine/index.ts";
import { DONE } from "../errors.ts";
import { writeFiles } from "../files.ts";
import { printing, text } from "../options.ts";
import { command, type Command } from "./command.ts";
import { loadResult } from "./report.ts";

export const compareCommand: Command = command({
  name: "compare",
  operands: "RESULT_A RESULT_B",
  summary:
    "Puts two audits side by side: what differs between their problems, their methods' accuracy, and every verdict.",
  options: { out: text({ value: "FILE", help: "write it there, as Markdown" }), ...printing },
  async perform({ out }, terminal, results) {
    if (results.length !== 2)
      throw new ConfigError(`compare: it takes two result.json files, got ${results.length}`, {});
    const [a, b] = results.map(loadResult);
    const comparison = renderComparison(a, b);
    if (out !== undefined) writeFiles([{ path: out, content: comparison }]);
    terminal.print(comparison);
    terminal.json({
      a: a.sha256,
      b: b.sha256,
      verdicts: [a, b].map((r) =>
        r.tests.flatMap((t) => t.verdicts.map((v) => ({ test: t.id, ...v }))),
      ),
    });
    return DONE;
  },
});
