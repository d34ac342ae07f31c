// Stubs whose answer is known: the bench finds what was built in, and nothing else; and methods
// that are no methods are named.
import { describe, expect, it } from "vitest";
import {
  ascentPresets,
  audit,
  badReconstructionLikelihood,
  instabilityAscent,
  inventedDetail,
  lostDetailSearch,
  planAudit,
  practicalFaults,
  renderHtml,
  samplingRates,
  structuralChange,
  worstCasePerturbation,
  type AuditResult,
  type StabilityTest,
} from "fiducial/audit";
import { arithmetic } from "fiducial/engine";
import {
  gaussianNoise,
  inverseProblem,
  magnitude,
  maximum,
  nestedMasks,
  radialMask,
  reconstruct,
  subsampledFourier,
  totalVariation,
  waveletSparsity,
  zeroFilled,
  type Mask,
  type Operator,
  type Reconstructor,
} from "fiducial/imaging";
import { backend, images, operator, problem, shape } from "./stub-problem.ts";

const honest = zeroFilled();
const constant: Reconstructor = {
  name: "constant",
  description: { kind: "constant" },
  apply: (b, y) => b.emit("mul", { a: y, b: b.scalar(0) }, {}),
};
const run = async (
  test: StabilityTest,
  ...methods: Reconstructor[]
): Promise<AuditResult["tests"][number]> =>
  (await audit({ problem, methods, tests: [test], seed: 1, backend })).tests[1];
const shareOf = (mask: Mask): number => mask.data.reduce((a, b) => a + b, 0) / mask.data.length;

describe("nested masks", () => {
  it.each([
    ["columns", operator.sampling.mask],
    ["cells", radialMask({ shape, spokes: 9 })],
  ] as const)("of %s: each holds the smaller ones, and the given one is among them", (_, mask) => {
    const own = shareOf(mask);
    const masks = nestedMasks(mask, { rates: [0.1, own, 0.5 + own / 2, 1], seed: 4 });
    masks.forEach((m, i) => {
      if (i > 0)
        for (let k = 0; k < m.data.length; k++)
          expect(m.data[k]).toBeGreaterThanOrEqual(masks[i - 1].data[k]);
    });
    expect(masks[1].data).toEqual(mask.data);
    expect(shareOf(masks[0])).toBeCloseTo(0.1, 1);
    expect(shareOf(masks[3])).toBe(1);
    for (const m of masks) expect(m.data[16 * 32 + 16]).toBe(1);
    expect(() => nestedMasks(mask, { rates: [0], seed: 1 })).toThrow(/in \(0, 1\]/);
  });
});

describe("more samples", () => {
  /** Knows one rate by heart: given more, it darkens the image. */
  const memorising: Reconstructor = {
    name: "memorising",
    description: { kind: "stub" },
    apply: (b, y, op) =>
      b.emit(
        "mul",
        {
          a: op.adjoint(b, y),
          b: b.scalar(
            shareOf((op as typeof operator).sampling.mask) > 1.1 * shareOf(operator.sampling.mask)
              ? 0.7
              : 1,
          ),
        },
        {},
      ),
  };
  it("finds a method that memorised its rate, and not an honest one; one that is bound to its mask is left out", async () => {
    const bound = { ...honest, name: "bound", madeFor: { operator: operator.spec! } };
    const test = await run(samplingRates(), honest, memorising, bound, constant);
    expect(test.verdicts.map((v) => v.outcome)).toEqual([
      "pass",
      "fail",
      "not-applicable",
      "error",
    ]);
    expect(test.verdicts[1].explanation).toMatch(
      /is \d+\.\d+ dB \(.* to .*\) worse at \d+ % of k-space than at \d+ %/,
    );
    expect(test.verdicts[3].explanation).toMatch(
      /^gives the same image.*never gets worse with more; gains 0\.00 dB/,
    );
    const own = test.rates!.filter((r) => r.method === "zero-filled");
    // above twice the audit's rate everything is measured: one rate instead of two
    expect(own).toHaveLength(2 * 7);
    for (const image of [0, 1]) {
      const means = own
        .filter((r) => r.image === image)
        .map((r) => r.psnr.reduce((a, b) => a + b, 0) / r.psnr.length);
      means.forEach((m, i) => {
        if (i > 0) expect(m).toBeGreaterThan(means[i - 1]);
      });
    }
  });
});

