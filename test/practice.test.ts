// Faults of the acquisition: each does what it says, the same for a seed, and the bench reports
// what it costs without crying wolf.
import { describe, expect, it } from "vitest";
import { audit, practicalFaults } from "fiducial/audit";
import { GraphBuilder, openBackend, ops, random } from "fiducial/engine";
import {
  acquisitionFaults,
  applyOperator,
  birdcageCoils,
  brainPhantoms,
  coilDropOut,
  fullMask,
  gaussianNoise,
  inverseProblem,
  multiCoilFourier,
  norm,
  subsampledFourier,
  totalVariation,
  variableDensityMask,
  zeroFilled,
  type Acquisition,
  type Reconstructor,
} from "fiducial/imaging";

const shape = [48, 48] as const;
const mask = variableDensityMask({ shape, acceleration: 2, centerFraction: 0.1, seed: 3 });
const operator = subsampledFourier({ mask });
const images = brainPhantoms({ shape, count: 1, seed: 5 });
const backend = await openBackend("reference");
const wasm = await openBackend("wasm");
const x = Float64Array.from(images.image(0));
const b = new GraphBuilder(ops);
b.output("y", b.emit("fft2", { x: b.input("x", [2, ...shape]) }, { inverse: false }));
const plan = await backend.compile(b);
const scan: Acquisition = {
  x,
  y: await applyOperator(operator, "forward", x, backend),
  mask,
  spectrum: async (image) => (await plan.execute({ x: image })).y,
};
const size = shape[0] * shape[1];
const by = (name: string): (typeof acquisitionFaults)[number] =>
  acquisitionFaults.find((f) => f.name === name)!;
const change = (y: ArrayLike<number>): number =>
  norm(Float64Array.from(y, (v, k) => v - scan.y[k]));

