// A result as Markdown: the tables, for an issue or a notebook; the pictures are in the HTML
// report.
import type { AuditResult } from "../schema.ts";
import type { ReportOptions } from "./html.ts";

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ");
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows].map((r) => `| ${r.map(cell).join(" | ")} |`).join("\n");
}

/** The report's tables and verdicts. */
export function renderMarkdown(result: AuditResult, options: ReportOptions): string {
  const percent = (v: number): string => `${(100 * v).toFixed(2)} %`;
  const tests = result.tests
    .map(
      (t) => `## ${t.title} (${t.outcome})

${t.description} Source: ${t.source}.

${table(
  ["method", "outcome", "why"],
  t.verdicts.map((v) => [v.method, v.outcome, v.explanation]),
)}

${
  t.rates
    ? table(
        ["method", "image", "share of k-space", "PSNR, dB, by family of masks"],
        t.rates.map((r) => [
          r.method,
          String(r.image + 1),
          percent(r.rate),
          r.psnr.map((v) => (v === null ? "–" : v.toFixed(2))).join(", "),
        ]),
      )
    : ""
}${
  t.measurements.length === 0
    ? ""
    : table(
        [
          "method",
          "image",
          "stop",
          "‖r‖ relative",
          "change / ‖r‖",
          "noise: change / ‖r‖",
          "PSNR before",
          "after",
          "with noise",
        ],
        t.measurements.map((m) => [
          m.method,
          String(m.image + 1),
          [m.series, m.label].filter(Boolean).join(": "),
          percent(m.relativeNorm),
          m.amplification.toFixed(2),
          (m.noise.meanOutputChange / m.norm).toFixed(2),
          m.psnr.before.toFixed(2),
          m.psnr.after.toFixed(2),
          m.noise.psnr.toFixed(2),
        ]),
      )
}

Thresholds: ${JSON.stringify(t.thresholds)}. Settings: ${JSON.stringify(t.settings)}.`,
    )
    .join("\n\n");
  return `# Audit of ${result.methods.map((m) => m.name).join(", ")}

Seed ${result.seed}; ${result.software.name} ${result.software.version}, backend ${result.software.backend}. Repeat it:

    ${options.command}

## Without perturbation

${table(
  ["method", "image", "PSNR, dB", "SSIM", "NMSE"],
  result.accuracy.map((a) => [
    a.method,
    result.problem.images[a.image].label,
    a.psnr.toFixed(2),
    a.ssim.toFixed(4),
    a.nmse.toFixed(5),
  ]),
)}

${tests}

${
  result.certificates
    ? `## Bounds of the Lipschitz constant: change of the image over change of the measurement

${table(
  ["method", "found", "local, by power iteration", "proven bound"],
  result.certificates.map((c) => [
    c.method,
    c.found.toFixed(2),
    c.local.toFixed(2),
    c.upper === undefined ? "none" : c.upper.toFixed(2),
  ]),
)}

`
    : ""
}## Gradient self-check

${table(
  ["method", "relative error", "tolerance", "passed"],
  result.gradientChecks.map((c) => [
    c.method,
    c.relativeError.toExponential(1),
    String(c.tolerance),
    c.passed ? "yes" : "NO",
  ]),
)}

SHA-256 of the result: ${result.sha256}
`;
}
