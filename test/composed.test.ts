// The composed figure of a searched test: what it shows, on which scales, and where it looks.
import { audit, instabilityAscent, worstCasePerturbation, type AuditResult } from "fiducial/audit";
import { openBackend } from "fiducial/engine";
import {
  brainPhantoms,
  gaussianNoise,
  inverseProblem,
  subsampledFourier,
  variableDensityMask,
  zeroFilled,
  type Reconstructor,
} from "fiducial/imaging";
import type { PictureGrid } from "fiducial/report";
import { describe, expect, it } from "vitest";

const shape = [32, 32] as const;
const mask = variableDensityMask({ shape, acceleration: 2, centerFraction: 0.2, seed: 3 });
const operator = subsampledFourier({ mask });
const images = brainPhantoms({ shape, count: 2, seed: 5 });
const problem = inverseProblem({ operator, noise: gaussianNoise({ sigma: 0.005 }), images });
const backend = await openBackend("wasm", { threads: 1 });

const CORNER = 12;
/** Amplifies what lies in the lower right corner, so that is where any damage is. */
const cornered: Reconstructor = {
  name: "cornered",
  description: { kind: "stub" },
  apply: (b, y) => {
    const gain = Float32Array.from({ length: 32 * 32 }, (_, k) =>
      Math.floor(k / 32) >= 32 - CORNER && k % 32 >= 32 - CORNER ? 6 : 0.5,
    );
    return b.emit("mul", { a: operator.adjoint(b, y), b: b.constant(gain, [...shape]) }, {});
  },
};
const result: AuditResult = await audit({
  problem,
  methods: [cornered, zeroFilled()],
  tests: [instabilityAscent({ iterations: 3 }), worstCasePerturbation({ steps: 3 })],
  seed: 1,
  backend,
});
const searched = result.tests.filter((t) => t.id !== "accuracy");
const grids = (test: AuditResult["tests"][number]): PictureGrid[] =>
  test.details.flatMap((d) => (d.kind === "pictures" && d.id.endsWith("-methods") ? [d] : []));

describe.each(searched)("the figure of $id", (test) => {
  it("is there for every image, and open for the one that the audited method suffers most from", () => {
    const all = grids(test);
    expect(all).toHaveLength(2);
    const open = all.filter((g) => g.fold === undefined);
    expect(open).toHaveLength(1);
    const label = test.measurements.findLast((m) => m.pictures)!.label;
    const own = test.measurements.filter((m) => m.method === "cornered" && m.label === label);
    const loss = (m: (typeof own)[number]): number => m.psnr.before - m.psnr.after;
    const worst = own.reduce((p, q) => (loss(q) > loss(p) ? q : p));
    expect(open[0].id).toBe(`${test.id}-${worst.image}-methods`);
    expect(open[0].note).toContain("cornered");
  });
  it("shows x, x + r, and every method before, at its own worst, and under the same r", () => {
    for (const grid of grids(test)) {
      expect(grid.columns.map((c) => c.text)).toEqual(["the image", "cornered", "zero-filled"]);
      expect(grid.rows.map((r) => [r.label.text, r.label.soft ?? ""].join(" ").trim())).toEqual([
        "before",
        "all with the same r",
        "each at its own worst",
        "before enlarged",
        "all with the same r enlarged",
        "each at its own worst enlarged",
        "what changed, each at its own worst",
      ]);
      for (const cell of grid.rows.flatMap((r) => r.cells))
        if (cell) expect(result.pictures).toHaveProperty([cell.picture]);
      expect(grid.scaleBar).toEqual({ pixels: 8, text: "8 pixels" });
    }
  });
  it("enlarges the same quarter of the side for every method, where the audited one changes most", () => {
    for (const grid of grids(test)) {
      const crops = grid.rows
        .flatMap((r) => r.cells)
        .flatMap((cell) => (cell?.crop ? [cell.crop] : []));
      expect(new Set(crops.map(String)).size).toBe(1);
      const [top, left, height, width] = crops[0];
      expect([height, width]).toEqual([8, 8]);
      expect(top + height).toBeGreaterThan(32 - CORNER);
      expect(left + width).toBeGreaterThan(32 - CORNER);
    }
  });
  it("pictures what was found for the audited method on the others, and nothing else twice", () => {
    for (const { from, to, picture, change } of test.transfers!) {
      const pictured = from === "cornered" && to !== "cornered";
      expect([picture !== undefined, change !== undefined]).toEqual([pictured, pictured]);
      if (picture !== undefined) expect(result.pictures).toHaveProperty([picture]);
    }
  });
});

describe("scales", () => {
  it("are by image and test, and state what white is", () => {
    result.scales.forEach((scale, i) => {
      expect(scale.percentile).toBe(99.5);
      expect(scale.magnitude).toBeGreaterThan(0);
      expect(scale.magnitude).toBeLessThanOrEqual(1);
      const undisturbed = result.accuracy.filter((a) => a.image === i).map((a) => a.maxError);
      expect(scale.error).toBeCloseTo(Math.max(...undisturbed), 5);
      for (const test of searched) {
        const shown = test.measurements
          .filter((m) => m.image === i)
          .flatMap((m) => m.pictures?.maxError ?? []);
        expect(scale.tests![test.id].error).toBeCloseTo(Math.max(...shown), 5);
        const grid = grids(test).find((g) => g.id === `${test.id}-${i}-methods`)!;
        expect(grid.windows!.colour!.top).toBe(scale.tests![test.id].change);
        expect(grid.windows!.white).toBe("the 99.5th percentile of |x|");
      }
    });
  });
});

describe("curves of a search", () => {
  it("are in dB lost, end at what was measured, and never fall", () => {
    for (const test of searched) {
      const found = test.details.find((d) => d.id === `${test.id}-convergence`);
      if (found?.kind !== "curves") throw new Error(`${test.id} shows no search`);
      expect(found.y.name).toBe("PSNR lost, dB");
      for (const { points } of found.curves) {
        const ys = points.map((p) => p.y!);
        ys.forEach((y, k) => {
          if (k > 0) expect(y).toBeGreaterThanOrEqual(ys[k - 1] - 1e-9);
        });
      }
      const harm = test.details.find((d) => d.id === test.id);
      if (harm?.kind !== "curves") throw new Error(`${test.id} shows no harm`);
      for (const { points } of harm.curves) expect(points[0]).toEqual({ x: 0, y: 0 });
    }
  });
});
