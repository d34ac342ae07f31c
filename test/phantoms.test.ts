// Objects that bring their own measurement: the disc of the FDA's toolkit in k-space, Bessel's
// function, ellipses against their own pixels, and problems that use them.
import { describe, expect, it } from "vitest";
import { openBackend } from "fiducial/engine";
import {
  analyticEllipses,
  applyOperator,
  besselJ1,
  birdcageCoils,
  fanBeam,
  fullMask,
  gaussianNoise,
  inverseProblem,
  magnitude,
  maximum,
  measure,
  measureEllipses,
  multiCoilFourier,
  nonUniformFourier,
  norm,
  parallelBeam,
  radialMask,
  rasterOf,
  subsampledFourier,
  type Ellipse,
  type Operator,
} from "fiducial/imaging";

const backend = await openBackend("reference");
const N = 128;

describe("a disc in k-space", () => {
  // 256 mm over 128 pixels: r = 60 mm, c = (10, −20) mm
  const disc: Ellipse = { row: 64 + 5, column: 64 - 10, a: 30, b: 30, turned: [0, 1], value: 1 };
  const whole = subsampledFourier({ mask: fullMask([N, N]) });
  const y = measureEllipses([disc], whole);
  it("has the values of the FDA's formula", () => {
    expect(y[64 * N + 64]).toBeCloseTo(22.0893233456, 9);
    expect(y[65 * N + 64]).toBeCloseTo(16.1206459098, 9);
    expect(y[N * N + 65 * N + 64]).toBeCloseTo(-4.0380115903, 9);
    expect(norm(y)).toBeCloseTo(53.0116876474, 8);
  });
  it("has the image of the FDA's formula, its rings included", async () => {
    const image = (await applyOperator(whole, "adjoint", y, backend)).slice(0, N * N);
    expect(image.reduce((p, q) => Math.max(p, q))).toBeCloseTo(1.0918894939, 8);
    expect(image.reduce((p, q) => Math.min(p, q))).toBeCloseTo(-0.0895700764, 8);
    expect(image.reduce((p, q) => p + q)).toBeCloseTo(2827.4333882308, 6);
  });
});

it("J₁ has the tables' values on both sides of where its formulas meet", () => {
  for (const [x, want] of [
    [0, 0],
    [1, 0.44005058574493355],
    [5, -0.3275791375914652],
    [10, 0.04347274616886144],
    [20, 0.06683312417584991],
    [100, -0.07714535201411216],
  ])
    expect(besselJ1(x)).toBeCloseTo(want, 11);
  // the two formulas against each other: J₁ is nearly straight over so little
  const step = 1e-4;
  const [before, at, after] = [14 - step, 14, 14 + step].map(besselJ1);
  expect(before + after - 2 * at).toBeCloseTo(0, 7);
});

describe("ellipses", () => {
  const shape = [48, 40] as const;
  const objects = analyticEllipses({ shape, count: 2, seed: 5 });
  const operators: [string, Operator][] = [
    ["a mask", subsampledFourier({ mask: radialMask({ shape, spokes: 12 }) })],
    [
      "spokes",
      nonUniformFourier({ shape, trajectory: { kind: "radial", spokes: 9, samples: 96 } }),
    ],
    ["a parallel beam", parallelBeam({ shape, views: 12, detectors: 64, arc: 180 })],
    ["a fan beam", fanBeam({ shape, views: 12, detectors: 66, source: 150, detector: 0 })],
  ];
  it.each(operators)(
    "measured by %s are near what their pixels give, and not the same",
    async (_, operator) => {
      const own = objects.measurement(1, operator);
      const pixels = await applyOperator(operator, "forward", objects.image(1), backend);
      const away = norm(own.map((v, k) => v - pixels[k])) / norm(own);
      expect(away).toBeGreaterThan(1e-3);
      expect(away).toBeLessThan(0.05);
      expect(own.every((v, k) => operator.measured[k] === 1 || v === 0)).toBe(true);
    },
  );
  it("are images from 0 to 1, each its own", () => {
    const [first, second] = [objects.image(0), objects.image(1)];
    expect(maximum(magnitude(first))).toBeCloseTo(1, 6);
    expect(first).not.toEqual(second);
    expect(analyticEllipses({ shape, count: 5, seed: 5 }).image(1)).toEqual(second);
  });
  it("have the area of their formula in pixels", () => {
    const turned = [Math.SQRT1_2, Math.SQRT1_2] as const;
    const image = rasterOf([{ row: 20, column: 18.5, a: 9, b: 5, turned, value: 2 }], shape, 16);
    expect(image.reduce((p, q) => p + q) / (2 * Math.PI * 45)).toBeCloseTo(1, 3);
  });
  it("are measured so in a problem, with its noise", async () => {
    const [, operator] = operators[2];
    const problem = inverseProblem({
      operator,
      noise: gaussianNoise({ sigma: 0.1 }),
      images: objects,
    });
    const y = await measure(problem, { image: 0, seed: 4, backend });
    const noise = problem.draw(4, 0);
    const want = objects.measurement(0, operator).map((v, k) => v + noise[k]);
    expect(norm(want.map((v, k) => v - y[k])) / norm(y)).toBeLessThan(1e-12);
  });
  it("are refused by an operator that has no formula of them", () => {
    const operator = multiCoilFourier({
      mask: fullMask(shape),
      coils: birdcageCoils({ shape, coils: 3 }),
    });
    const noise = gaussianNoise({ sigma: 0 });
    expect(() => inverseProblem({ operator, noise, images: objects })).toThrow(
      /measured from their formulas, and multiCoilFourier measures neither/,
    );
  });
});
