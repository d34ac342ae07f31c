// An MR image from a quarter of its k-space: no reconstruction, a classical one, and a network.
import { readFileSync } from "node:fs";
import {
  brainPhantoms,
  gaussianNoise,
  inverseProblem,
  loadNetwork,
  magnitude,
  maximum,
  measure,
  networkReconstructor,
  openBackend,
  psnr,
  reconstruct,
  subsampledFourier,
  totalVariation,
  variableDensityMask,
  zeroFilled,
} from "fiducial";

const shape = [128, 128] as const;
const operator = subsampledFourier({
  mask: variableDensityMask({ shape, acceleration: 4, centerFraction: 0.08, seed: 1 }),
});
const noise = gaussianNoise({ sigma: 0.01 });
const problem = inverseProblem({
  operator,
  noise,
  images: brainPhantoms({ shape, count: 1, seed: 20001 }),
});
const backend = await openBackend("auto");
const weights = new URL("../../weights/cascade-128.safetensors", import.meta.url);
const network = networkReconstructor({ network: loadNetwork(readFileSync(weights)) });

const measured = operator.measured.reduce((n, cell) => n + cell, 0);
console.log(`${((100 * measured) / operator.measured.length).toFixed(1)} % of k-space is measured`);
const truth = magnitude(problem.images.image(0));
const y = await measure(problem, { image: 0, seed: 1, backend });
for (const method of [zeroFilled(), totalVariation({ sigma: noise.sigma }), network]) {
  const x = magnitude(await reconstruct(method, y, operator, backend));
  console.log(`${method.name}: ${psnr(truth, x, maximum(truth)).toFixed(2)} dB`);
}
