// Two results side by side, in Markdown: what differs between their problems, their methods and
// their verdicts.
import type { AuditResult } from "../schema.ts";
import { table } from "./markdown.ts";
import { mean } from "./plot.ts";

/** What differs between two problems, in sentences; none when they are one. */
function differences(a: AuditResult, b: AuditResult): string[] {
  const same = (p: unknown, q: unknown): boolean => JSON.stringify(p) === JSON.stringify(q);
  const facts = (r: AuditResult): Record<string, unknown> => ({
    ...r.problem.operator,
    ...Object.fromEntries(Object.entries(r.problem.noise).map(([k, v]) => [`noise ${k}`, v])),
    seed: r.seed,
    "schema version": r.schemaVersion,
    backend: r.software.backend,
    "software version": r.software.version,
  });
  const [p, q] = [facts(a), facts(b)];
  const changed = [...new Set([...Object.keys(p), ...Object.keys(q)])]
    .filter((k) => !same(p[k], q[k]))
    .map((k) => `${k}: ${String(p[k] ?? "–")} in A, ${String(q[k] ?? "–")} in B`);
  if (
    !same(
      a.problem.images.map((i) => i.sha256),
      b.problem.images.map((i) => i.sha256),
    )
  )
    changed.push(`the images differ (${a.problem.images.length} in A, ${b.problem.images.length} in B)`);
  return changed;
}

/** The comparison of A with B. */
export function renderComparison(a: AuditResult, b: AuditResult): string {
  const union = (of: (r: AuditResult) => readonly string[]): string[] => [...new Set([...of(a), ...of(b)])];
  const methods = union((r) => r.methods.map((m) => m.name));
  const tests = union((r) => r.tests.map((t) => t.id));
  const changed = differences(a, b);
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

${changed.length === 0 ? "Both audits are of the same problem: the same images, sampling, noise and seed." : `They are not of the same problem, so differences below may come from that:\n\n${changed.map((c) => `- ${c}`).join("\n")}`}

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
