// What the tests take where nothing else is asked for, by the library, the command line and the
// lab alike.
import { searchDefaults } from "./attack/search.ts";
import { HARM_DB } from "./judgement.ts";

interface TestDefaults {
  /** ‖r₁‖, ‖r₂‖, … of the ascent, as shares of ‖x‖. */
  readonly relativeNorms: readonly number[];
  /** Radii of the worst-case search, as shares of ‖y‖ or ‖x‖. */
  readonly relativeBudgets: readonly number[];
  /** Gradient steps of both at the largest. */
  readonly steps: number;
  /** Random starts of the worst-case search, per budget. */
  readonly restarts: number;
  /** dB of PSNR that count as harm. */
  readonly maxPsnrLoss: number;
  /** Of every size and contrast of the details, over all images. */
  readonly placements: number;
  /** Share of a detail that must come back. */
  readonly leastRecovery: number;
  /** Of the likelihood, per level. */
  readonly samples: number;
}
export const testDefaults: TestDefaults = {
  relativeNorms: [0.01, 0.03, 0.06],
  relativeBudgets: [0.005, 0.02, 0.05],
  steps: searchDefaults.steps,
  restarts: searchDefaults.randomStarts,
  maxPsnrLoss: HARM_DB,
  placements: 20,
  leastRecovery: 0.5,
  samples: 200,
};
