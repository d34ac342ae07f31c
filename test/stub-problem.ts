// The small problem that stubs with known truth are judged on.
import { openBackend } from "fiducial/engine";
import {
  brainPhantoms,
  gaussianNoise,
  inverseProblem,
  subsampledFourier,
  variableDensityMask,
} from "fiducial/imaging";

export const shape = [32, 32] as const;
export const images = brainPhantoms({ shape, count: 2, seed: 5 });
export const mask = variableDensityMask({ shape, acceleration: 2, centerFraction: 0.2, seed: 3 });
export const operator = subsampledFourier({ mask });
export const problem = inverseProblem({ operator, noise: gaussianNoise({ sigma: 0.005 }), images });
export const backend = await openBackend("wasm", { threads: 1 });
