// A whole audit, and its answer in words.
import { readFileSync } from "node:fs";
import {
  answerOf,
  audit,
  brainPhantoms,
  gaussianNoise,
  inverseProblem,
  loadNetwork,
  networkReconstructor,
  openBackend,
  subsampledFourier,
  totalVariation,
  variableDensityMask,
  worstCasePerturbation,
  zeroFilled,
} from "fiducial";

const shape = [64, 64] as const;
const mask = variableDensityMask({ shape, acceleration: 4, centerFraction: 0.08, seed: 1 });
const images = brainPhantoms({ shape, count: 1, seed: 20001 });
const weights = new URL("../../weights/unet-128.safetensors", import.meta.url);
const network = networkReconstructor({ network: loadNetwork(readFileSync(weights)) });
const result = await audit({
  problem: inverseProblem({
    operator: subsampledFourier({ mask }),
    noise: gaussianNoise({ sigma: 0.01 }),
    images,
  }),
  methods: [network, totalVariation({ sigma: 0.01 }), zeroFilled()],
  tests: [worstCasePerturbation({ steps: 5 })],
  seed: 1,
  backend: await openBackend("auto"),
});
for (const { id, verdicts } of result.tests)
  for (const { method, outcome } of verdicts) console.log(`${id}, ${method}: ${outcome}`);
console.log(answerOf(result).answer);
