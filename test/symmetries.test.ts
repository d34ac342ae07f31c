// Relations that hold for every honest method: stubs that break one of them are found by that one,
// and a relation that the operator does not have is left out.
import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { audit, openTest, symmetries, type AuditResult } from "fiducial/audit";
import { arithmetic, type GraphBuilder, type Value } from "fiducial/engine";
import {
  birdcageCoils,
  fullMask,
  gaussianNoise,
  inverseProblem,
  maskFrom,
  multiCoilFourier,
  subsampledFourier,
  totalVariation,
  waveletSparsity,
  zeroFilled,
  type Operator,
  type Reconstructor,
} from "fiducial/imaging";
import { backend, images, mask, operator as columns, problem, shape } from "./stub-problem.ts";

const [H, W] = shape;

const stub = (name: string, apply: (b: GraphBuilder, x: Value) => Value): Reconstructor => ({
  name,
  description: { kind: "stub" },
  apply: (b, y, operator) => apply(b, operator.adjoint(b, y)),
});
const weighted = (name: string, gain: (row: number, channel: number) => number): Reconstructor => {
  const gains = Float32Array.from({ length: 2 * H * W }, (_, k) =>
    gain(Math.floor(k / W) % H, Math.floor(k / (H * W))),
  );
  return stub(name, (b, x) => b.emit("mul", { a: x, b: b.constant(gains, [2, H, W]) }, {}));
};
/** As bright as it is: twice as much measured is eight times as bright. */
const cubic = stub("cubic", (b, x) => {
  const { mul, reshape, square, sum } = arithmetic(b);
  return mul(x, reshape(sum(square(x), [1]), [1, 1, H, W]));
});
const real = weighted("real part", (_, channel) => 1 - channel);
const striped = weighted("striped", (row) => (row % 2 ? 1.4 : 0.6));
/** i · A*y: linear in every way but the conjugate's. */
const turning = stub("turning", (b, x) => {
  const { concat, mul, slice } = arithmetic(b);
  return concat([mul(slice(x, 1, 1, 2), -1), slice(x, 1, 0, 1)], 1);
});

type Tested = AuditResult["tests"][number];
const run = async (operator: Operator, ...methods: Reconstructor[]): Promise<Tested> => {
  const problem = inverseProblem({ operator, noise: gaussianNoise({ sigma: 0.005 }), images });
  return (await audit({ problem, methods, tests: [symmetries()], seed: 1, backend })).tests[1];
};
const outcomes = ({ verdicts }: Tested): Record<string, string> =>
  Object.fromEntries(verdicts.map((v) => [v.method, v.outcome]));
/** The labels whose largest share over the images is above `limit`. */
const brokenBy = ({ scores = [] }: Tested, method: string, limit: number): string[] => [
  ...new Set(
    scores
      .filter((s) => s.method === method && s.figures.shareOfOwnError > limit)
      .map((s) => s.label),
  ),
];
const leftOut = ({ scores = [] }: Tested): string[] => [
  ...new Set(scores.filter((s) => s.leftOut !== undefined).map((s) => s.label)),
];

