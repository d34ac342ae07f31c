// The classical methods' default weights: what they depend on, and what they do not.
import { describe, expect, it } from "vitest";
import { ConfigError, openBackend } from "fiducial/engine";
import {
  analyticEllipses,
  birdcageCoils,
  brainPhantoms,
  firenet,
  gaussianNoise,
  inverseProblem,
  magnitude,
  measure,
  multiCoilFourier,
  nonUniformFourier,
  parallelBeam,
  psnr,
  reconstruct,
  subsampledFourier,
  totalVariation,
  tunedWeight,
  variableDensityMask,
  waveletSparsity,
  type ImageSet,
  type Operator,
  type Reconstructor,
} from "fiducial/imaging";

const shape = [64, 64] as const;
const images = brainPhantoms({ shape, count: 3, seed: 70_000 });
const operatorAt = (acceleration: number): ReturnType<typeof subsampledFourier> =>
  subsampledFourier({
    mask: variableDensityMask({ shape, acceleration, centerFraction: 0.08, seed: 2 }),
  });
const operator = operatorAt(4);
const methods = { totalVariation, waveletSparsity, firenet };

describe("default weights of the classical methods", () => {
  it("grow with the noise of denoisers, and change with the share that is measured", () => {
    for (const name of ["totalVariation", "waveletSparsity"] as const) {
      const at = (sigma: number): number => tunedWeight(name, operator, sigma).lambda;
      expect(at(0.1)).toBeGreaterThan(3 * at(0.01));
    }
    for (const [name, make] of Object.entries(methods)) {
      const at = (acceleration: number): number =>
        tunedWeight(name as keyof typeof methods, operatorAt(acceleration), 0.03).lambda;
      expect(at(2)).not.toEqual(at(8));
      expect(make({ sigma: 0.03 }).description.tunedFor).toBe(0.03);
      expect(make({ sigma: 0.03, lambda: 0.5 }).description).toMatchObject({ lambda: 0.5 });
      expect(() => make({ sigma: -1 })).toThrow(ConfigError);
    }
  });
  it("treat a scan alike in other units, with the noise in those units", async () => {
    const backend = await openBackend("reference");
    const problem = inverseProblem({ operator, noise: gaussianNoise({ sigma: 0.05 }), images });
    const y = await measure(problem, { image: 0, seed: 1, backend });
    const unit = 2 ** -3;
    for (const make of [
      (sigma: number) => waveletSparsity({ sigma, iterations: 4 }),
      // its ρ belongs to the typical scale, and is given here
      (sigma: number) => totalVariation({ sigma, iterations: 4, rho: 0.5 }),
    ]) {
      const own = await reconstruct(make(0.05), y, operator, backend);
      const other = await reconstruct(
        make(0.05 * unit),
        y.map((v) => v * unit),
        operator,
        backend,
      );
      const [m, n] = [magnitude(own), magnitude(other)];
      expect(
        psnr(
          m,
          n.map((v) => v / unit),
        ),
      ).toBeGreaterThan(90);
    }
  });
  it("are better than the default problem's weight where the noise is another", async () => {
    const backend = await openBackend("wasm");
    const shape = [128, 128] as const;
    const operator = subsampledFourier({
      mask: variableDensityMask({ shape, acceleration: 4, centerFraction: 0.08, seed: 2 }),
    });
    const images = brainPhantoms({ shape, count: 2, seed: 70_000 });
    for (const sigma of [0, 0.1]) {
      const problem = inverseProblem({ operator, noise: gaussianNoise({ sigma }), images });
      const score = async (method: ReturnType<typeof totalVariation>): Promise<number> => {
        let sum = 0;
        for (let i = 0; i < images.length; i++) {
          const x = await reconstruct(
            method,
            await measure(problem, { image: i, seed: 1, backend }),
            operator,
            backend,
          );
          sum += psnr(magnitude(images.image(i)), magnitude(x));
        }
        return sum / images.length;
      };
      const gain = (await score(totalVariation({ sigma }))) - (await score(totalVariation()));
      expect(gain).toBeGreaterThan(0.1);
    }
  });

  // its misfit is not squared, so the best λ falls with the root of how many values are measured
  const [small, large, round] = [
    [64, 64],
    [128, 128],
    [32, 32],
  ] as const;
  const maskOf = (shape: readonly [number, number]) =>
    variableDensityMask({ shape, acceleration: 4, centerFraction: 0.08, seed: 1 });
  const heads = (shape: readonly [number, number]): ImageSet =>
    brainPhantoms({ shape, count: 1, seed: 70_000 });
  const ellipses = analyticEllipses({ shape: round, count: 1, seed: 8 });
  const spokes = { kind: "radial", spokes: 13, samples: 64 } as const;
  const cases: Readonly<Record<string, readonly [Operator, ImageSet, number]>> = {
    "64²": [subsampledFourier({ mask: maskOf(small) }), heads(small), 0.01],
    "four coils at 128²": [
      multiCoilFourier({ mask: maskOf(large), coils: birdcageCoils({ shape: large, coils: 4 }) }),
      heads(large),
      0.01,
    ],
    "line integrals": [
      parallelBeam({ shape: round, views: 25, detectors: 47, arc: 180 }),
      ellipses,
      0.1,
    ],
    spokes: [nonUniformFourier({ shape: round, trajectory: spokes }), ellipses, 0.02],
  };
  for (const [name, [operator, images, sigma]] of Object.entries(cases))
    it(`FIRENET's is near the best for ${name}`, async () => {
      const backend = await openBackend("wasm");
      const problem = inverseProblem({ operator, noise: gaussianNoise({ sigma }), images });
      const score = async (method: Reconstructor): Promise<number> => {
        let sum = 0;
        for (let i = 0; i < images.length; i++) {
          const y = await measure(problem, { image: i, seed: 1, backend });
          const x = magnitude(await reconstruct(method, y, operator, backend));
          sum += psnr(magnitude(images.image(i)), x);
        }
        return sum / images.length;
      };
      // the table's, for a mask and a unitary transform, is about 0.016
      const least = 0.002 * Math.sqrt((operator.meanSquare ?? 0.25) / 0.25);
      const others: number[] = [];
      for (const factor of [1, 2, 4, 8, 16])
        others.push(await score(firenet({ lambda: factor * least })));
      expect(await score(firenet({ sigma }))).toBeGreaterThan(Math.max(...others) - 1);
    });
});