describe("searches for one detail", () => {
  /** Linear; `weights` of k-space. */
  const filtered = (
    name: string,
    gain: (row: number, column: number) => number,
  ): Reconstructor => ({
    name,
    description: { kind: "stub" },
    apply: (b, y) =>
      operator.adjoint(
        b,
        b.emit(
          "mul",
          {
            a: y,
            b: b.constant(
              Float32Array.from({ length: 1024 }, (_, k) =>
                gain(Math.floor(k / 32) - 16, (k % 32) - 16),
              ),
              [...shape],
            ),
          },
          {},
        ),
      ),
  });
  it("finds the corner of the image where a method hides details, and gives a linear method's exact value", async () => {
    const hiding: Reconstructor = {
      name: "hiding",
      description: { kind: "stub" },
      apply: (b, y) =>
        b.emit(
          "mul",
          {
            a: operator.adjoint(b, y),
            b: b.constant(
              Float32Array.from({ length: 1024 }, (_, k) =>
                Math.floor(k / 32) < 16 && k % 32 < 16 ? 0.05 : 1,
              ),
              [...shape],
            ),
          },
          {},
        ),
    };
    const test = await run(
      lostDetailSearch({ radius: 2, walks: 2, moves: 30 }),
      honest,
      hiding,
      constant,
    );
    expect(test.verdicts.map((v) => v.outcome)).toEqual(["pass", "fail", "error"]);
    expect(test.verdicts[0].figure!.value).toBeCloseTo(100, 2);
    expect(test.verdicts[1].figure!.value).toBeLessThan(20);
    expect(test.verdicts[2].explanation).toMatch(/recovers 0 % of what is measured/);
  });
  it("a trace stays a trace for a linear method of norm one, and becomes a detail where the method amplifies", async () => {
    const test = await run(
      inventedDetail({ radius: 2.5 }),
      honest,
      filtered("amplifying", (r, c) => (r * r + c * c < 4 ? 1 : 12)),
      constant,
    );
    expect(test.verdicts.map((v) => v.outcome)).toEqual(["pass", "fail", "error"]);
    expect(test.verdicts[0].figure!.value).toBeLessThanOrEqual(25.01);
    expect(test.verdicts[0].figure!.value).toBeGreaterThan(8);
    expect(test.measurements.find((m) => m.method === "constant")!.shown).toBe(0);
  });
});

describe("the worst cases of stubs", () => {
  it("a linear method of norm one is never seen to amplify, and a constant moves by exactly nothing", async () => {
    const { tests, certificates } = await audit({
      problem,
      methods: [honest, constant],
      tests: [
        instabilityAscent({ iterations: 20 }),
        worstCasePerturbation({ steps: 4, restarts: 2 }),
      ],
      seed: 1,
      backend,
      certificates: true,
    });
    const [accuracy, ...searched] = tests;
    expect(accuracy.verdicts.map((v) => v.outcome)).toEqual(["pass", "fail"]);
    for (const test of searched) {
      expect(test.verdicts.map((v) => v.outcome)).toEqual(["pass", "error"]);
      for (const m of test.measurements) {
        if (m.method === "constant") expect(m.outputChange).toBe(0);
        else expect(m.amplification).toBeLessThanOrEqual(1 + 1e-5);
      }
    }
    expect(searched[0].verdicts[1].explanation).toMatch(/^gives the same image.*costs 0\.00 dB/);
    // changes of float32 reconstructions, under perturbations as small as a thousandth of ‖y‖:
    // their rounding is 1e-4 of them, and the audit itself allows 1e-3
    expect(Math.abs(certificates![0].local - 1)).toBeLessThan(1e-3);
    expect(certificates![0].found).toBeLessThanOrEqual(1 + 1e-3);
    expect(certificates![1].found).toBe(0);
    expect(certificates![1].local).toBe(0);
  });
});

