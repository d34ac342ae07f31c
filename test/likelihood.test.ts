// Rare events against what can be known: closed forms, and a million plain samples.
import { describe, expect, it } from "vitest";
import {
  audit,
  badReconstructionLikelihood,
  fromNormals,
  normalCdf,
  plainMonteCarlo,
  subsetSimulation,
} from "fiducial/audit";
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

describe("the normal distribution", () => {
  it("agrees with known values, tails too", () => {
    for (const [x, p] of [
      [0, 0.5],
      [1, 0.8413447460685429],
      [-1.959963984540054, 0.025],
      [3, 0.9986501019683699],
      [-4, 3.167124183311998e-5],
      [-6, 9.865876450376946e-10],
      [-8, 6.220960574271785e-16],
    ]) {
      expect(Math.abs(normalCdf(x) / p - 1)).toBeLessThan(1e-11);
    }
  });
  it("gives a stream of uniform numbers, and says when it is at its end", () => {
    const stream = fromNormals([0, 1, -1]);
    expect([stream.uniform(), stream.normal(), stream.integer(10)]).toEqual([0.5, 1, 1]);
    expect(() => stream.uniform()).toThrow(/more than 3 numbers/);
  });
});

describe("subset simulation", () => {
  const linear =
    (dimension: number) =>
    (u: Float64Array): number =>
      u.reduce((a, b) => a + b, 0) / Math.sqrt(dimension);
  it("finds probabilities of 1e-3 to 1e-9 in 2 and in 2,000 dimensions, within three standard deviations of its interval", async () => {
    for (const dimension of [2, 2000])
      for (const threshold of [3.090232306167813, 4.753424308822899, 5.997807015007773]) {
        const truth = normalCdf(-threshold);
        const found = await subsetSimulation({
          dimension,
          response: linear(dimension),
          threshold,
          seed: 4,
          samples: 1000,
        });
        const deviation = Math.log(found.high / found.probability) / 1.96;
        expect(Math.abs(Math.log(found.probability / truth)) / deviation).toBeLessThan(3);
        expect(found.high / found.low).toBeLessThan(20);
        expect(found.bound).toBe(false);
      }
  });
  it("its 95 % interval holds the truth in 92 to 98 of 100 repetitions", async () => {
    for (const [samples, threshold] of [
      [50, 4],
      [200, 3],
    ]) {
      let inside = 0;
      for (let seed = 0; seed < 400; seed++) {
        const { low, high } = await subsetSimulation({
          dimension: 10,
          response: linear(10),
          threshold,
          seed,
          samples,
        });
        if (low < normalCdf(-threshold) && normalCdf(-threshold) < high) inside++;
      }
      expect(inside / 400).toBeGreaterThanOrEqual(0.92);
      expect(inside / 400).toBeLessThanOrEqual(0.98);
    }
  });
  it("counts with an interval that holds rare probabilities, where Wilson's is too short", async () => {
    let inside = 0;
    for (let seed = 0; seed < 400; seed++) {
      const { low, high } = await plainMonteCarlo({
        dimension: 1,
        response: (u) => u[0],
        threshold: 3.25,
        seed,
        samples: 300,
      });
      if (low <= normalCdf(-3.25) && normalCdf(-3.25) <= high) inside++;
    }
    expect(inside / 400).toBeGreaterThanOrEqual(0.95);
  });
  it("agrees with 10⁶ plain samples on a curved problem, within both intervals", async () => {
    const event = {
      dimension: 5,
      response: (u: Float64Array): number =>
        u[0] ** 2 + 0.5 * Math.abs(u[1] * u[2]) + 0.3 * u[3] - 0.2 * u[4],
      threshold: 13,
      seed: 9,
    };
    const plain = await plainMonteCarlo({ ...event, samples: 1e6 });
    const found = await subsetSimulation({ ...event, samples: 2000 });
    expect(plain.probability).toBeLessThan(1e-3);
    expect(found.low).toBeLessThan(plain.high);
    expect(found.high).toBeGreaterThan(plain.low);
    expect(Math.abs(Math.log(found.probability / plain.probability))).toBeLessThan(Math.log(1.5));
  });
  it("says that an event it never met is at most so likely, and repeats for a seed", async () => {
    const event = {
      dimension: 3,
      response: linear(3),
      threshold: 100,
      seed: 1,
      samples: 100,
      maxLevels: 3,
    };
    const found = await subsetSimulation(event);
    expect(found).toMatchObject({ bound: true, low: 0 });
    expect(await subsetSimulation(event)).toEqual(found);
    await expect(subsetSimulation({ ...event, samples: 5 })).rejects.toThrow(/at least 20/);
  });
});

describe("the likelihood of a bad reconstruction", () => {
  const shape = [32, 32] as const;
  const operator = subsampledFourier({
    mask: variableDensityMask({ shape, acceleration: 2, centerFraction: 0.1, seed: 3 }),
  });
  const problem = inverseProblem({
    operator,
    noise: gaussianNoise({ sigma: 0.02 }),
    images: brainPhantoms({ shape, count: 1, seed: 5 }),
  });
  const constant: Reconstructor = {
    name: "constant",
    description: { kind: "constant" },
    apply: (graph, y) => graph.emit("mul", { a: y, b: graph.scalar(0) }, {}),
  };
  it("agrees with counting, and is nearly nothing for a method that ignores the data", async () => {
    const backend = await openBackend("wasm");
    const of = async (plain: boolean, samples: number): ReturnType<typeof audit> =>
      audit({
        problem,
        methods: [zeroFilled(), constant],
        tests: [badReconstructionLikelihood({ psnrLoss: 0.5, samples, plain, maxLevels: 3 })],
        seed: 2,
        backend,
      });
    const [rare, counted] = [await of(false, 300), await of(true, 3000)];
    const [a, b] = [rare, counted].map(
      (r) => r.tests[1].measurements.find((m) => m.method === "zero-filled")!.likelihood!,
    );
    expect(b.probability).toBeGreaterThan(0.001);
    expect(a.low).toBeLessThan(b.high);
    expect(a.high).toBeGreaterThan(b.low);
    expect(
      rare.tests[1].measurements.find((m) => m.method === "constant")!.likelihood,
    ).toMatchObject({
      bound: true,
      low: 0,
    });
    expect(rare.tests[1].verdicts.find((v) => v.method === "constant")).toMatchObject({
      outcome: "error",
      explanation: expect.stringMatching(/^gives the same image.*probability below/) as string,
    });
  });
});
