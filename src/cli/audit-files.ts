// What an audit leaves: the result, its report, the same as Markdown and as a table, and how it was
// run.
import { arch, cpus, platform } from "node:os";
import { join } from "node:path";
import {
  renderCsv,
  renderHtml,
  renderMarkdown,
  type AuditResult,
  type Measurement,
  type TestRecord,
} from "../audit/index.ts";
import { DONE, TEST_FAILED, type ExitCode } from "./errors.ts";
import { writeFiles } from "./files.ts";
import { table, wrapped, type Part, type Terminal } from "./terminal.ts";

const mean = (values: readonly number[]): string =>
  values.length === 0 ? "–" : (values.reduce((a, b) => a + b, 0) / values.length).toFixed(2);

/** Of one method on one image: under the largest perturbation, or of several series the worst. */
function last(own: readonly Measurement[]): Measurement | undefined {
  if (!own.some((m) => m.series)) return own.at(-1);
  return own.reduce((worst, m) => (m.psnr.after < worst.psnr.after ? m : worst));
}

/** One test: its figures, method by method, and its verdicts. */
function testSummary(result: AuditResult, test: TestRecord, number: number): Part[] {
  const rows = result.methods.map(({ name }) => {
    const own = test.measurements.filter((m) => m.method === name);
    const found = result.problem.images.flatMap(
      (_, i) => last(own.filter((m) => m.image === i)) ?? [],
    );
    const weaker = own.some((m) => m.search?.queries !== undefined) ? " (no gradients)" : "";
    return [
      `${name}${weaker}`,
      mean(found.map((m) => m.psnr.after)),
      mean(found.map((m) => m.noise.psnr)),
      mean(found.map((m) => m.amplification)),
    ];
  });
  const figures =
    test.measurements.length === 0
      ? []
      : [table(["method", "PSNR, dB", "beside noise, dB", "change, ×"], rows)];
  const verdicts = test.verdicts.flatMap(({ method, outcome, explanation }): Part[] => {
    const text = wrapped(outcome.padEnd(5), `${method} ${explanation}`);
    const colour = outcome === "pass" ? "green" : "red";
    return [{ text: text.slice(0, outcome.length), colour }, text.slice(outcome.length)];
  });
  return ["\n", wrapped(`(${number})`, `${test.title}: ${test.id}`), ...figures, ...verdicts];
}

/** What is printed of a result: tables and sentences of at most COLUMNS columns. */
function summary(result: AuditResult): Part[] {
  const accuracy = result.methods.map(({ name }) => {
    const own = result.accuracy.filter((a) => a.method === name);
    return [name, mean(own.map((a) => a.psnr)), mean(own.map((a) => a.ssim))];
  });
  const tests = result.tests.flatMap((test, i) => testSummary(result, test, i + 1));
  // without a truth nothing is measured in dB
  if (result.problem.truth === "unknown") return [...tests, "\n"];
  return [
    table(["method", "PSNR, dB", "SSIM"], accuracy),
    ...tests,
    "\n",
    wrapped(
      "",
      "PSNR of a test: under its largest perturbation, or the worst of its kinds; beside noise: under random noise of its norm; change: of the image over the perturbation's norm.",
    ),
    "\n",
  ];
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
  terminal.print(...summary(result));
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
export function exitCode(result: AuditResult, failOn: "model" | "any" | undefined): ExitCode {
  const judged = result.tests
    .flatMap((t) => t.verdicts)
    .filter((v) => failOn === "any" || v.method === result.methods[0].name);
  const failed = judged.some((v) => v.outcome === "fail" || v.outcome === "error");
  return failOn !== undefined && failed ? TEST_FAILED : DONE;
}
