// Two results side by side, in Markdown: what differs between their problems, their methods and
// their verdicts.
import { differences, ofTheBench } from "../differences.ts";
import type { AuditResult } from "../schema.ts";
import { table } from "./markdown.ts";
import { mean } from "./plot.ts";

const written = (value: unknown): string =>
  value === undefined ? "–" : typeof value === "string" ? value : JSON.stringify(value);
/** What differs, in sentences. */
function opening(a: AuditResult, b: AuditResult): string {
  const found = differences(a, b);
  const listed = found.map((d) => `- ${d.field}: ${written(d.a)} in A, ${written(d.b)} in B`).join("\n");
  const same = "Both audits are of the same problem: the same images, sampling, noise and seed";
  if (found.length === 0) return `${same}, the same methods and tests.`;
  if (found.every(ofTheBench)) return `${same}. What was done to it differs:\n\n${listed}`;
  return `They are not of the same problem, so differences below may come from that:\n\n${listed}`;
}

/** The comparison of A with B. */
export function renderComparison(a: AuditResult, b: AuditResult): string {
  const union = (of: (r: AuditResult) => readonly string[]): string[] => [...new Set([...of(a), ...of(b)])];
  const methods = union((r) => r.methods.map((m) => m.name));
  const tests = union((r) => r.tests.map((t) => t.id));
  const accuracy = (r: AuditResult, method: string): string => {
    const own = r.accuracy.filter((x) => x.method === method);
    return own.length === 0
      ? "–"
      : `${mean(own.map((x) => x.psnr)).toFixed(2)} dB, ${mean(own.map((x) => x.ssim)).toFixed(3)}`;
  };
  const found = (r: AuditResult, id: string, method: string): string => {
    const test = r.tests.find((t) => t.id === id);
    const verdict = test?.verdicts.find((v) => v.method === method);
    if (!test || !verdict) return "–";
    const own = test.measurements.filter((m) => m.method === method);
    if (own.length === 0) return verdict.outcome;
    const worst = own.reduce((p, q) => (q.psnr.before - q.psnr.after > p.psnr.before - p.psnr.after ? q : p));
    const likely = own.flatMap((m) => m.likelihood?.probability ?? []);
    return `${verdict.outcome}; at worst −${(worst.psnr.before - worst.psnr.after).toFixed(2)} dB at ${(100 * worst.relativeNorm).toFixed(2)} %${likely.length > 0 ? `; probability ${Math.max(...likely).toPrecision(2)}` : ""}`;
  };
  return `# Comparison of two audits

${opening(a, b)}

## Without perturbation: mean PSNR, mean SSIM

${table(
  ["method", "A", "B"],
  methods.map((m) => [m, accuracy(a, m), accuracy(b, m)]),
)}

## Verdicts

${table(
  ["test", "method", "A", "B"],
  tests.flatMap((t) => methods.map((m) => [t, m, found(a, t, m), found(b, t, m)])),
)}

SHA-256 of A: ${a.sha256}
SHA-256 of B: ${b.sha256}
`;
}
