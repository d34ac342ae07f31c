// Perturbations r₁, r₂, r₃ of the image, searched for harm, beside noise that is measured as much:
// for a network and for total variation under the same budgets.
import { readFileSync } from "node:fs";
import {
  audit,
  brainPhantoms,
  gaussianNoise,
  instabilityAscent,
  inverseProblem,
  loadNetwork,
  networkReconstructor,
  openBackend,
  subsampledFourier,
  totalVariation,
  variableDensityMask,
} from "fiducial";

const shape = [128, 128] as const;
const operator = subsampledFourier({
  mask: variableDensityMask({ shape, acceleration: 4, centerFraction: 0.08, seed: 1 }),
});
const images = brainPhantoms({ shape, count: 1, seed: 20001 });
const weights = new URL("../../weights/unet-128.safetensors", import.meta.url);
const result = await audit({
  problem: inverseProblem({ operator, noise: gaussianNoise({ sigma: 0.01 }), images }),
  methods: [
    networkReconstructor({ network: loadNetwork(readFileSync(weights)) }),
    totalVariation({ sigma: 0.01 }),
  ],
  tests: [instabilityAscent({ iterations: 5 })],
  seed: 1,
  backend: await openBackend("auto"),
});
for (const { method, label, relativeNorm, psnr, noise } of result.tests.at(-1)!.measurements)
  console.log(
    `${method}, ${label} (${(100 * relativeNorm).toFixed(1)} %): ${psnr.before.toFixed(2)} → ${psnr.after.toFixed(2)} dB; noise as large: ${noise.psnr.toFixed(2)} dB`,
  );