describe("balls, regions and published settings", () => {
  it("ℓ∞: no cell of the perturbation passes the budget; a region's search changes the region more than a search of the whole", async () => {
    const tv = totalVariation({ iterations: 10 });
    let largest = 0;
    const spy = (test: StabilityTest): StabilityTest => ({
      ...test,
      examine: (subject) =>
        test.examine({
          ...subject,
          measure: (r, o) => {
            largest = Math.max(largest, maximum(magnitude(r)) / subject.referenceMaximum);
            return subject.measure(r, o);
          },
        }),
    });
    const settings = { relativeBudgets: [0.01], steps: 12, restarts: 2 };
    for (const domain of ["image", "measurement"] as const) {
      largest = 0;
      const test = await run(spy(worstCasePerturbation({ ...settings, domain, ball: "linf" })), tv);
      expect(largest).toBeGreaterThan(0.0099);
      // the search's float32; the laboratory clips again
      expect(largest).toBeLessThanOrEqual(0.01 * (1 + 1e-6));
      for (const m of test.measurements) expect(m.strongerThanNoise).toBe(true);
    }
    const region = [8, 10, 6, 5] as const;
    const moved = async (test: StabilityTest): Promise<number> => {
      let inside = 0;
      await run(
        {
          ...test,
          examine: (subject) =>
            test.examine({
              ...subject,
              measure: async (r, o) => {
                const x = await subject.reconstruct(r);
                for (let k = 0; k < 2048; k++) {
                  const [row, column] = [Math.floor((k % 1024) / 32), k % 32];
                  if (row >= 8 && row < 14 && column >= 10 && column < 15)
                    inside += (x[k] - subject.clean[k]) ** 2;
                }
                return subject.measure(r, o);
              },
            }),
        },
        tv,
      );
      return inside;
    };
    expect(await moved(worstCasePerturbation({ ...settings, region }))).toBeGreaterThan(
      1.2 * (await moved(worstCasePerturbation(settings))),
    );
    const [, { verdicts }] = (
      await audit({
        problem,
        methods: [tv],
        tests: [worstCasePerturbation({ ...settings, region: [30, 0, 6, 5] })],
        seed: 1,
        backend,
      })
    ).tests;
    expect(verdicts[0]).toMatchObject({
      outcome: "error",
      explanation: expect.stringMatching(
        /region 30,0,6,5: it does not lie inside the image of 32×32/,
      ) as string,
    });
  });
  it("the published ascents stop after their own numbers of steps", async () => {
    const test = await run(instabilityAscent(ascentPresets.automap), honest);
    expect(test.measurements.filter((m) => m.image === 0).map((m) => m.iteration)).toEqual([
      12, 16, 20, 24,
    ]);
    expect(test.settings).toMatchObject({
      lambda: 0.1,
      stepSize: 0.001,
      momentum: 0.9,
      start: 1e-5,
      aim: "truth",
    });
    for (const preset of Object.values(ascentPresets))
      expect(() => instabilityAscent(preset)).not.toThrow();
    expect(() => instabilityAscent({ stops: [5, 4] })).toThrow(
      /must be whole numbers that increase/,
    );
  });
});

describe("an operator of another kind", () => {
  /** The upper 20 rows of the image: no k-space, and measurements of another shape than images. */
  const window: Operator = {
    name: "window",
    domain: [2, 32, 32],
    range: [2, 20, 32],
    norm: 1,
    measured: new Uint8Array(2 * 20 * 32).fill(1),
    description: { kind: "window" },
    forward: (b, x) => arithmetic(b).slice(x, 2, 0, 20),
    adjoint: (b, y) => b.emit("pad", { x: y }, { before: [0, 0, 0, 0], after: [0, 0, 12, 0] }),
  };
  const other = inverseProblem({
    operator: window,
    noise: gaussianNoise({ sigma: 0.005 }),
    images,
  });
  it("has every test that does not look at k-space; of the others it says what they need", async () => {
    const tests = [
      instabilityAscent({ iterations: 5 }),
      worstCasePerturbation({ steps: 3, restarts: 1 }),
      worstCasePerturbation({ steps: 3, restarts: 1, ball: "linf" }),
      inventedDetail({ radius: 2.5, steps: 3 }),
      samplingRates(),
      structuralChange({ placements: 2 }),
      lostDetailSearch({ moves: 2 }),
      practicalFaults(),
      badReconstructionLikelihood({ samples: 20 }),
    ].map((t, i) => (i === 2 ? { ...t, id: "linf" } : t));
    const methods = [honest, waveletSparsity({ iterations: 5, levels: 2 })];
    const result = await audit({
      problem: other,
      methods,
      tests,
      seed: 1,
      backend,
      certificates: true,
    });
    const [accuracy, ...searched] = result.tests;
    expect(accuracy.id).toBe("accuracy");
    expect(searched.map((t) => t.measurements.length > 0)).toEqual(tests.map((_, i) => i < 4));
    for (const test of searched.slice(0, 4)) {
      expect(test.verdicts.map((v) => v.outcome)).not.toContain("error");
      for (const m of test.measurements)
        if (m.method === "zero-filled") expect(m.amplification).toBeLessThan(1.001);
    }
    for (const test of searched.slice(4)) {
      expect(test.measurements).toEqual([]);
      expect(test.verdicts[0].explanation).toBe(
        "needs a sampling mask of k-space, and window has none",
      );
    }
    expect(result.pictures.mask).toBeUndefined();
    expect(result.certificates![0].local).toBeCloseTo(1, 3);
    expect(renderHtml(result, { command: "npx fiducial audit" })).toContain(
      "needs a sampling mask of k-space",
    );
  });
  it("refuses a method that needs what it lacks", async () => {
    const needy = { ...honest, requires: ["sampling"] as const };
    const tests = [worstCasePerturbation()];
    await expect(
      planAudit({ problem: other, methods: [needy], tests, seed: 1, backend }),
    ).rejects.toThrow(/zero-filled needs a sampling mask of k-space, and window has none/);
  });
});

