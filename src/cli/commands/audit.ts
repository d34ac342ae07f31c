// fiducial audit: a network, and classical methods under the same budget, on phantoms or scans; one
// report.
import { join } from "node:path";
import { availableParallelism } from "node:os";
import { assembleAudit, planAudit, type AuditOptions } from "../../audit/index.ts";
import { measure, reconstruct } from "../../imaging/index.ts";
import { exitCode, finishAudit } from "../audit-files.ts";
import { auditOptions, commandOf } from "../audit-options.ts";
import { computePieces } from "../audit-pieces.ts";
import { setUpAudit } from "../audit-setup.ts";
import { DONE } from "../errors.ts";
import { checkWritable } from "../files.ts";
import { noteSampling } from "../inputs.ts";
import { tellOnnx } from "../onnx-models.ts";
import type { Terminal } from "../terminal.ts";
import { piecesOf, removePieces } from "../piece-files.ts";
import { command, type Command } from "./command.ts";

/**
 * Asks the program once, so that one that does not work is one line now and not a report of errors.
 * Throws ProgramError.
 */
async function tryProgram(audit: AuditOptions, terminal: Terminal): Promise<void> {
  const { methods, problem, seed, backend, measurements } = audit;
  const y = measurements?.[0] ?? (await measure(problem, { image: 0, seed, backend }));
  const started = performance.now();
  await reconstruct(methods[0], y, problem.operator, backend);
  const seconds = (performance.now() - started) / 1000;
  terminal.note(`${methods[0].name}: one image took ${seconds.toPrecision(2)} s`);
}

export const auditCommand: Command = command({
  name: "audit",
  summary:
    "Finds the small perturbations that ruin a reconstruction network's images, and writes a report. An audit that was stopped goes on where it was when the same command is given again.",
  options: auditOptions,
  async perform(values, terminal) {
    const started = new Date();
    const {
      out: folder,
      shard = { index: 0, count: 1 },
      threads = Math.min(availableParallelism(), 64),
    } = values;
    checkWritable(join(folder, "report.html"));
    // the threads go to pieces, not to a piece's plans, which are too small to gain by them
    const { audit, sampling, handed, models, program } = await setUpAudit(values, terminal);
    const plan = await planAudit(audit);
    if (program) await tryProgram(audit, terminal);
    models.forEach(({ onnx }, i) => {
      tellOnnx(onnx, i === 0 ? values.writeRecipe : undefined, terminal);
    });
    noteSampling(sampling, terminal);
    const repeat = commandOf(values);
    const own = { command: repeat, shard };
    const pieces = await computePieces(folder, plan, { own, handed, program, threads, terminal });
    if (shard.count > 1) {
      const count = piecesOf(plan.header, shard).length;
      terminal.finish();
      terminal.print(
        `Part ${shard.index + 1} of ${shard.count}: ${count} of ${plan.header.pieces.length} pieces in ${folder}. Put the parts together with: fiducial merge FOLDER… --out REPORT_FOLDER\n`,
      );
      terminal.json({
        folder,
        shard: { index: shard.index + 1, count: shard.count },
        pieces: count,
      });
      return DONE;
    }
    const result = assembleAudit(plan.header, audit.tests, (key) => pieces.get(key));
    finishAudit(result, { folder, command: repeat, started, terminal });
    removePieces(folder);
    return exitCode(result, values.failOn);
  },
});
