// Small bright discs put into the image: how much of their contrast comes back, by method. A global
// score hardly tells.
import { readFileSync } from "node:fs";
import {
  applyOperator,
  brainPhantoms,
  gaussianNoise,
  inverseProblem,
  loadNetwork,
  magnitude,
  maximum,
  measure,
  networkReconstructor,
  openBackend,
  openReconstruct,
  placeDetail,
  psnr,
  random,
  subsampledFourier,
  totalVariation,
  variableDensityMask,
  zeroFilled,
} from "fiducial";

const shape = [128, 128] as const;
const mask = variableDensityMask({ shape, acceleration: 4, centerFraction: 0.08, seed: 1 });
const operator = subsampledFourier({ mask });
const images = brainPhantoms({ shape, count: 1, seed: 20001 });
const problem = inverseProblem({ operator, noise: gaussianNoise({ sigma: 0.01 }), images });
const backend = await openBackend("auto");
const weights = new URL("../../weights/cascade-128.safetensors", import.meta.url);
const network = networkReconstructor({ network: loadNetwork(readFileSync(weights)) });

const head = images.image(0);
const discs = Array.from({ length: 8 }, (_, k) =>
  placeDetail(head, shape, { shape: "disc", radius: 2, contrast: 0.15, rng: random(1).fork(k) }),
);
const y = await measure(problem, { image: 0, seed: 1, backend });
// the same noise with a disc and without
const withDisc = async (z: Float64Array): Promise<Float64Array> => {
  const own = await applyOperator(operator, "forward", z, backend);
  return y.map((v, k) => v + own[k]);
};
const measured = [y, ...(await Promise.all(discs.map(({ z }) => withDisc(z))))];
const inner = (a: Float64Array, b: Float64Array): number =>
  a.reduce((sum, v, k) => sum + v * b[k], 0);
const score = (truth: ArrayLike<number>, x: Float64Array): string =>
  psnr(magnitude(truth), magnitude(x), maximum(magnitude(truth))).toFixed(2);
for (const method of [zeroFilled(), totalVariation({ sigma: 0.01 }), network]) {
  const [clean, ...seen] = await (await openReconstruct(method, operator, backend))(measured);
  const shares = discs.map(
    ({ z }, k) =>
      inner(
        z,
        seen[k].map((v, j) => v - clean[j]),
      ) / inner(z, z),
  );
  const mean = shares.reduce((a, b) => a + b) / shares.length;
  const scores = [
    score(head, clean),
    score(
      head.map((v, k) => v + discs[0].z[k]),
      seen[0],
    ),
  ];
  console.log(
    `${method.name}: ${(100 * mean).toFixed(0)} % of the contrast comes back, ${(100 * Math.min(...shares)).toFixed(0)} % of the worst; PSNR ${scores[0]} dB without and ${scores[1]} dB with the first`,
  );
}
