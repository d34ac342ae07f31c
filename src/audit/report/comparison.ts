// Two results side by side: what differs between their problems, their methods and their verdicts.
import {
  decibels,
  fixed,
  percent,
  probability,
  reportMarkdown,
  type Cell,
  type Section,
} from "../../report/index.ts";
import { differences, ofTheBench, type Difference } from "../differences.ts";
import type { AuditResult } from "../schema.ts";
import { mean } from "../statistics.ts";

const written = (value: unknown): string =>
  value === undefined ? "–" : typeof value === "string" ? value : JSON.stringify(value);

function accuracyOf(r: AuditResult, method: string): string {
  const own = r.accuracy.filter((x) => x.method === method);
  if (own.length === 0) return "–";
  return `${decibels(mean(own.map((x) => x.psnr)))}, ${fixed(mean(own.map((x) => x.ssim)), 3)}`;
}
function foundIn(r: AuditResult, id: string, method: string): Cell {
  const test = r.tests.find((t) => t.id === id);
  const verdict = test?.verdicts.find((v) => v.method === method);
  if (!test || !verdict) return "–";
  const own = test.measurements.filter((m) => m.method === method);
  if (own.length === 0) return { text: "", outcome: verdict.outcome };
  const loss = (m: (typeof own)[number]): number => m.psnr.before - m.psnr.after;
  const worst = own.reduce((p, q) => (loss(q) > loss(p) ? q : p));
  const likely = own.flatMap((m) => m.likelihood?.probability ?? []);
  const chance = likely.length > 0 ? `; probability ${probability(Math.max(...likely))}` : "";
  const weaker = worst.search?.queries === undefined ? "" : " (no gradients)";
  const text = `at worst ${decibels(-loss(worst))} at ${percent(worst.relativeNorm)}${weaker}${chance}`;
  return { text, outcome: verdict.outcome };
}

/** Whether they are of one problem, as the differences between them say. */
function opening(found: readonly Difference[]): string {
  const same = "Both audits are of the same problem: the same images, sampling, noise and seed";
  if (found.length === 0) return `${same}, the same methods and tests.`;
  if (found.every(ofTheBench)) return `${same}. What was done to it differs:`;
  return "They are not of the same problem, so differences below may come from that:";
}
function problemSection(a: AuditResult, b: AuditResult): Section {
  const found = differences(a, b);
  const columns = ["field", "A", "B"].map((name) => ({ name }));
  const rows = found.map((d) => [d.field, written(d.a), written(d.b)]);
  return {
    id: "problem",
    title: "Problem",
    details: [
      { kind: "text", id: "problem-text", paragraphs: [opening(found)] },
      ...(found.length === 0 ? [] : [{ kind: "table", id: "differences", columns, rows } as const]),
    ],
  };
}

/** The comparison of A with B, in Markdown. */
export function renderComparison(a: AuditResult, b: AuditResult): string {
  const union = (of: (r: AuditResult) => readonly string[]): string[] => [
    ...new Set([...of(a), ...of(b)]),
  ];
  const methods = union((r) => r.methods.map((m) => m.name));
  const tests = union((r) => r.tests.map((t) => t.id));
  const named = (...names: string[]): { name: string }[] => names.map((name) => ({ name }));
  const accuracy: Section = {
    id: "accuracy",
    title: "Without perturbation: mean PSNR, mean SSIM",
    details: [
      {
        kind: "table",
        id: "accuracy-table",
        columns: named("method", "A", "B"),
        rows: methods.map((m) => [m, accuracyOf(a, m), accuracyOf(b, m)]),
      },
    ],
  };
  const verdicts: Section = {
    id: "verdicts",
    title: "Verdicts",
    details: [
      {
        kind: "table",
        id: "verdicts-table",
        columns: named("test", "method", "A", "B"),
        rows: tests.flatMap((t) => methods.map((m) => [t, m, foundIn(a, t, m), foundIn(b, t, m)])),
      },
      {
        kind: "text",
        id: "hashes",
        paragraphs: [`SHA-256 of A: ${a.sha256}`, `SHA-256 of B: ${b.sha256}`],
      },
    ],
  };
  return reportMarkdown({
    name: "Comparison",
    title: "Comparison of two audits",
    sections: [problemSection(a, b), accuracy, verdicts],
  });
}
