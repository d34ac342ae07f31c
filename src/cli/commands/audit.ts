// fiducial audit: a network, and classical methods under the same budget, on phantoms or scans; one
// report.
import { join } from "node:path";
import { availableParallelism } from "node:os";
import { assembleAudit, planAudit } from "../../audit/index.ts";
import { exitCode, finishAudit } from "../audit-files.ts";
import { computePieces, piecesOf, removePieces, shardOf } from "../audit-pieces.ts";
import { auditOptions, commandOf, recordOf, setUpAudit } from "../audit-setup.ts";
import { checkWritable } from "../files.ts";
import type { Arguments } from "../options.ts";
import type { Terminal } from "../terminal.ts";
import type { Command } from "./command.ts";

export const auditCommand: Command = {
  name: "audit",
  usage: "[options]",
  summary:
    "Finds the small perturbations that ruin a reconstruction network's images, and writes a report. An audit that was stopped goes on where it was when the same command is given again.",
  options: auditOptions,
  async run(args: Arguments, terminal: Terminal): Promise<number> {
    const started = new Date();
    const failOn = args.has("fail-on") ? args.choice("fail-on", ["model", "any"]) : undefined;
    const shard = shardOf(args);
    const threads = args.has("threads") ? args.integer("threads", 1, 64) : availableParallelism();
    const folder = args.text("out");
    checkWritable(join(folder, "report.html"));
    // the threads go to pieces, not to a piece's plans, which are too small to gain by them
    const options = await setUpAudit(args.with("threads", "1"), terminal);
    const plan = await planAudit(options);
    const command = commandOf(args);
    const pieces = await computePieces(
      folder,
      plan,
      { options: recordOf(args), command, shard },
      args,
      threads,
      terminal,
    );
    if (shard.count > 1) {
      terminal.finish();
      const count = piecesOf(plan.header, shard).length;
      terminal.print(
        `Part ${shard.index + 1} of ${shard.count}: ${count} of ${plan.header.pieces.length} pieces in ${folder}. Put the parts together with: fiducial merge FOLDER… --out REPORT_FOLDER\n`,
      );
      terminal.json({ folder, shard: { index: shard.index + 1, count: shard.count }, pieces: count });
      return 0;
    }
    const result = assembleAudit(plan.header, options.tests, (key) => pieces.get(key));
    finishAudit(result, { folder, command, started, terminal });
    removePieces(folder);
    return exitCode(result, failOn);
  },
};
