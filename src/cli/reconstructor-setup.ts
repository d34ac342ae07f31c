// What the options of `train reconstructor` ask for: how images are measured, how good a method is
// on those held out, and the run's part of the fit. The images: reconstructor-images.ts.
import { ConfigError, GraphBuilder, ops, present, type Backend } from "../engine/index.ts";
import {
  formOf,
  gaussianNoise,
  inverseProblem,
  magnitude,
  maximum,
  measure,
  networkHash,
  psnr,
  variableDensityMask,
  variedParts,
  type ImageSet,
  type InverseProblem,
  type Operator,
  type Reconstructor,
} from "../imaging/index.ts";
import type { Network, Trained } from "../learning/index.ts";
import type { Noted } from "./inputs.ts";
import { kindsOfTraining } from "./likeness.ts";
import { checkOtherSize, loadModel } from "./models.ts";
import { chooseCartesian, chooseOther, describeOperator, usesMask } from "./operator-inputs.ts";
import { flagOf } from "./options.ts";
import type { ReconstructorSettings as Settings } from "./reconstructor-options.ts";
import { trainingImages } from "./reconstructor-images.ts";
import {
  checkNoSizes,
  checkSizes,
  recipes,
  type Recipe,
  type Training,
} from "./reconstructor-recipes.ts";
import type { Terminal } from "./terminal.ts";

/** Images of each kind that are looked at to tell what the network knows. */
const SAMPLE = 100;
/** Side of the smallest images that can be told apart. */
const SMALLEST = 32;

/** Images that show what the training was on: of a mixture, its parts. */
function setsOf(settings: Settings, training: Training, images: ImageSet): readonly ImageSet[] {
  const { size, seed, images: files, kspace, phantoms = training.phantoms } = settings;
  if (Math.min(...images.shape) < SMALLEST) return [];
  const sample = { shape: [size, size], count: SAMPLE, seed } as const;
  const own = files.length + kspace.length > 0;
  return !own && phantoms === "varied" ? variedParts(sample) : [images];
}
/** What the images are like that it was trained on, as plain data; nothing of too few. */
export function kindsOf(
  settings: Settings,
  training: Training,
  images: ImageSet,
): Trained["kinds"] {
  const kinds = kindsOfTraining(setsOf(settings, training, images));
  return kinds.length > 0 ? kinds.map((kind) => ({ ...kind })) : undefined;
}

/** What only a mask of k-space has a use for. */
const ofMasks = ["acceleration", "centerFraction", "crop", "otherMasks", "rates"] as const;

/** How the images are measured, and what is to be said of that. */
export async function measuring(
  settings: Settings,
): Promise<{ readonly operator: Operator; readonly sampling: Noted }> {
  const { size, acceleration = 4, centerFraction = 0.08, seed } = settings;
  if (usesMask(settings)) {
    const mask = variableDensityMask({ shape: [size, size], acceleration, centerFraction, seed });
    const { operator } = await chooseCartesian(settings, mask);
    return { operator, sampling: { mask, notes: [] } };
  }
  const given = ofMasks.find((name) => settings[name] !== undefined);
  if (given !== undefined)
    throw new ConfigError(
      `${flagOf(given)} is for a mask of k-space, and --operator ${settings.operator} has none`,
      { given },
    );
  const { operator } = chooseOther(settings, [size, size]);
  return { operator, sampling: { notes: [describeOperator(operator)] } };
}

/** The same measurement of further images, at each of the sizes that are trained on as well. */
export async function otherProblems(
  settings: Settings,
  network: Network,
  terminal: Terminal,
): Promise<readonly InverseProblem[]> {
  const { otherSizes = [], size, noise } = settings;
  const { training } = recipes[settings.network];
  const { count = training.count } = settings;
  const noiseOf = gaussianNoise({ sigma: noise });
  const problems: InverseProblem[] = [];
  for (const other of otherSizes) {
    checkOtherSize(network, other, "--other-sizes");
    // as many as take the same memory
    const fewer = Math.max(1, Math.round(count * (size / other) ** 2));
    const own = { ...settings, size: other, count: fewer };
    const { operator } = await measuring(own);
    const { images } = await trainingImages(own, { training, network }, terminal);
    problems.push(inverseProblem({ operator, noise: noiseOf, images }));
  }
  return problems;
}

