// What an audit leaves: the result, its report, the same as Markdown and as a table, and how it was
// run.
import { arch, cpus, platform } from "node:os";
import { join } from "node:path";
import { renderCsv, renderHtml, renderMarkdown, type AuditResult } from "../audit/index.ts";
import { writeFiles } from "./files.ts";
import { table, type Terminal } from "./terminal.ts";

function summary(result: AuditResult, colour: boolean): string {
  const paint = (outcome: string, text: string): string =>
    colour ? `\x1b[${outcome === "pass" ? 32 : 31}m${text}\x1b[0m` : text;
  const mean = (values: readonly number[]): string =>
    values.length === 0 ? "–" : (values.reduce((a, b) => a + b, 0) / values.length).toFixed(2);
  const methods = result.methods.map((m) => m.name);
  const disturbed = result.tests.map((t, i) => ({ t, i })).filter(({ t }) => t.measurements.length > 0);
  const rows = methods.map((m) => {
    const own = result.accuracy.filter((a) => a.method === m);
    return [
      m,
      mean(own.map((a) => a.psnr)),
      mean(own.map((a) => a.ssim)),
      ...disturbed.flatMap(({ t }) => {
        const last = result.problem.images.flatMap((_, i) => {
          const own = t.measurements.filter((x) => x.method === m && x.image === i);
          // the largest, or of several series the worst
          return (
            (own.some((x) => x.series) ? own.reduce((p, q) => (q.psnr.after < p.psnr.after ? q : p)) : own.at(-1)) ?? []
          );
        });
        return [
          mean(last.map((x) => x.psnr.after)),
          mean(last.map((x) => x.noise.psnr)),
          mean(last.map((x) => x.amplification)),
        ];
      }),
    ];
  });
  const head = ["method", "PSNR", "SSIM", ...disturbed.flatMap(({ i }) => [`(${i + 1}) PSNR`, "noise", "×"])];
  const verdicts = result.tests.map(
    (t, i) =>
      `\n(${i + 1}) ${t.title}: ${t.id}\n${t.verdicts.map((v) => `    ${paint(v.outcome, v.outcome.padEnd(5))} ${v.method} ${v.explanation}\n`).join("")}`,
  );
  return `${table(head, rows)}(n) PSNR: under the largest perturbation of test n, or the worst of its kinds; noise: under random noise of its norm; ×: change of the image over the perturbation's norm\n${verdicts.join("")}\n`;
}

/** Writes everything, or nothing, and prints the summary. */
export function finishAudit(
  result: AuditResult,
  options: { folder: string; command: string; started: Date; terminal: Terminal },
): void {
  const { folder, command, started, terminal } = options;
  const paths = {
    result: join(folder, "result.json"),
    report: join(folder, "report.html"),
    markdown: join(folder, "report.md"),
    csv: join(folder, "measurements.csv"),
    run: join(folder, "run.json"),
  };
  const run = {
    started: started.toISOString(),
    seconds: (Date.now() - started.getTime()) / 1000,
    command,
    node: process.version,
    machine: {
      platform: platform(),
      architecture: arch(),
      processor: cpus()[0]?.model ?? "unknown",
      cores: cpus().length,
    },
    resultSha256: result.sha256,
  };
  writeFiles([
    { path: paths.result, content: `${JSON.stringify(result)}\n` },
    { path: paths.report, content: renderHtml(result, { command }) },
    { path: paths.markdown, content: renderMarkdown(result, { command }) },
    { path: paths.csv, content: renderCsv(result) },
    { path: paths.run, content: `${JSON.stringify(run, null, 2)}\n` },
  ]);
  terminal.finish();
  terminal.print(summary(result, terminal.colour));
  terminal.print(`Report: ${paths.report}\n`);
  terminal.json({
    files: paths,
    sha256: result.sha256,
    accuracy: result.accuracy,
    gradientChecks: result.gradientChecks,
    verdicts: result.tests.flatMap((t) => t.verdicts.map((v) => ({ test: t.id, ...v }))),
  });
}

/**
 * 1 when a test failed for the model, the first method, or for any of them, as --fail-on wants it.
 */
export function exitCode(result: AuditResult, failOn: "model" | "any" | undefined): number {
  const judged = result.tests
    .flatMap((t) => t.verdicts)
    .filter((v) => failOn === "any" || v.method === result.methods[0].name);
  return failOn !== undefined && judged.some((v) => v.outcome === "fail" || v.outcome === "error") ? 1 : 0;
}
