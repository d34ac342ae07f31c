// fiducial train reconstructor: a network by its recipe, trained on generated images or on scans,
// with remedies as options. Its defaults are what made the weights that the package brings.
import {
  ConfigError,
  GraphBuilder,
  openBackend,
  ops,
  present,
  type Backend,
} from "../../engine/index.ts";
import { formatNames } from "../../data/index.ts";
import {
  saveNetwork,
  saveTraining,
  together,
  type Network,
  type Trained,
} from "../../learning/index.ts";
import {
  analyticEllipses,
  brainPhantoms,
  filteredBackProjection,
  fitReconstructor,
  gaussianNoise,
  inverseProblem,
  magnitude,
  maximum,
  measure,
  networkReconstructor,
  psnr,
  totalVariation,
  variableDensityMask,
  variedParts,
  zeroFilled,
  type ImageKind,
  type ImageSet,
  type InverseProblem,
  type Operator,
  type Reconstructor,
} from "../../imaging/index.ts";
import {
  chooseBackend,
  HELD_OUT_SEED,
  loadImages,
  noteSampling,
  numbersOf,
  type Noted,
} from "../inputs.ts";
import { DONE } from "../errors.ts";
import { kindsOfTraining } from "../likeness.ts";
import { checkWritable, removeFile, writeFiles } from "../files.ts";
import {
  chooseCartesian,
  chooseOther,
  describeOperator,
  operatorOptions,
  usesMask,
} from "../operator-inputs.ts";
import {
  choice,
  common,
  flag,
  flagOf,
  integer,
  number,
  numbers,
  option,
  text,
  texts,
  type Values,
} from "../options.ts";
import {
  checkSizes,
  phantomKinds,
  recipeNames,
  recipes,
  type Recipe,
  type Training,
} from "../reconstructor-recipes.ts";
import { table, type Terminal } from "../terminal.ts";
import { logOptions, openLog, resumeOptions, stateToResume } from "../training.ts";
import { command, type Command } from "./command.ts";

/** Phantoms that a network is tried on after every epoch. */
const HELD_OUT = 12;
/** Images of each kind that are looked at to tell what the network knows. */
const SAMPLE = 100;
/** Side of the smallest images that can be told apart. */
const SMALLEST = 32;

const options = {
  network: choice(recipeNames, {
    default: "cascade",
    help: Object.values(recipes)
      .map(({ help }) => help)
      .join(", "),
  }),
  out: text({ value: "FILE", help: "where the checkpoint goes (the network's name.safetensors)" }),
  name: text({ value: "NAME", help: "what reports call the network (by its layers)" }),
  size: integer({ default: 128, from: 8, to: 2048, help: "side of the images" }),
  phantoms: choice(["varied", "brain", "ellipses"], {
    help: "generated images to train on: varied (heads, and shapes that are like no organ), brain or ellipses (the network's own)",
  }),
  count: integer({ from: 1, help: "how many of them (the network's own)" }),
  images: texts({
    value: "FILE",
    help: `train on the slices of these instead: ${formatNames.join(", ")}`,
  }),
  slices: option({
    value: "LIST",
    help: "slices of every file, 20-180 (all that are not blank)",
    read: numbersOf,
  }),
  fill: number({
    value: "V",
    help: "what stands for values that are not finite (they are refused)",
  }),
  epochs: integer({ from: 1, help: "passes over the images (the network's own)" }),
  batchSize: integer({ from: 1, help: "images per step (the network's own)" }),
  learningRate: number({
    value: "RATE",
    from: 1e-9,
    to: 10,
    help: "Adam's, at the start (the network's own)",
  }),
  channels: integer({
    from: 1,
    to: 256,
    help: "channels of the cascade's convolutions (32) or of the U-Net's first level (12)",
  }),
  depth: integer({ from: 1, to: 6, help: "poolings of the U-Net (3)" }),
  cascades: integer({ from: 1, to: 64, help: "of the cascade (5)" }),
  crop: integer({
    from: 0,
    help: "rows of an image at a time, for masks of whole columns; 0: all (the network's own)",
  }),
  otherMasks: integer({
    from: 0,
    to: 10000,
    help: "other draws of the mask that half of the images are measured with (the network's own)",
  }),
  ...operatorOptions,
  acceleration: number({
    value: "R",
    from: 1,
    to: 64,
    help: "1/R of the k-space columns are measured (4)",
  }),
  centerFraction: number({
    value: "F",
    from: 0,
    to: 1,
    help: "share of the columns that is always measured, about the centre (0.08)",
  }),
  noise: number({
    value: "SIGMA",
    default: 0.01,
    from: 0,
    to: 10,
    help: "standard deviation of the measurement noise; images have maximum 1",
  }),
  iterations: integer({
    default: 1,
    from: 1,
    to: 64,
    help: "times that the U-Net is applied, with data consistency between: an unrolled network",
  }),
  jitter: number({
    value: "SIGMA",
    default: 0,
    from: 0,
    to: 10,
    help: "extra noise of up to this standard deviation in training alone, a remedy against worst cases",
  }),
  adversarial: number({
    value: "SHARE",
    from: 1e-6,
    to: 1,
    help: "a remedy: train on the worst perturbation found in a ball of that share of ‖y‖",
  }),
  adversarialSteps: integer({
    default: 1,
    from: 1,
    to: 100,
    help: "gradient steps of that search, each as dear as a training step",
  }),
  rates: numbers({
    from: 1e-3,
    to: 1,
    help: "a remedy: measure every image at one of these shares of k-space, drawn",
  }),
  smoothing: number({
    value: "SIGMA",
    default: 0,
    from: 0,
    to: 10,
    help: "a remedy: train with noise of that standard deviation, and reconstruct by the mean over eight draws of it",
  }),
  ...resumeOptions,
  ...logOptions,
  dataConsistency: flag({ help: "end with a step that puts the measured cells of k-space back" }),
  ...common,
} as const;
type Settings = Values<typeof options>;