/**
 * The network that the options ask for, fresh or with a checkpoint's weights, and how it is used.
 * Throws ConfigError for options that it has no use for, and as the file's reader does.
 */
export async function networkToTrain(
  settings: Settings,
  operator: Operator,
): Promise<ReturnType<Recipe["build"]>> {
  const { from, as, network: name, size } = settings;
  if (from === undefined) {
    checkSizes(name, settings);
    if (as !== undefined)
      throw new ConfigError("--as: give the weights that it describes too (--from FILE)", { as });
    return recipes[name].build({ ...settings, measured: operator.measured });
  }
  checkNoSizes(settings, `the network is the one of ${from}`);
  const { network } = await loadModel({ model: from, as, size });
  const provenance = { ...network.provenance, startedFrom: networkHash(network) };
  return { network: { ...network, provenance }, form: formOf(network) };
}

/** A method's mean PSNR on the images held out, dB. */
export type Score = (method: Reconstructor) => Promise<number>;
/** Measures the images held out as a problem's are; gives what a method makes of them. */
export async function scoreOn(
  images: ImageSet,
  { operator, noise }: InverseProblem,
  { seed, backend }: { readonly seed: number; readonly backend: Backend },
): Promise<Score> {
  const test = inverseProblem({ operator, noise, images });
  const measured: { truth: Float64Array; y: Float64Array }[] = [];
  for (let image = 0; image < images.length; image++)
    measured.push({
      truth: magnitude(images.image(image)),
      y: await measure(test, { image, seed, backend }),
    });
  return async (method) => {
    const b = new GraphBuilder(ops);
    b.output("x", method.apply(b, b.input("y", [1, ...operator.range]), operator));
    const plan = await backend.compile(b);
    let total = 0;
    for (const { truth, y } of measured)
      total += psnr(truth, magnitude((await plan.execute({ y })).x), maximum(truth));
    return total / images.length;
  };
}

/** The run's own part of fitReconstructor's options. */
export function trainingOptions(
  settings: Settings,
  { operator, heldOut }: { readonly operator: Operator; readonly heldOut: ImageSet },
) {
  const recipe = recipes[settings.network];
  const { training, schedule } = recipe;
  const {
    jitter,
    smoothing,
    rates,
    adversarial,
    adversarialSteps: steps,
    seed,
    precision,
    checkpointEvery,
    keepBest,
    patience,
  } = settings;
  const { epochs = training.epochs, batchSize = training.batchSize } = settings;
  const own: Partial<Training> = usesMask(settings) ? training : {};
  const watched = keepBest || patience !== undefined;
  const { size, otherSizes = [], otherMasks = own.otherMasks ?? 0 } = settings;
  const { crop = Math.min(own.crop ?? 0, size, ...otherSizes) } = settings;
  return {
    jitter,
    smoothing,
    ...present({
      rates,
      adversarial: adversarial === undefined ? undefined : { relativeBudget: adversarial, steps },
      crop: crop > 0 ? crop : undefined,
      // rates are other masks already
      otherMasks: otherMasks > 0 && !rates ? otherMasks : undefined,
      betweenWeight: training.betweenWeight,
      validation: watched ? heldOut : undefined,
      keepBest: keepBest || undefined,
      earlyStopping: patience === undefined ? undefined : { patience },
    }),
    loss: recipe.loss({ ...settings, measured: operator.measured }),
    schedule,
    seed,
    epochs,
    batchSize,
    optimizer: recipe.optimizer(settings.learningRate ?? training.learningRate),
    settings: { precision },
    checkpointEvery,
  };
}
