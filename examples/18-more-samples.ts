// More samples, fewer samples: a network that was trained at a quarter of k-space, and total
// variation.
import { readFileSync } from "node:fs";
import {
  brainPhantoms,
  gaussianNoise,
  inverseProblem,
  loadNetwork,
  magnitude,
  maximum,
  measure,
  nestedMasks,
  networkReconstructor,
  openBackend,
  psnr,
  reconstruct,
  subsampledFourier,
  totalVariation,
  variableDensityMask,
} from "fiducial";

const shape = [128, 128] as const;
const rates = [0.12, 0.25, 0.4, 0.6];
const trained = variableDensityMask({ shape, acceleration: 4, centerFraction: 0.08, seed: 1 });
const images = brainPhantoms({ shape, count: 1, seed: 20001 });
const noise = gaussianNoise({ sigma: 0.01 });
const backend = await openBackend("auto");
const weights = new URL("../../weights/unet-128.safetensors", import.meta.url);
const network = networkReconstructor({ network: loadNetwork(readFileSync(weights)) });
const truth = magnitude(images.image(0));

for (const [k, mask] of nestedMasks(trained, { rates, seed: 2 }).entries()) {
  const operator = subsampledFourier({ mask });
  const y = await measure(inverseProblem({ operator, noise, images }), {
    image: 0,
    seed: 1,
    backend,
  });
  const scores = [];
  for (const method of [network, totalVariation({ sigma: noise.sigma })]) {
    const x = magnitude(await reconstruct(method, y, operator, backend));
    scores.push(`${method.name} ${psnr(truth, x, maximum(truth)).toFixed(2)} dB`);
  }
  console.log(`${(100 * rates[k]).toFixed(0)} % of k-space: ${scores.join(", ")}`);
}