describe("methods and operators that are none", () => {
  const tests = [worstCasePerturbation({ relativeBudgets: [0.02], steps: 2, restarts: 1 })];
  const outcome = async (broken: Reconstructor): Promise<string> => {
    const result = await audit({ problem, methods: [broken, honest], tests, seed: 1, backend });
    expect(result.tests[1].verdicts.map((v) => v.outcome)).toEqual(["error", "pass"]);
    return result.tests[1].verdicts[0].explanation;
  };
  it("another image for the same measurement", async () => {
    let calls = 0;
    expect(
      await outcome({
        ...honest,
        name: "drawing",
        apply: (b, y) =>
          b.emit("mul", { a: operator.adjoint(b, y), b: b.scalar(1 + 0.1 * calls++) }, {}),
      }),
    ).toMatch(/gives different images for the same measurement/);
  });
  it("another shape, a constant, a graph that cannot be built", async () => {
    expect(
      await outcome({
        ...honest,
        name: "cropped",
        apply: (b, y) =>
          b.emit(
            "slice",
            { x: operator.adjoint(b, y) },
            { start: [0, 0, 0, 0], end: [1, 2, 16, 32] },
          ),
      }),
    ).toMatch(/gives \[1×2×16×32\], an image is \[1×2×32×32\]/);
    expect(
      await outcome({
        ...honest,
        name: "real",
        apply: (b, y) => {
          const { slice } = arithmetic(b);
          return slice(operator.adjoint(b, y), 1, 0, 1);
        },
      }),
    ).toMatch(/gives \[1×1×32×32\]/);
    expect(await outcome(constant)).toMatch(/^gives the same image whatever is measured/);
  });
  it("a method made for another operator is refused before anything is computed, in one line that says both", async () => {
    const refused = async (madeFor: Reconstructor["madeFor"]): Promise<string> =>
      audit({
        problem,
        methods: [honest, { ...honest, name: "stranger", madeFor }],
        tests,
        seed: 1,
        backend,
      }).then(
        () => "",
        (error: Error) => `${error.name}: ${error.message}`,
      );
    const other = subsampledFourier({ mask: radialMask({ shape, spokes: 9 }) });
    expect(await refused({ domain: [2, 64, 64] })).toMatch(
      /^ConfigError: audit: stranger was made for images of \[2×64×64\], the operator's are \[2×32×32\]; [^\n]*$/,
    );
    expect(await refused({ range: [2, 4, 32, 32] })).toMatch(
      /stranger was made for measurements of \[2×4×32×32\], the operator's are \[2×32×32\]/,
    );
    expect(await refused({ operator: other.spec! })).toMatch(
      /stranger was made for .*radial.*variable-density/,
    );
    const fitting = { domain: operator.domain, range: operator.range, operator: operator.spec! };
    expect(await refused(fitting)).toBe("");
    await expect(
      reconstruct({ ...honest, madeFor: { range: [1] } }, [], operator, backend),
    ).rejects.toThrow(/zero-filled was made for measurements of \[1\]/);
  });
  it("an operator without an adjoint, or with another's", async () => {
    const { adjoint: _, ...none } = operator;
    const of = (op: typeof operator): Promise<unknown> =>
      planAudit({
        problem: inverseProblem({ operator: op, noise: gaussianNoise({ sigma: 0 }), images }),
        methods: [honest],
        tests,
        seed: 1,
        backend,
      });
    await expect((async () => of(none as typeof operator))()).rejects.toThrow(
      /subsampledFourier has no adjoint/,
    );
    await expect(
      of({
        ...operator,
        adjoint: (b, y) => b.emit("mul", { a: operator.adjoint(b, y), b: b.scalar(2) }, {}),
      }),
    ).rejects.toThrow(/adjoint of subsampledFourier is not its forward's adjoint/);
  });
  it("thresholds out of range", () => {
    expect(() => instabilityAscent({ maxPsnrLoss: 0 })).toThrow(/threshold 0/);
    expect(() => worstCasePerturbation({ maxPsnrLoss: -1 })).toThrow(/threshold -1 dB/);
    expect(() => lostDetailSearch({ leastShare: 1.5 })).toThrow(/threshold 1\.5/);
    expect(() => inventedDetail({ maxShown: 0.1 })).toThrow(/below the threshold 0\.1/);
    expect(() => samplingRates({ maxPsnrDrop: -1 })).toThrow(/not negative/);
    expect(() => samplingRates({ factors: [2, 3] })).toThrow(/have 1/);
  });
});
