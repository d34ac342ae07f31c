// A small audit in a page: searches on the page's card, measurements on wasm. Bundled by
// webgpu-browser.test.ts.
import { openBackend } from "fiducial/engine";
import { nn } from "fiducial/learning";
import {
  brainPhantoms,
  gaussianNoise,
  inverseProblem,
  networkReconstructor,
  subsampledFourier,
  variableDensityMask,
  zeroFilled,
} from "fiducial/imaging";
import { audit, worstCasePerturbation } from "fiducial/audit";

const shape = [16, 16];
const operator = subsampledFourier({
  mask: variableDensityMask({ shape, acceleration: 2, centerFraction: 0.25, seed: 1 }),
});
const images = brainPhantoms({ shape, count: 1, seed: 5 });
const problem = inverseProblem({ operator, noise: gaussianNoise({ sigma: 0.01 }), images });
const network = nn.unet({
  inChannels: 2,
  outChannels: 2,
  baseChannels: 2,
  depth: 1,
  seed: 2,
  size: shape,
  residual: true,
});
const methods = [networkReconstructor({ network }), zeroFilled()];

globalThis.run = async () => {
  const options = {
    problem,
    methods,
    seed: 1,
    tests: [worstCasePerturbation({ steps: 2, restarts: 1, relativeBudgets: [0.05] })],
  };
  const backend = await openBackend("wasm", { threads: 1 });
  const searching = await openBackend("webgpu");
  const [card, wasm] = [
    await audit({ ...options, backend, searching }),
    await audit({ ...options, backend }),
  ];
  const shown = ({ software, accuracy, tests }) => ({
    software,
    accuracy,
    outcomes: tests.map(({ outcome }) => outcome),
  });
  return { adapter: searching.adapter, card: shown(card), wasm: shown(wasm) };
};
