// Section 15: small U-Nets alike but for one remedy, trained while the page looks on, as the
// command line trains them, and each searched for its own worst perturbation.
import { instabilityAscent } from "fiducial/audit";
import { ConfigError, type Backend } from "fiducial/engine";
import {
  brainPhantoms,
  fitReconstructor,
  gaussianNoise,
  inverseProblem,
  magnitude,
  maximum,
  measure,
  networkReconstructor,
  openReconstruct,
  psnr,
  subsampledFourier,
  variableDensityMask,
  variedPhantoms,
  type CartesianOperator,
  type FitReconstructorOptions,
  type ImageSet,
  type InverseProblem,
} from "fiducial/imaging";
import {
  adam,
  clipped,
  cosine,
  nn,
  rootMeanSquaredError,
  saveNetwork,
  type Network,
} from "fiducial/learning";
import { alike, searchedFor } from "../../sections/remedy-words.ts";
import { HELD_OUT_SEED } from "../break/problem.ts";
import { runTest } from "../break/watched.ts";
import { gradientsOn, quickly, searchesOn, type GradientBackend } from "../engine.ts";
import type { Context } from "../protocol.ts";
import { giveWay } from "../samples.ts";

export const trainedNames = ["none", "jitter", "data-consistency", "adversarial", "rates"] as const;
export type TrainedName = (typeof trainedNames)[number];
export interface RemedyTraining {
  readonly remedy: TrainedName;
  readonly epochs: number;
  readonly seed: number;
  /** What the training and the search take their gradients on. */
  readonly backend: GradientBackend;
}
const HELD_OUT = 12;

type Remedy = Pick<FitReconstructorOptions, "jitter" | "adversarial" | "rates"> & {
  dataConsistency?: boolean;
};
const remedies: Readonly<Record<TrainedName, Remedy>> = {
  none: {},
  jitter: { jitter: 0.1 },
  "data-consistency": { dataConsistency: true },
  adversarial: { adversarial: { relativeBudget: 0.05, steps: 1 } },
  rates: { rates: [0.125, 0.25, 0.5] },
};

export interface TrainedHere extends RemedyTraining {
  readonly name: string;
  /** Mean PSNR of phantoms that it was not trained on. */
  readonly psnr: number;
  /** Of one phantom: as it is, and under the worst perturbation found. */
  readonly before: number;
  readonly after: number;
  readonly noise: number;
  readonly checkpoint: Uint8Array;
}
export type RemedyNews =
  | {
      readonly kind: "step";
      readonly losses: readonly number[];
      readonly step: number;
      readonly steps: number;
    }
  | { readonly kind: "epoch"; readonly epoch: number; readonly psnr: number }
  | { readonly kind: "search"; readonly done: number };

const shape = [alike.size, alike.size] as const;
function problemOn(operator: CartesianOperator, images: ImageSet): InverseProblem {
  return inverseProblem({ operator, noise: gaussianNoise({ sigma: alike.noise }), images });
}
/** Mean PSNR of phantoms held out, as the command line tries a network after every epoch. */
async function tester(operator: CartesianOperator, seed: number, backend: Backend) {
  const problem = problemOn(
    operator,
    brainPhantoms({ shape, count: HELD_OUT, seed: HELD_OUT_SEED + seed }),
  );
  return async (method: ReturnType<typeof networkReconstructor>): Promise<number> => {
    const run = await openReconstruct(method, operator, backend);
    let total = 0;
    for (let image = 0; image < HELD_OUT; image++) {
      const truth = magnitude(problem.images.image(image));
      const [x] = await run([await measure(problem, { image, seed, backend })]);
      total += psnr(truth, magnitude(x), maximum(truth)) / HELD_OUT;
    }
    return total;
  };
}

/** A search for the trained network's own worst perturbation of one phantom. */
async function worstOf(
  network: Network,
  problem: InverseProblem,
  { seed, backend: on }: RemedyTraining,
  context: Context,
) {
  const { norm, steps } = searchedFor;
  const test = instabilityAscent({ relativeNorms: [norm], iterations: steps });
  const methods = [networkReconstructor({ network })];
  const searches = await searchesOn(on);
  const options = { problem, methods, seed, backend: await quickly(), ...searches };
  const tick = (done: number): void =>
    context.progress({ kind: "search", done } satisfies RemedyNews);
  const [[{ findings, error }]] = (await runTest(options, test, context, { tick })).pieces;
  const found = findings?.measurements[0];
  if (!found) throw new ConfigError(`${error ?? "nothing was found"}.`);
  return found;
}

/** Milliseconds between two notes of the training. */
const NOTE_EVERY = 100;
function stepTeller({ progress, signal }: Context) {
  let [losses, told] = [[] as number[], 0];
  return async ({
    step,
    steps,
    loss,
  }: {
    step: number;
    steps: number;
    loss: number;
  }): Promise<void> => {
    losses.push(loss);
    await giveWay();
    signal.throwIfAborted();
    if (step < steps && performance.now() - told < NOTE_EVERY) return;
    progress({ kind: "step", losses, step, steps } satisfies RemedyNews);
    [losses, told] = [[], performance.now()];
  };
}

/** Trains one network from a seed; says how it goes in notes, a RemedyNews each. */
export async function trainRemedy(asked: RemedyTraining, context: Context): Promise<TrainedHere> {
  const { remedy, epochs, seed } = asked;
  const backend = await quickly();
  const { dataConsistency = false, ...training } = remedies[remedy];
  const { channels, depth, count } = alike;
  const form = { input: "image", iterations: 1, dataConsistency } as const;
  const architecture = {
    inChannels: 2,
    outChannels: 2,
    baseChannels: channels,
    depth,
    size: shape,
  } as const;
  const fresh = nn.unet({ ...architecture, seed, residual: true, norm: "none" });
  const mask = variableDensityMask({ shape, acceleration: 4, centerFraction: 0.08, seed });
  const operator = subsampledFourier({ mask });
  const problem = problemOn(operator, variedPhantoms({ shape, count, seed }));
  const test = await tester(operator, seed, backend);
  const trained = await fitReconstructor(fresh, {
    ...training,
    ...(training.rates ? {} : { otherMasks: 31 }),
    ...{ problem, form, seed, epochs, batchSize: 2, signal: context.signal },
    backend: await gradientsOn(asked.backend),
    ...{
      loss: rootMeanSquaredError(),
      schedule: cosine(),
      settings: { precision: "reproducible" },
    },
    optimizer: clipped(adam({ learningRate: 1e-3 }), { maxNorm: 1 }),
    on: {
      step: stepTeller(context),
      async epoch({ epoch }, current) {
        const now = await test(networkReconstructor({ network: await current(), form }));
        context.progress({ kind: "epoch", epoch, psnr: now } satisfies RemedyNews);
      },
    },
  });
  const whole = await test(networkReconstructor({ network: trained }));
  const one = problemOn(operator, brainPhantoms({ shape, count: 1, seed: HELD_OUT_SEED + seed }));
  const { psnr: of, noise } = await worstOf(trained, one, asked, context);
  return {
    ...{
      ...asked,
      name: `U-Net, ${remedy}`,
      psnr: whole,
      before: of.before,
      after: of.after,
      noise: noise.psnr,
    },
    checkpoint: saveNetwork(trained),
  };
}