describe("symmetries", () => {
  it("a linear method keeps all of them but for rounding; each stub breaks its own and no other", async () => {
    const test = await run(columns, zeroFilled(), cubic, real, striped);
    expect(outcomes(test)).toMatchObject({
      "zero-filled": "pass",
      cubic: "fail",
      "real part": "fail",
      striped: "fail",
    });
    expect(brokenBy(test, "zero-filled", 1e-4)).toEqual([]);
    expect(brokenBy(test, "cubic", 1e-3)).toEqual(["scale × 0.5", "scale × 2", "scale × 10"]);
    expect(brokenBy(test, "real part", 1e-3)).toEqual(["phase 90°"]);
    expect(brokenBy(test, "striped", 1e-3)).toEqual(["shift by a row"]);
    expect(leftOut(test)).toEqual(["conjugate"]);
    const [, , ofReal] = test.verdicts;
    expect(ofReal.explanation).toMatch(
      /breaks phase 90° by \d+\.\d+ times its own error \(\d.* of ‖x‖\); threshold 1 \(phase 90°: zero-filled 0\.00\)/,
    );
    expect(ofReal.explanation).toMatch(/left out, as the operator does not have it: conjugate/);
    // as built in: f(sy)/s is s² times f(y)
    const at = (label: string, image: number): number =>
      test.scores!.find((s) => s.method === "cubic" && s.label === label && s.image === image)!
        .figures.relative;
    for (const image of [0, 1]) {
      expect(at("scale × 10", image) / at("scale × 2", image)).toBeCloseTo(99 / 3, 2);
      expect(at("scale × 0.5", image) / at("scale × 2", image)).toBeCloseTo(0.75 / 3, 4);
    }
  });
  it("where every −k is measured, the conjugate is asked, and found", async () => {
    const test = await run(subsampledFourier({ mask: fullMask(shape) }), zeroFilled(), turning);
    expect(leftOut(test)).toEqual([]);
    expect(outcomes(test)).toMatchObject({ "zero-filled": "pass", turning: "fail" });
    expect(brokenBy(test, "turning", 1e-3)).toEqual(["conjugate"]);
  });
  it("moves the image along the axis that is wholly sampled", async () => {
    const cells = Float64Array.from(
      { length: H * W },
      (_, k) => mask.data[(k % H) * W + Math.floor(k / H)],
    );
    const rows = subsampledFourier({ mask: maskFrom(cells, shape, shape) });
    const test = await run(rows, zeroFilled(), striped);
    expect(test.scores!.map((s) => s.label)).toContain("shift by a column");
    // stripes of rows do not move with the columns
    expect(brokenBy(test, "striped", 1e-3)).toEqual([]);
  });
  it("with several coils, which stay where they are, asks for scale and phase alone", async () => {
    const test = await run(
      multiCoilFourier({ mask, coils: birdcageCoils({ shape, coils: 3 }) }),
      zeroFilled(),
      real,
    );
    expect(leftOut(test)).toEqual(["shift by a row", "conjugate"]);
    expect(outcomes(test)).toMatchObject({ "zero-filled": "pass", "real part": "fail" });
    expect(test.details[0]).toMatchObject({
      kind: "table",
      note: expect.stringMatching(/does not have the relation/),
    });
  });
  it("a method that is told the noise's level is told it in the measurement's units", async () => {
    for (const told of [totalVariation({ sigma: 0.05 }), waveletSparsity({ sigma: 0.05 })]) {
      const { inUnits, ...untold } = told;
      expect(inUnits).toBeDefined();
      const scales = ["scale × 0.5", "scale × 2", "scale × 10"];
      expect(brokenBy(await run(columns, untold), told.name, 1e-3)).toEqual(
        expect.arrayContaining(scales),
      );
      expect(brokenBy(await run(columns, told), told.name, 1e-3)).not.toEqual(
        expect.arrayContaining([expect.stringMatching(/^scale/)]),
      );
    }
    expect(totalVariation().inUnits).toBeUndefined();
    expect(totalVariation({ lambda: 0.01, sigma: 0.05 }).inUnits).toBeUndefined();
  });
  it("holds to the published schema", async () => {
    const validate = new Ajv2020({ strict: false }).compile(
      JSON.parse(readFileSync(new URL("../schema/result.schema.json", import.meta.url), "utf8")),
    );
    const result = await audit({
      problem,
      methods: [zeroFilled()],
      tests: [symmetries()],
      seed: 1,
      backend,
    });
    validate(JSON.parse(JSON.stringify(result)));
    expect(validate.errors).toBe(null);
  });
  it("is opened from plain data, and refuses what makes no sense in one line", () => {
    expect(openTest({ kind: "symmetries", factors: [3], degrees: [45] }).settings).toEqual({
      factors: [3],
      phasesInDegrees: [45],
    });
    expect(() => symmetries({ factors: [0] })).toThrow(
      /factors and the threshold must be positive/,
    );
    expect(() => symmetries({ degrees: [Number.NaN] })).toThrow(/phases finite/);
    expect(() => symmetries({ maxShare: 0 })).toThrow(/must be positive/);
    expect(() => symmetries({ factors: [], degrees: [] })).toThrow(/at least one factor/);
  });
});
