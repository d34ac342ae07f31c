// Audits of measurements whose truth nobody knows: figures in the place of verdicts.
import { describe, expect, it } from "vitest";
import {
  answerOf,
  audit,
  badReconstructionLikelihood,
  instabilityAscent,
  inventedDetail,
  lostDetailSearch,
  practicalFaults,
  readResult,
  renderHtml,
  renderMarkdown,
  samplingRates,
  structuralChange,
  symmetries,
  worstCasePerturbation,
  type AuditResult,
} from "fiducial/audit";
import {
  gaussianNoise,
  imagesFrom,
  inverseProblem,
  measure,
  totalVariation,
  zeroFilled,
} from "fiducial/imaging";
import { backend, operator, problem, shape } from "./stub-problem.ts";

const y = await measure(problem, { image: 0, seed: 3, backend });
const nothing = new Float32Array(2 * shape[0] * shape[1]);
const unknown = inverseProblem({
  operator,
  noise: gaussianNoise({ sigma: 0 }),
  images: imagesFrom([nothing], shape),
});
const tests = [
  instabilityAscent({ relativeNorms: [0.02, 0.05], iterations: 8 }),
  worstCasePerturbation({ relativeBudgets: [0.02], steps: 8 }),
  inventedDetail({ steps: 4 }),
  structuralChange({ radii: [2.5], contrasts: [0.2], placements: 4 }),
  lostDetailSearch({ walks: 1, moves: 4 }),
  samplingRates(),
  practicalFaults(),
  symmetries(),
  badReconstructionLikelihood(),
];
const methods = [totalVariation({ lambda: 0.005 }), zeroFilled()];
const run = (measurements: readonly Float64Array[]): Promise<AuditResult> =>
  audit({ problem: unknown, methods, tests, seed: 3, backend, measurements });
const result = await run([y]);

describe("a measurement without a known truth", () => {
  it("is judged by no test, and nothing is claimed of its accuracy", () => {
    expect(result.problem.truth).toBe("unknown");
    expect(result.accuracy).toEqual([]);
    expect(result.initialPsnr).toBeUndefined();
    for (const { outcome, verdicts, measurements } of result.tests) {
      expect([outcome, ...verdicts.map((v) => v.outcome)]).toEqual(
        new Array(3).fill("not-applicable"),
      );
      expect(measurements).toEqual([]);
    }
  });
  it("has a figure where one needs no truth, and says of the others that they do", () => {
    const without = result.tests.filter((t) => (t.scores ?? []).length === 0).map((t) => t.id);
    expect(without).toEqual([
      "sampling-rates",
      "practical-faults",
      "bad-reconstruction-likelihood",
    ]);
    for (const { id, verdicts } of result.tests)
      expect(verdicts[0].explanation).toMatch(
        without.includes(id) ? /needs the true image/ : /^is not judged/,
      );
  });
  it("figures of a linear method are what they must be", () => {
    const of = (id: string) =>
      result.tests
        .find((t) => t.id === id)!
        .scores!.filter((s) => s.method === "zero-filled" && !s.leftOut);
    expect(of("accuracy")[0].figures.residual).toBeLessThan(1e-6);
    // A* is a partial isometry: it changes by what is measured, as noise makes it change
    for (const id of ["instability-ascent", "worst-case-perturbation"])
      for (const { figures } of of(id)) {
        expect(figures.lipschitz).toBeCloseTo(1, 4);
        expect(figures.timesNoise).toBeCloseTo(1, 4);
      }
    for (const { figures } of of("structural-change"))
      expect(figures.recovered).toBeCloseTo(figures.measured, 4);
    for (const { figures } of of("symmetries")) expect(figures.relative).toBeLessThan(1e-5);
  });
  it("the same measurement gives the same bits, in any unit nearly the same figures", async () => {
    expect((await run([y])).sha256).toBe(result.sha256);
    const larger = await run([y.map((v) => 1000 * v)]);
    const figures = (r: AuditResult) =>
      r.tests.find((t) => t.id === "worst-case-perturbation")!.scores!;
    for (const [i, { figures: own }] of figures(larger).entries())
      expect(own.change / figures(result)[i].figures.change).toBeCloseTo(1, 1);
  });
  it("its report says so first, prints no PSNR, and can be read back", () => {
    expect(answerOf(result).answer).toMatch(
      /^Whether .* cannot be judged, for no true image is known\./,
    );
    const [html, markdown] = [
      renderHtml(result, { command: "x" }),
      renderMarkdown(result, { command: "x" }),
    ];
    expect(markdown).toMatch(/no true image is known/);
    for (const text of [html.replaceAll(/base64,[^"]*/g, ""), markdown])
      expect(/undefined|NaN|\[object|\d\.\d+ dB/.exec(text)?.[0]).toBeUndefined();
    expect(readResult(JSON.stringify(result), "result.json").problem.truth).toBe("unknown");
  });
  it("measurements of another size are refused", async () => {
    await expect(run([y.slice(1)])).rejects.toThrow(
      /audit: 1 measurements, one of 2047 values; the operator's have 2048/,
    );
  });
});
