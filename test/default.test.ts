// The network that comes with the package, on the default problem and on real scans.
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { openBackend } from "fiducial/engine";
import { loadNetwork, saveNetwork } from "fiducial/learning";
import { readVolume } from "fiducial/data";
import {
  brainPhantoms,
  gaussianNoise,
  imagesFrom,
  inverseProblem,
  magnitude,
  maximum,
  measure,
  networkReconstructor,
  prepareImage,
  psnr,
  reconstruct,
  ssim,
  subsampledFourier,
  totalVariation,
  variableDensityMask,
  zeroFilled,
  type ImageSet,
  type Operator,
  type Reconstructor,
} from "fiducial/imaging";
import { audit, instabilityAscent, worstCasePerturbation } from "fiducial/audit";

const read = (name: string): Buffer =>
  readFileSync(new URL(`../weights/${name}.safetensors`, import.meta.url));
const bytes = read("cascade-128");
const network = loadNetwork(bytes, "cascade-128");
const shape = [128, 128] as const;
/** A quarter of k-space, as the networks were trained for. */
const quarterOf = (size: readonly [number, number]): Operator =>
  subsampledFourier({
    mask: variableDensityMask({ shape: size, acceleration: 4, centerFraction: 0.08, seed: 1 }),
  });
const operator = quarterOf(shape);
const noise = gaussianNoise({ sigma: 0.01 });
const backend = await openBackend("auto");
const cascade = networkReconstructor({ network });
const unet = networkReconstructor({ network: loadNetwork(read("unet-128"), "unet-128") });
const classical = totalVariation({ sigma: noise.sigma });

interface Score {
  readonly psnr: number;
  readonly ssim: number;
}
const mean = (values: readonly number[]): number =>
  values.reduce((a, b) => a + b, 0) / values.length;
const byPsnr = ({ psnr }: Score): number => psnr;
const bySsim = ({ ssim }: Score): number => ssim;

/** What each method makes of each image, a quarter of whose k-space is measured. */
async function scores(images: ImageSet, methods: readonly Reconstructor[]): Promise<Score[][]> {
  const size = images.shape;
  const measured = quarterOf(size);
  const problem = inverseProblem({ operator: measured, noise, images });
  const found: Score[][] = methods.map(() => []);
  for (let image = 0; image < images.length; image++) {
    const truth = magnitude(images.image(image));
    const range = maximum(truth);
    const y = await measure(problem, { image, seed: 1, backend });
    for (const [m, method] of methods.entries()) {
      const x = magnitude(await reconstruct(method, y, measured, backend));
      found[m].push({ psnr: psnr(truth, x, range), ssim: ssim(truth, x, size, range) });
    }
  }
  return found;
}

describe("the networks that the package brings", () => {
  it("are small, and say how they were made", () => {
    const made = {
      "cascade-128": { facts: { samples: 2000, alsoOn: "256×256" }, kinds: 10 },
      "unet-128": { facts: { samples: 3000 }, kinds: 6 },
    };
    for (const [name, { facts, kinds }] of Object.entries(made)) {
      const file = read(name);
      const { provenance, trained } = loadNetwork(file, name);
      expect(file.length).toBeLessThan(1.5e6);
      expect(provenance).toMatchObject({
        images: "variedPhantoms",
        imageSeed: 1,
        ...facts,
        noiseSigma: 0.01,
      });
      expect(trained).toMatchObject({
        form: { input: "image", iterations: 1, dataConsistency: false },
        noiseSigma: 0.01,
        images: "variedPhantoms",
        operator: operator.spec,
      });
      expect(trained!.kinds).toHaveLength(kinds);
    }
    expect([cascade.name, unet.name]).toEqual(["deep cascade", "U-Net"]);
    expect(loadNetwork(saveNetwork(network)).trained).toEqual(network.trained);
  });
  it("the cascade beats total variation by 2.5 dB on phantoms that it has not seen, the U-Net zero-filling by 3", async () => {
    const images = brainPhantoms({ shape, count: 12, seed: 30_000 });
    const [learned, post, sparse, filled] = await scores(images, [
      cascade,
      unet,
      classical,
      zeroFilled(),
    ]);
    expect(mean(learned.map(byPsnr)) - mean(sparse.map(byPsnr))).toBeGreaterThan(2.5);
    expect(mean(learned.map(bySsim))).toBeGreaterThan(mean(sparse.map(bySsim)));
    expect(mean(post.map(byPsnr)) - mean(filled.map(byPsnr))).toBeGreaterThan(3);
  });
  it("the cascade beats total variation by 1.5 dB at 256² as well, where edges are few", async () => {
    const images = brainPhantoms({ shape: [256, 256], count: 4, seed: 30_000 });
    const [learned, sparse] = await scores(images, [cascade, classical]);
    expect(mean(learned.map(byPsnr)) - mean(sparse.map(byPsnr))).toBeGreaterThan(1.5);
    expect(mean(learned.map(bySsim))).toBeGreaterThan(mean(sparse.map(bySsim)));
  });
  it("the U-Net is moved at least 2.5 times as much by what is found as by random noise that is measured as much, under r₁ < r₂ < r₃", async () => {
    const problem = inverseProblem({
      operator,
      noise,
      images: brainPhantoms({ shape, count: 1, seed: 20_001 }),
    });
    const result = await audit({
      problem,
      methods: [unet],
      tests: [instabilityAscent({ iterations: 15 }), worstCasePerturbation({ steps: 15 })],
      seed: 1,
      backend,
    });
    for (const { measurements } of result.tests.slice(1)) {
      expect(measurements).toHaveLength(3);
      measurements.forEach((m, i) => {
        expect(m.outputChange).toBeGreaterThan(2.5 * m.noise.meanOutputChange);
        if (i > 0) expect(m.norm).toBeGreaterThan(measurements[i - 1].norm);
      });
    }
    expect(result.gradientChecks[0].passed).toBe(true);
  });
});

const data =
  process.env.FIDUCIAL_DATA ?? fileURLToPath(new URL("../../shared/data", import.meta.url));
const scans = [
  ["mr/nifti/brainchop/t1_crop.nii.gz", [120, 128, 136]],
  ["dicom/dcm_qa_ts/In/1.dcm", [0]],
] as const;
if (!existsSync(`${data}/${scans[0][0]}`))
  console.warn(`Skipped: real scans, because they are not in ${data} (FIDUCIAL_DATA)`);
it.runIf(existsSync(`${data}/${scans[0][0]}`))(
  "the cascade is better than total variation on every real slice, by 2.5 dB on the mean",
  async () => {
    const gains: number[] = [];
    for (const [file, slices] of scans) {
      const volume = readVolume(readFileSync(`${data}/${file}`), file);
      const from = [volume.height, volume.width] as const;
      const images: Float32Array[] = [];
      for (const slice of slices) {
        const options = { from, to: shape, complex: false, backend, name: file };
        images.push((await prepareImage(volume.slice(slice), options)).image);
      }
      const [learned, sparse] = await scores(imagesFrom(images, shape), [cascade, classical]);
      gains.push(...learned.map((score, k) => score.psnr - sparse[k].psnr));
    }
    for (const gain of gains) expect(gain).toBeGreaterThan(0);
    expect(mean(gains)).toBeGreaterThan(2.5);
  },
);
