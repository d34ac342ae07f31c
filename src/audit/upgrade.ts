// Results of schema 1.0 to 1.2 say what was measured, but not how to show it: their tests get the
// details that the same findings have today.
import type { Detail } from "../report/index.ts";
import { audited } from "./audited.ts";
import type { AuditResult, Measurement, TestRecord } from "./schema.ts";
import { foundNothing, type Found } from "./stability/shown/found.ts";
import { shownAsLikelihood } from "./stability/shown/likelihood.ts";
import { shownAsRates } from "./stability/shown/rates.ts";
import { shownAsRecovery } from "./stability/shown/recovery.ts";
import { shownAsSearch, shownAsWorstCase } from "./stability/shown/search.ts";
import { shownAsSeries } from "./stability/shown/series.ts";

type Old = Omit<TestRecord, "details"> & { readonly details?: readonly Detail[] };

/** JSON has no infinity: an infinite PSNR is null there. */
export const infinite = (psnr: number | null): number => psnr ?? Number.POSITIVE_INFINITY;
export const withInfinities = (m: Measurement): Measurement => ({
  ...m,
  psnr: { before: infinite(m.psnr.before), after: infinite(m.psnr.after) },
  noise: { ...m.noise, psnr: infinite(m.noise.psnr) },
});

/** How findings are shown that came without it: by what was found. */
function showOf(test: Old): (found: Found) => Detail[] {
  const { rates, measurements, thresholds } = test;
  if (foundNothing(test)) return () => [];
  if (rates) return shownAsRates;
  if (measurements.some((m) => m.detail)) return shownAsRecovery;
  if (measurements.some((m) => m.likelihood)) return shownAsLikelihood;
  if (measurements.some((m) => m.series)) return shownAsSeries;
  return thresholds.judgedBudget === undefined ? shownAsSearch : shownAsWorstCase;
}

/** The result, with details for every test. */
export function upgraded(result: AuditResult): AuditResult {
  const tests: readonly Old[] = result.tests;
  if (tests.every((test) => test.details)) return result;
  const { operator, images } = result.problem;
  const around = {
    methods: result.methods.map((m) => m.name),
    audited: audited(result.methods),
    images,
    accuracy: result.accuracy.map((a) => ({ ...a, psnr: infinite(a.psnr) })),
    shape: [Number(operator.height), Number(operator.width)] as const,
    scales: result.scales,
    regions: {},
    sampledFraction: Number(operator.sampledFraction),
  };
  return {
    ...result,
    tests: tests.map((test) => {
      const read = { ...test, measurements: test.measurements.map(withInfinities) };
      return { ...test, details: test.details ?? showOf(test)({ ...around, test: read }) };
    }),
  };
}