/** Images, and what is to be learned of them. */
async function imagesOf(
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
const plain = (kinds: readonly ImageKind[]): Trained["kinds"] =>
  kinds.length > 0 ? kinds.map((kind) => ({ ...kind })) : undefined;

/** What only a mask of k-space has a use for. */
const ofMasks = ["acceleration", "centerFraction", "crop", "otherMasks", "rates"] as const;

/** How the images are measured, and what is to be said of that. */
async function measuring(
  settings: Settings,
): Promise<{ readonly operator: Operator; readonly sampling: Noted }> {
  const { size, acceleration = 4, centerFraction = 0.08, seed } = settings;
  if (usesMask(settings)) {
    const mask = variableDensityMask({ shape: [size, size], acceleration, centerFraction, seed });
    return {
      operator: (await chooseCartesian(settings, mask)).operator,
      sampling: { mask, notes: [] },
    };
  }
  const given = ofMasks.find((name) => settings[name] !== undefined);
  if (given !== undefined)
    throw new ConfigError(
      `${flagOf(given)} is for a mask of k-space, and --operator ${settings.operator} has none`,
      {
        given,
      },
    );
  const { operator } = chooseOther(settings, [size, size]);
  return { operator, sampling: { notes: [describeOperator(operator)] } };
}

/** Phantoms that no training has seen, measured, and what a method makes of them. */
async function heldOut(
  { operator, noise, images: { measurement } }: InverseProblem,
  { seed, backend }: { readonly seed: number; readonly backend: Backend },
): Promise<(method: Reconstructor) => Promise<number>> {
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
function trainingOptions(settings: Settings, recipe: Recipe) {
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

export const trainReconstructor: Command = command({
  name: "train reconstructor",
  summary:
    "Trains a network to reconstruct from undersampled k-space or line integrals, on generated images or on scans of your own.",
  options,
  async perform(settings, terminal) {
    checkSizes(settings.network, settings);
    const recipe = recipes[settings.network];
    const { name, noise, seed } = settings;
    const { out = `${settings.network}.safetensors` } = settings;
    const { operator, sampling } = await measuring(settings);
    const {
      network: fresh,
      form,
      loss: own,
    } = recipe.build({ ...settings, measured: operator.measured });
    const network = name === undefined ? fresh : { ...fresh, name };
    const backend = await chooseBackend(settings, terminal);
    checkWritable(out);
    const statePath = `${out}.training`;
    const resume = stateToResume(settings, statePath, terminal);
    const problem = inverseProblem({
      operator,
      noise: gaussianNoise({ sigma: noise }),
      images: await imagesOf(settings, recipe.training, terminal),
    });
    const test = await heldOut(problem, { seed, backend });
    const beside = await test(totalVariation({ sigma: noise }));
    const curve: number[] = [];
    const logged = settings.log === undefined ? [] : [openLog(settings.log, resume !== undefined)];
    let [loss, seen] = [0, 0];
    const trained = await fitReconstructor(network, {
      ...trainingOptions(settings, recipe),
      ...present({ loss: own }),
      problem,
      form,
      backend,
      ...present({ resume }),
      on: together(...logged, {
        resume: (step) => terminal.note(`resumed after ${step} steps`),
        checkpoint: (state) => writeFiles([{ path: statePath, content: saveTraining(state) }]),
        step: (p) => {
          if (seen === 0) noteSampling(sampling, terminal);
          loss += (p.loss - loss) / Math.min(++seen, 50);
          return terminal.progress(
            `epoch ${p.epoch} of ${p.epochs}, loss ${loss.toExponential(3)}`,
            p.step,
            p.steps,
          );
        },
        epoch: async ({ epoch, trainLoss }, current) => {
          const now = await test(networkReconstructor({ network: await current(), form }));
          curve.push(now);
          terminal.note(
            `epoch ${epoch}: mean loss ${trainLoss.toExponential(4)}, ${now.toFixed(2)} dB on phantoms held out (total variation ${beside.toFixed(2)})`,
          );
        },
      }),
    });
    const kinds = kindsOfTraining(setsOf(settings, recipe.training, problem.images));
    const whole: Network = {
      ...trained,
      trained: { ...trained.trained, ...present({ kinds: plain(kinds) }) },
    };
    writeFiles([{ path: out, content: saveNetwork(whole) }]);
    removeFile(statePath);
    const learned = networkReconstructor({ network: whole });
    const direct = operator.initial ? filteredBackProjection() : zeroFilled();
    const scores: Readonly<Record<string, number>> = {
      [direct.name]: await test(direct),
      "total variation": beside,
      [learned.name]: await test(learned),
    };
    terminal.finish();
    const rows = Object.entries(scores).map(([method, mean]) => [method, mean.toFixed(2)]);
    terminal.print(
      table(["method", `mean PSNR of ${HELD_OUT} held-out phantoms, dB`], rows),
      `Checkpoint: ${out}\n`,
    );
    terminal.json({
      out,
      provenance: trained.provenance,
      heldOutPsnr: scores,
      heldOutPsnrByEpoch: curve,
    });
    return DONE;
  },
});
