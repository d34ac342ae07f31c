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
  subsampledFourier,
  trainedOperator,
  variableDensityMask,
  zeroFilled,
  type ImageSet,
} from "fiducial/imaging";
import { audit, instabilityAscent, worstCasePerturbation } from "fiducial/audit";

const bytes = readFileSync(new URL("../weights/unet-128.safetensors", import.meta.url));
const network = loadNetwork(bytes, "weights/unet-128.safetensors");
const shape = [128, 128] as const;
const operator = subsampledFourier({
  mask: variableDensityMask({ shape, acceleration: 4, centerFraction: 0.08, seed: 1 }),
});
const noise = gaussianNoise({ sigma: 0.01 });
const backend = await openBackend("auto");
const unet = networkReconstructor({ network });
const zero = zeroFilled();

/** How much better than zero-filling the U-Net is on each image, dB. */
async function gains(images: ImageSet): Promise<number[]> {
  const problem = inverseProblem({ operator, noise, images });
  const result: number[] = [];
  for (let i = 0; i < images.length; i++) {
    const truth = magnitude(images.image(i));
    const y = await measure(problem, { image: i, seed: 1, backend });
    const [a, b] = [await reconstruct(unet, y, operator, backend), await reconstruct(zero, y, operator, backend)].map(
      (x) => psnr(truth, magnitude(x), maximum(truth)),
    );
    result.push(a - b);
  }
  return result;
}

describe("the default network", () => {
  it("is small, and says how it was made", () => {
    expect(bytes.length).toBeLessThan(1.5e6);
    expect(network.provenance).toMatchObject({
      images: "brainPhantoms",
      imageSeed: 1,
      samples: 1000,
      trainingSeed: 1,
      initialSeed: 1,
      noiseSigma: 0.01,
    });
    // its file is of the first format
    expect(trainedOperator(network)).toEqual(operator.spec);
    expect(network.trained).toMatchObject({
      form: { input: "image", iterations: 1, dataConsistency: false },
      noiseSigma: 0.01,
      images: "brainPhantoms",
    });
    expect(unet.name).toBe("U-Net");
    expect(loadNetwork(saveNetwork(network)).trained).toEqual(network.trained);
  });
  it("beats zero-filling by 3 dB on phantoms that it has not seen", async () => {
    const found = await gains(brainPhantoms({ shape, count: 8, seed: 30_000 }));
    expect(found.reduce((a, b) => a + b, 0) / found.length).toBeGreaterThan(3);
  });
  it("is moved at least 3 times as much by what is found as by random noise that is measured as much, under r₁ < r₂ < r₃", async () => {
    const problem = inverseProblem({ operator, noise, images: brainPhantoms({ shape, count: 1, seed: 20_001 }) });
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
        expect(m.outputChange).toBeGreaterThan(3 * m.noise.meanOutputChange);
        if (i > 0) expect(m.norm).toBeGreaterThan(measurements[i - 1].norm);
      });
    }
    expect(result.gradientChecks[0].passed).toBe(true);
  });
});

const data = process.env.FIDUCIAL_DATA ?? fileURLToPath(new URL("../../shared/data", import.meta.url));
const scans = [
  ["mr/nifti/brainchop/t1_crop.nii.gz", [120, 128, 136]],
  ["dicom/dcm_qa_ts/In/1.dcm", [0]],
] as const;
if (!existsSync(`${data}/${scans[0][0]}`))
  console.warn(`Skipped: real scans, because they are not in ${data} (FIDUCIAL_DATA)`);
describe.runIf(existsSync(`${data}/${scans[0][0]}`))("the default network on real scans", () => {
  for (const [file, slices] of scans)
    it(`${file}: better than zero-filling on every slice`, async () => {
      const volume = readVolume(readFileSync(`${data}/${file}`), file);
      const images: Float32Array[] = [];
      for (const slice of slices)
        images.push(
          (
            await prepareImage(volume.slice(slice), {
              from: [volume.height, volume.width],
              to: shape,
              complex: false,
              backend,
              name: file,
            })
          ).image,
        );
      for (const gain of await gains(imagesFrom(images, shape))) expect(gain).toBeGreaterThan(0);
    });
});
