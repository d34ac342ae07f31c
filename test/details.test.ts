// Details: where they lie, what comes back of them, and stubs whose answer is known.
import { describe, expect, it } from "vitest";
import { audit, structuralChange, type AuditResult } from "fiducial/audit";
import { arithmetic, openBackend, random } from "fiducial/engine";
import {
  brainPhantoms,
  detailShapes,
  gaussianNoise,
  inverseProblem,
  maskFrom,
  norm,
  placeDetail,
  subsampledFourier,
  variableDensityMask,
  zeroFilled,
  type DetailShape,
  type Reconstructor,
} from "fiducial/imaging";

const shape = [48, 48] as const;
const images = brainPhantoms({ shape, count: 2, seed: 5 });
const operator = subsampledFourier({
  mask: variableDensityMask({ shape, acceleration: 2, centerFraction: 0.1, seed: 3 }),
});
const problem = inverseProblem({ operator, noise: gaussianNoise({ sigma: 0.005 }), images });
const run = async (
  methods: readonly Reconstructor[],
  options: Parameters<typeof structuralChange>[0] = {},
): Promise<AuditResult["tests"][number]> =>
  (
    await audit({
      problem,
      methods,
      tests: [
        structuralChange({
          radii: [1.5, 3],
          contrasts: [0.1, 0.3],
          placements: 12,
          judged: { radius: 3, contrast: 0.3 },
          ...options,
        }),
      ],
      seed: 1,
      backend: await openBackend("wasm"),
    })
  ).tests[1];

describe("details", () => {
  it.each(Object.keys(detailShapes) as DetailShape[])(
    "%s lies on tissue, inside its box, in phase with the image",
    (name) => {
      const x = images.image(0);
      const {
        z,
        box: [top, left, height, width],
      } = placeDetail(x, shape, { shape: name, radius: 4, contrast: 0.2, rng: random(3) });
      let largest = 0;
      for (let k = 0; k < 48 * 48; k++) {
        const size = Math.hypot(z[k], z[2304 + k]);
        largest = Math.max(largest, size);
        const [row, column] = [Math.floor(k / 48), k % 48];
        if (size > 0) {
          expect(row >= top && row < top + height && column >= left && column < left + width).toBe(
            true,
          );
          if (Math.hypot(x[k], x[2304 + k]) > 1e-3)
            expect(Math.abs(x[k] * z[2304 + k] - x[2304 + k] * z[k])).toBeLessThan(1e-6);
        }
      }
      expect(largest).toBeGreaterThan(0.15);
      expect(largest).toBeLessThanOrEqual(0.2 * 1.0001);
      expect(norm(z)).toBeGreaterThan(0);
    },
  );
});

describe("structural change", () => {
  const constant: Reconstructor = {
    name: "constant",
    description: { kind: "constant" },
    apply: (b, y) => b.emit("mul", { a: y, b: b.scalar(0) }, {}),
  };
  it("zero-filling, which is linear, recovers exactly what is measured; a constant recovers nothing and is named", async () => {
    const test = await run([zeroFilled(), constant]);
    const own = (name: string): (typeof test.measurements)[number][] =>
      test.measurements.filter((m) => m.method === name);
    expect(own("zero-filled")).toHaveLength(2 * 4);
    for (const m of own("zero-filled")) {
      expect(m.detail!.placements).toBe(6);
      if (m.detail!.notRecoverable === 0)
        expect(m.detail!.recovered).toBeCloseTo(m.detail!.measured, 4);
    }
    for (const m of own("constant")) expect(Math.abs(m.detail!.recovered)).toBeLessThan(1e-12);
    expect(test.verdicts.find((v) => v.method === "constant")).toMatchObject({
      outcome: "error",
      explanation: expect.stringMatching(
        /gives the same image whatever is measured.*recovers 0 % .* loses 12 of 12/,
      ) as string,
    });
    expect(test.verdicts.find((v) => v.method === "zero-filled")!.outcome).toBe("pass");
  });
  it("finds a method out that hides small details by construction, and not the one that does not", async () => {
    const full = subsampledFourier({ mask: maskFrom(new Uint8Array(48 * 48).fill(1), shape) });
    const all = inverseProblem({ operator: full, noise: gaussianNoise({ sigma: 0.001 }), images });
    const honest = zeroFilled();
    // the mean over 13 × 13 pixels: nothing of a few pixels survives it
    const blurred: Reconstructor = {
      name: "blurred",
      description: { kind: "blurred" },
      apply: (b, y) => {
        const { reshape } = arithmetic(b);
        const x = full.adjoint(b, y);
        const [, , H, W] = x.shape;
        const mean = b.emit(
          "conv2d",
          {
            x: reshape(x, [2, 1, H, W]),
            w: b.constant(new Float32Array(169).fill(1 / 169), [1, 1, 13, 13]),
          },
          { stride: [1, 1], padding: [6, 6], dilation: [1, 1], groups: 1 },
        );
        return reshape(mean, x.shape);
      },
    };
    const {
      tests: [, test],
    } = await audit({
      problem: all,
      methods: [honest, blurred],
      tests: [structuralChange({ radii: [2], contrasts: [0.2], placements: 12 })],
      seed: 1,
      backend: await openBackend("wasm"),
    });
    expect(test.verdicts.map((v) => v.outcome)).toEqual(["pass", "fail"]);
    expect(test.verdicts[0].explanation).toMatch(/recovers 100 %/);
  });
  it("a detail that the sampling does not see is no method's fault", async () => {
    const few = new Uint8Array(48 * 48);
    for (let r = 0; r < 48; r++) few[r * 48 + 24] = 1;
    const blind = subsampledFourier({ mask: maskFrom(few, shape) });
    const {
      tests: [, test],
    } = await audit({
      problem: inverseProblem({ operator: blind, noise: gaussianNoise({ sigma: 0.001 }), images }),
      methods: [zeroFilled()],
      tests: [structuralChange({ radii: [1.5], contrasts: [0.2], placements: 8 })],
      seed: 1,
      backend: await openBackend("wasm"),
    });
    expect(test.outcome).toBe("not-applicable");
    expect(test.verdicts[0].explanation).toMatch(/none of the 8 details .* can be recovered/);
  });
  it("refuses sizes that are none and a judged one that is not tried", () => {
    expect(() => structuralChange({ radii: [0] })).toThrow(/must be positive/);
    expect(() => structuralChange({ judged: { radius: 99, contrast: 0.1 } })).toThrow(
      /not among those tried/,
    );
  });
});
