// Two results side by side: what differs between their problems, their methods and their verdicts.
import { decibels, fixed, percent, probability, reportMarkdown, type Cell, type Section } from "../../report/index.ts";
import type { AuditResult } from "../schema.ts";
import { mean } from "../statistics.ts";

const same = (p: unknown, q: unknown): boolean => JSON.stringify(p) === JSON.stringify(q);
const written = (value: unknown): string => (value === undefined ? "–" : String(value));

function factsOf(r: AuditResult): Record<string, unknown> {
  const noise = Object.entries(r.problem.noise).map(([name, value]) => [`noise ${name}`, value]);
  return {
    ...r.problem.operator,
    ...Object.fromEntries(noise),
    seed: r.seed,
    "schema version": r.schemaVersion,
    backend: r.software.backend,
    "software version": r.software.version,
  };
}
/** What differs between two problems, by name: its value in A and in B. */
function differences(a: AuditResult, b: AuditResult): Cell[][] {
  const [p, q] = [factsOf(a), factsOf(b)];
  const names = [...new Set([...Object.keys(p), ...Object.keys(q)])];
  const changed = names
    .filter((name) => !same(p[name], q[name]))
    .map((name) => [name, written(p[name]), written(q[name])]);
  const hashes = (r: AuditResult): string[] => r.problem.images.map((i) => i.sha256);
  if (!same(hashes(a), hashes(b)))
    changed.push(["images", ...[a, b].map((r) => `${r.problem.images.length}, others than beside it`)]);
  return changed;
}

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
  const text = `at worst ${decibels(-loss(worst))} at ${percent(worst.relativeNorm)}${chance}`;
  return { text, outcome: verdict.outcome };
}

function problemSection(a: AuditResult, b: AuditResult): Section {
  const changed = differences(a, b);
  const said =
    changed.length === 0
      ? "Both audits are of the same problem: the same images, sampling, noise and seed."
      : "They are not of the same problem, so differences below may come from that:";
  const columns = ["what", "A", "B"].map((name) => ({ name }));
  return {
    id: "problem",
    title: "Problem",
    details: [
      { kind: "text", id: "problem-text", paragraphs: [said] },
      ...(changed.length === 0 ? [] : [{ kind: "table", id: "differences", columns, rows: changed } as const]),
    ],
  };
}

/** The comparison of A with B, in Markdown. */
export function renderComparison(a: AuditResult, b: AuditResult): string {
  const union = (of: (r: AuditResult) => readonly string[]): string[] => [...new Set([...of(a), ...of(b)])];
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
