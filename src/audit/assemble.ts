// The result of an audit from its pieces: verdicts over all images, pictures on common scales,
// certificates. Nothing is computed again.
import { ConfigError, float32sOf } from "../engine/index.ts";
import { certificateKey, cleanKey, testKey, type AuditHeader, type Piece } from "./plan.ts";
import { heatPicture } from "./pictures.ts";
import { resultHash } from "./result.ts";
import type { AuditResult, Certificate, Outcome, TestRecord, Verdict } from "./schema.ts";
import type { Findings, StabilityTest } from "./stability/test.ts";

const overall = (verdicts: readonly Verdict[]): Outcome =>
  (["error", "fail", "pass"] as const).find((o) => verdicts.some((v) => v.outcome === o)) ?? "not-applicable";

/**
 * Puts the pieces of one audit together. `tests` are those of the plan. Throws ConfigError when a
 * piece is missing, and when a lower bound lies above a proven upper one.
 */
export function assembleAudit(
  header: AuditHeader,
  tests: readonly StabilityTest[],
  pieceOf: (key: string) => Piece | undefined,
): AuditResult {
  const missing = header.pieces.filter((p) => pieceOf(p.key) === undefined).map((p) => p.key);
  if (missing.length > 0)
    throw new ConfigError(
      `audit: ${missing.length} of ${header.pieces.length} pieces are missing: ${missing.slice(0, 5).join(", ")}${missing.length > 5 ? ", …" : ""}`,
      { missing },
    );
  const piece = (key: string): Piece => pieceOf(key)!;
  const { facts } = header;
  const names = facts.methods.map((m) => m.name);
  const images = facts.problem.images.map((_, i) => i);
  const cleans = names.map((_, m) => images.map((i) => piece(cleanKey(m, i))));
  const failures = cleans.map((own) => own.find((p) => p.error !== undefined)?.error);

  const pictures: Record<string, string> = { ...header.pictures };
  const errors: { id: string; image: number; values: Float32Array }[] = [];
  const collect = (p: Piece, image: number): void => {
    Object.assign(pictures, p.pictures);
    for (const [id, values] of Object.entries(p.errors ?? {})) errors.push({ id, image, values: float32sOf(values) });
  };
  cleans.forEach((own) => own.forEach(collect));

  const records = tests.map((test, t): TestRecord => {
    const { notApplicable } = header.tests[t];
    if (notApplicable !== undefined) return leftOut(test, names, notApplicable);
    const found = names.map((_, m) => images.map((i) => piece(testKey(test.id, m, i))));
    const verdicts = names.map((method, m): Verdict => {
      const broken = failures[m] ?? found[m].find((p) => p.error !== undefined)?.error;
      if (broken !== undefined) return { method, outcome: "error", explanation: broken };
      const verdict = test.judge(method, joined(found[m]));
      return cleans[m][0].constant
        ? {
            ...verdict,
            outcome: "error",
            explanation: `gives the same image whatever is measured, so there is nothing to test; ${verdict.explanation}`,
          }
        : verdict;
    });
    const all = found.flat();
    all.forEach((p, k) => collect(p, k % images.length));
    const { measurements, rates } = joined(all);
    const transfers = all.flatMap((p) => p.transfers ?? []);
    const outcome = overall(verdicts);
    return {
      ...(transfers.length > 0 ? { transfers } : {}),
      id: test.id,
      title: outcome === "fail" ? test.failureTitle : test.title,
      description: test.description,
      source: test.source,
      domain: test.domain,
      settings: test.settings,
      thresholds: test.thresholds,
      outcome,
      verdicts,
      measurements,
      ...(rates && rates.length > 0 ? { rates } : {}),
    };
  });

  const certificates = !header.pieces.some((p) => p.key === certificateKey(0))
    ? []
    : names.flatMap((method, m): Certificate[] => {
        const { local } = piece(certificateKey(m));
        if (failures[m] !== undefined || local === undefined) return [];
        const found = Math.max(
          0,
          ...records.flatMap((t) =>
            t.measurements
              .filter((x) => x.method === method && x.measuredNorm > 0)
              .map((x) => x.outputChange / x.measuredNorm),
          ),
        );
        const proven = header.bounds[m];
        if (proven && Math.max(local, found) > proven.bound * (1 + 1e-3)) {
          throw new ConfigError(
            `audit: ${method} was seen to change by ${Math.max(local, found)} times its measurement's change, more than its proven bound ${proven.bound} (${proven.why}); the bound or the measurement is wrong`,
            { method },
          );
        }
        return [{ method, found, local, ...(proven ? { upper: proven.bound, why: proven.why } : {}) }];
      });

  // all error maps of an image share one scale
  const tops = images.map((i) =>
    errors.reduce((top, e) => (e.image === i ? e.values.reduce((a, b) => Math.max(a, b), top) : top), 1e-12),
  );
  for (const { id, image, values } of errors) pictures[id] = heatPicture(values, header.shape, tops[image]);
  const result: Omit<AuditResult, "sha256"> = {
    ...facts,
    gradientChecks: cleans.flatMap((own) => own[0].gradientCheck ?? []),
    accuracy: cleans.flatMap((own, m) => (failures[m] === undefined ? own.flatMap((p) => p.accuracy ?? []) : [])),
    tests: records,
    ...(certificates.length > 0 ? { certificates } : {}),
    pictures,
    scales: tops.map((error, i) => ({ magnitude: header.ranges[i], error })),
  };
  return { ...result, sha256: resultHash(result) };
}

/** A test that the operator cannot have. */
function leftOut(test: StabilityTest, names: readonly string[], explanation: string): TestRecord {
  const { id, title, description, source, domain, settings, thresholds } = test;
  const verdicts = names.map((method): Verdict => ({ method, outcome: "not-applicable", explanation }));
  const outcome = "not-applicable";
  return { id, title, description, source, domain, settings, thresholds, outcome, verdicts, measurements: [] };
}

function joined(pieces: readonly Piece[]): Findings {
  const findings = pieces.flatMap((p) => p.findings ?? []);
  return { measurements: findings.flatMap((f) => f.measurements), rates: findings.flatMap((f) => f.rates ?? []) };
}