describe("faults", () => {
  it.each(acquisitionFaults.map((f) => [f.name, f] as const))(
    "%s repeats for a seed, leaves alone what is not measured, and grows with its severity",
    async (_name, fault) => {
      const sizes: number[] = [];
      for (const severity of fault.severities) {
        const y = await fault.corrupt(scan, severity, random(7));
        expect(y).toEqual(await fault.corrupt(scan, severity, random(7)));
        expect(y.every((v, k) => Number.isFinite(v) && (mask.data[k % size] || v === 0))).toBe(
          true,
        );
        sizes.push(change(y));
      }
      expect(sizes[0]).toBeGreaterThan(0);
      // of few columns, two severities may both be one column
      expect(sizes[1]).toBeGreaterThanOrEqual(sizes[0]);
      expect(sizes[2]).toBeGreaterThan(sizes[1]);
    },
  );
  it("on several coils faults strike all of them alike, and one drops out alone", async () => {
    const several = multiCoilFourier({ mask, coils: birdcageCoils({ shape, coils: 3 }) });
    const whole = several.sampling.under(fullMask(shape));
    const y = await applyOperator(several, "forward", x, wasm);
    const parallel: Acquisition = {
      x,
      y,
      mask,
      spectrum: (image) => applyOperator(whole, "forward", image, wasm),
    };
    const half = 3 * size;
    const changed = (faulty: Float64Array, coil: number): number =>
      norm(faulty.subarray(coil * size, (coil + 1) * size).map((v, k) => v - y[coil * size + k])) +
      norm(
        faulty
          .subarray(half + coil * size, half + (coil + 1) * size)
          .map((v, k) => v - y[half + coil * size + k]),
      );
    for (const fault of acquisitionFaults) {
      const faulty = await fault.corrupt(parallel, fault.severities[1], random(7));
      expect(faulty.every((v, k) => Number.isFinite(v) && (mask.data[k % size] || v === 0))).toBe(
        true,
      );
      const struck = [0, 1, 2].filter((coil) => changed(faulty, coil) > 1e-3);
      expect(struck).toHaveLength(fault.name === "k-space spike" ? 1 : 3);
    }
    const gone = await coilDropOut.corrupt(parallel, 1, random(7));
    const lost = [0, 1, 2].filter((coil) => changed(gone, coil) > 1e-3);
    expect(lost).toHaveLength(1);
    expect(gone.subarray(lost[0] * size, (lost[0] + 1) * size).every((v) => v === 0)).toBe(true);
    const phases = await by("phase errors").corrupt(parallel, 0.1, random(7));
    // the scanner's phase error of a column is every coil's
    const turnOf = (coil: number, k: number): number => {
      const [re, im] = [coil * size + k, half + coil * size + k];
      return Math.atan2(
        phases[im] * y[re] - phases[re] * y[im],
        phases[re] * y[re] + phases[im] * y[im],
      );
    };
    const middle = size / 2 + shape[1] / 2;
    for (const coil of [1, 2]) expect(turnOf(coil, middle)).toBeCloseTo(turnOf(0, middle), 6);
  });
  it("translation and phase errors keep every magnitude; thermal noise has the stated ratio", async () => {
    const magnitude = (y: ArrayLike<number>, k: number): number => Math.hypot(y[k], y[size + k]);
    for (const name of ["patient translation", "phase errors"]) {
      const y = await by(name).corrupt(scan, by(name).severities[2], random(1));
      for (let k = 0; k < size; k++) expect(magnitude(y, k)).toBeCloseTo(magnitude(scan.y, k), 9);
    }
    const noise = await by("thermal noise").corrupt(scan, 20, random(2));
    expect(norm(Float64Array.from(scan.y)) / change(noise)).toBeGreaterThan(9.3);
    expect(norm(Float64Array.from(scan.y)) / change(noise)).toBeLessThan(10.7);
  });
  it("a spike is one cell, lost lines are zero, a drift is zero in the middle", async () => {
    const differing = (y: Float64Array): number[] =>
      Array.from({ length: size }, (_, k) => k).filter(
        (k) => y[k] !== scan.y[k] || y[size + k] !== scan.y[size + k],
      );
    expect(differing(await by("k-space spike").corrupt(scan, 0.1, random(3)))).toHaveLength(1);
    const lost = await by("lost lines").corrupt(scan, 0.15, random(4));
    for (const k of differing(lost)) expect([lost[k], lost[size + k]]).toEqual([0, 0]);
    const drift = await by("gain drift").corrupt(scan, 0.3, random(5));
    const ratios = Array.from({ length: size }, (_, k) => k)
      .filter((k) => Math.abs(scan.y[k]) > 1e-3)
      .map((k) => drift[k] / scan.y[k]);
    expect(Math.max(...ratios)).toBeCloseTo(1.15, 6);
    expect(Math.min(...ratios)).toBeCloseTo(0.85, 6);
  });
  it("no rotation and no enlargement are no change, and a rotation there and back nearly none", async () => {
    for (const name of ["patient rotation", "wrong field of view"])
      expect(change(await by(name).corrupt(scan, 0, random(6)))).toBeLessThan(1e-9);
  });
});

describe("the test of practice", () => {
  const problem = inverseProblem({ operator, noise: gaussianNoise({ sigma: 0.005 }), images });
  const constant: Reconstructor = {
    name: "constant",
    description: { kind: "constant" },
    apply: (graph, y) => graph.emit("mul", { a: y, b: graph.scalar(0) }, {}),
  };
  it("gives every method the same faults, and cries no wolf over one that ignores the data", async () => {
    const run = (): ReturnType<typeof audit> =>
      audit({
        problem,
        methods: [totalVariation({ iterations: 10 }), zeroFilled(), constant],
        tests: [practicalFaults()],
        seed: 1,
        backend: wasm,
      });
    const result = await run();
    const [, test] = result.tests;
    const of = (method: string): (typeof test.measurements)[number][] =>
      test.measurements.filter((m) => m.method === method);
    expect(of("zero-filled")).toHaveLength(27);
    expect(of("zero-filled").map((m) => m.norm)).toEqual(of("total variation").map((m) => m.norm));
    // zero-filling is linear with norm 1: its change is at most the fault's
    for (const m of of("zero-filled")) expect(m.amplification).toBeLessThan(1 + 1e-5);
    for (const m of of("constant")) expect(m.outputChange).toBe(0);
    expect(test.verdicts.find((v) => v.method === "constant")).toMatchObject({
      outcome: "error",
      explanation: expect.stringMatching(
        /^gives the same image.*0 of 36 acquisitions .* 0\.00 dB on the mean/,
      ) as string,
    });
    expect((await run()).sha256).toBe(result.sha256);
  });
});
