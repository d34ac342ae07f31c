// What the options of `train reconstructor` ask for: images, how they are measured, what is held
// out, and the run's part of the fit.
import {
  ConfigError,
  GraphBuilder,
  openBackend,
  ops,
  present,
  type Backend,
} from "../engine/index.ts";
import {
  analyticEllipses,
  brainPhantoms,
  inverseProblem,
  magnitude,
  maximum,
  measure,
  psnr,
  variableDensityMask,
  variedParts,
  type ImageSet,
  type InverseProblem,
  type Operator,
  type Reconstructor,
} from "../imaging/index.ts";
import type { Trained } from "../learning/index.ts";
import { HELD_OUT_SEED, loadImages, type Noted } from "./inputs.ts";
import { kindsOfTraining } from "./likeness.ts";
import { chooseCartesian, chooseOther, describeOperator, usesMask } from "./operator-inputs.ts";
import { flagOf } from "./options.ts";
import type { ReconstructorSettings as Settings } from "./reconstructor-options.ts";
import { phantomKinds, type Recipe, type Training } from "./reconstructor-recipes.ts";
import type { Terminal } from "./terminal.ts";

/** Phantoms that a network is tried on after every epoch. */
export const HELD_OUT = 12;
/** Images of each kind that are looked at to tell what the network knows. */
const SAMPLE = 100;
/** Side of the smallest images that can be told apart. */
const SMALLEST = 32;

/** Images, and what is to be learned of them. */
export async function imagesOf(
  settings: Settings,
  training: Training,
  terminal: Terminal,
): Promise<ImageSet> {
  const {
    size,
    seed,
    images: files,
    slices,
    fill,
    phantoms = training.phantoms,
    count = training.count,
  } = settings;
  const shape = [size, size] as const;
  if (files.length === 0) return phantomKinds[phantoms]({ shape, count, seed });
  const backend = await openBackend("auto", { threads: 1 });
  // no phantoms are asked for
  const given = {
    images: files,
    slices: slices ?? "all",
    fill,
    count,
    seed,
    phantoms: "brain",
    variable: undefined,
  } as const;
  return (await loadImages(given, shape, backend, terminal)).set;
}

/** Images that show what the training was on: of a mixture, its parts. */
function setsOf(settings: Settings, training: Training, images: ImageSet): readonly ImageSet[] {
  const { size, seed, images: files, phantoms = training.phantoms } = settings;
  if (Math.min(...images.shape) < SMALLEST) return [];
  const sample = { shape: [size, size], count: SAMPLE, seed } as const;
  return files.length === 0 && phantoms === "varied" ? variedParts(sample) : [images];
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

/** A method's mean PSNR on the phantoms held out, dB. */
export type Score = (method: Reconstructor) => Promise<number>;
/** Phantoms that no training has seen, measured, and what a method makes of them. */
export async function heldOut(
  { operator, noise, images: { measurement } }: InverseProblem,
  { seed, backend }: { readonly seed: number; readonly backend: Backend },
): Promise<Score> {
  const [height, width] = operator.domain.slice(-2);
  const drawn = { shape: [height, width], count: HELD_OUT, seed: HELD_OUT_SEED + seed } as const;
  // formulas are tried on formulas
  const images = measurement ? analyticEllipses(drawn) : brainPhantoms(drawn);
  const test = inverseProblem({ operator, noise, images });
  const measured: { truth: Float64Array; y: Float64Array }[] = [];
  for (let image = 0; image < HELD_OUT; image++)
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
      total += psnr(truth, magnitude((await plan.execute({ y })).x), maximum(truth)) / HELD_OUT;
    return total;
  };
}

/** The run's own part of fitReconstructor's options. */
export function trainingOptions(settings: Settings, recipe: Recipe) {
  const { training, loss, schedule } = recipe;
  const {
    jitter,
    smoothing,
    rates,
    adversarial,
    adversarialSteps: steps,
    seed,
    precision,
    checkpointEvery,
  } = settings;
  const { epochs = training.epochs, batchSize = training.batchSize } = settings;
  const own: Partial<Training> = usesMask(settings) ? training : {};
  const { crop = own.crop ?? 0, otherMasks = own.otherMasks ?? 0 } = settings;
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
    }),
    loss,
    schedule,
    seed,
    epochs,
    batchSize,
    optimizer: recipe.optimizer(settings.learningRate ?? training.learningRate),
    settings: { precision },
    checkpointEvery,
  };
}
