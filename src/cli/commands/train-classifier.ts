// fiducial train classifier: a network from labelled images; it can be stopped at any moment and
// resumed to the same bits.
import { ConfigError, FormatError, parseJson, present, quoted } from "../../engine/index.ts";
import {
  adam,
  augmented,
  balanced,
  compileEvaluation,
  constant,
  cosine,
  crossEntropy,
  fit,
  mixup,
  nn,
  oneCycle,
  preprocessedShape,
  renderTrainingReport,
  saveNetwork,
  saveTraining,
  sgd,
  smoothFall,
  together,
  warmUp,
  withPreprocessing,
  type Dataset,
  type Epoch,
  type Evaluation,
  type EvaluationOptions,
  type FitOptions,
  type Network,
} from "../../learning/index.ts";
import type { LabelledImages } from "../../data/index.ts";
import { generated, loadDataset, type Split } from "../datasets.ts";
import { DONE } from "../errors.ts";
import { checkWritable, readFile, removeFile, writeFiles } from "../files.ts";
import { chooseBackend } from "../inputs.ts";
import { pictureOptions, samplesFor, trainedPreprocessing } from "../picture-options.ts";
import { choice, common, flag, integer, number, text, wordsOf, type Values } from "../options.ts";
import { table, type Terminal } from "../terminal.ts";
import { logOptions, openLog, resumeOptions, stateToResume } from "../training.ts";
import { command, type Command } from "./command.ts";

interface Described {
  readonly input?: unknown;
  readonly layers?: nn.Layer[];
}
/** A named architecture, or { "input": [C,H,W], "layers": [{ "kind": … }, …] } in a JSON file. */
function architecture(
  name: string,
  input: readonly [number, number, number],
  classes: number,
  seed: number,
): Network {
  const named = {
    lenet5: nn.lenet5,
    resnet20: nn.resnet20,
    resnet18: nn.resnet18,
    vgg: nn.smallVgg,
  };
  if (Object.hasOwn(named, name))
    return named[name as keyof typeof named]({ classes, seed, input });
  if (!name.endsWith(".json"))
    throw new ConfigError(`--arch ${name}: it is ${Object.keys(named).join(", ")} or a JSON file`, {
      name,
    });
  const form = `{ "input": [channels, height, width], "layers": [{ "kind": "conv2d", … }, …] }`;
  const described = (parseJson(readFile(name), `${name}: it`, `it should be ${form}`) ??
    {}) as Described;
  if (!Array.isArray(described.layers)) throw new FormatError(`${name}: it should be ${form}`, {});
  if (described.input !== undefined && String(described.input) !== String(input))
    throw new ConfigError(
      `${name}: it takes images ${quoted(described.input)}, the data's are ${quoted(input)}`,
      {},
    );
  return nn.sequential({ input, layers: described.layers, seed });
}

/** Untrained, with the names of the classes, what is done to pictures, and where it comes from. */
function freshNetwork({ train, description }: Split, settings: Settings): Network {
  const { arch, seed } = settings;
  const steps = trainedPreprocessing(settings);
  const [C, H, W] = steps ? preprocessedShape(steps, train.shape) : train.shape;
  const { provenance, ...started } = architecture(arch, [C, H, W], train.classes.length, seed);
  const own = steps ? {} : { pixels: "2·value − 1, values in [0, 1]" };
  const network: Network = {
    ...started,
    provenance: { ...provenance, data: description, ...own },
    trained: { classes: train.classes },
  };
  return steps ? withPreprocessing(network, steps, train.classes) : network;
}

const share = (help: string) => number({ value: "SHARE", default: 0, from: 0, to: 1, help });
const options = {
  data: text({
    value: "PATH",
    help: "folder of IDX files (MNIST), of CIFAR-10 batches, of images.npy and labels.npy, or of one folder per class; an NPZ file; or strokes, shapes or edges, which are generated",
  }),
  arch: text({
    value: "NAME",
    default: "lenet5",
    help: "lenet5, resnet20, resnet18, vgg, or a JSON file of layers",
  }),
  count: integer({ default: 10000, from: 1, help: "training images, where they are generated" }),
  epochs: integer({ default: 8, from: 1, help: "passes over the data" }),
  batchSize: integer({ default: 64, from: 1, help: "images per step" }),
  accumulate: integer({
    default: 1,
    from: 1,
    help: "batches whose gradients are averaged before an update",
  }),
  optimizer: choice(["adam", "sgd"], { default: "adam", help: "adam or sgd (momentum 0.9)" }),
  learningRate: number({
    value: "RATE",
    default: 0.002,
    from: 1e-9,
    to: 1e6,
    help: "at the start; it falls smoothly to 0",
  }),
  shift: integer({
    default: 2,
    from: 0,
    to: 1000,
    help: "images are shifted by up to so many pixels each way, anew every epoch",
  }),
  flip: flag({ help: "half of the images are mirrored left to right" }),
  rotate: number({
    value: "DEGREES",
    default: 0,
    from: 0,
    to: 180,
    help: "images are turned by up to so much each way",
  }),
  scale: number({
    value: "SHARE",
    default: 0,
    from: 0,
    to: 10,
    help: "images are made larger or smaller by up to this share",
  }),
  jitter: number({
    value: "SIGMA",
    default: 0,
    from: 0,
    to: 10,
    help: "standard deviation of noise added to images, whose values are in [-1, 1]",
  }),
  brightness: share("images are made up to this share brighter or darker"),
  contrast: share("differences from an image's mean grey are changed by up to this share"),
  saturation: share("colours are made up to this share fuller or paler"),
  hue: number({
    value: "TURNS",
    default: 0,
    from: 0,
    to: 0.5,
    help: "hues are turned by up to so many turns",
  }),
  crop: number({
    value: "SHARE",
    from: 0.01,
    to: 1,
    help: "a part of an image, at least this share of its area, is made the image",
  }),
  cutout: integer({
    default: 0,
    from: 0,
    to: 1000,
    help: "side of a square that is set to grey, pixels",
  }),
  mixup: number({
    value: "ALPHA",
    from: 0.001,
    to: 1000,
    help: "samples are blended, with shares from Beta(ALPHA, ALPHA)",
  }),
  balanced: flag({ help: "every class is seen equally often" }),
  weightDecay: number({
    value: "DECAY",
    default: 0,
    from: 0,
    to: 1,
    help: "of weights; not of biases and norms",
  }),
  labelSmoothing: number({
    value: "SHARE",
    default: 0,
    from: 0,
    to: 0.99,
    help: "of the targets, spread over all classes",
  }),
  schedule: choice(["smooth", "cosine", "one-cycle", "constant"], {
    default: "smooth",
    help: "how the learning rate changes: smooth, cosine, one-cycle or constant",
  }),
  warmup: integer({ default: 0, from: 0, help: "steps in which the learning rate rises at first" }),
  keepBest: flag({ help: "the checkpoint is the epoch's with the lowest test loss" }),
  patience: integer({
    from: 1,
    help: "end after N epochs without a lower test loss; the checkpoint is the epoch's with the lowest",
  }),
  out: text({
    value: "FILE",
    default: "classifier.safetensors",
    help: "where the checkpoint goes",
  }),
  ...resumeOptions,
  ...logOptions,
  size: integer({
    from: 1,
    to: 4096,
    help: "pictures of folders are made so many pixels high and wide",
  }),
  fit: choice(["crop", "pad", "stretch"], {
    default: "crop",
    help: "how pictures of other proportions are made that size",
  }),
  labels: text({
    value: "FILE",
    help: "a CSV table of the classes of pictures: file,class; --data is their folder",
  }),
  skipBad: flag({ help: "leave out pictures that cannot be read, naming each" }),
  ...pictureOptions,
  ...common,
} as const;
type Settings = Values<typeof options>;

/** The command that repeats the training, without paths that may carry a name. */
function commandOf(settings: Settings): string {
  const words = wordsOf(options, settings, (name, word) => {
    if (["out", "json", "debug", "resume", "log"].includes(name)) return undefined;
    if (name === "labels") return "FILE";
    return name === "data" && !generated.has(word) ? "FOLDER" : word;
  });
  return ["npx fiducial train classifier", ...words].join(" ");
}

/** The training samples, changed anew every epoch where the options ask for it. */
function changed(plain: Dataset, train: LabelledImages, settings: Settings): Dataset {
  const { shift, flip, rotate, scale, jitter: noise, seed, crop, mixup: alpha } = settings;
  const { brightness, contrast, saturation, hue, cutout } = settings;
  const own = Object.entries({ brightness, contrast, saturation, hue, cutout }).filter(
    ([, value]) => value > 0,
  );
  const part = crop === undefined ? {} : { crop: { area: [crop, 1] as const } };
  const change = { shift, flip, rotate, scale, noise, ...Object.fromEntries(own), ...part };
  const even = settings.balanced
    ? balanced(plain, { seed, classOf: (i) => train.label(i) })
    : plain;
  const other = Object.values(change).some(Boolean) ? augmented(even, { ...change, seed }) : even;
  return alpha === undefined ? other : mixup(other, { alpha, seed });
}
/** The optimiser, its schedule and the loss, as the options ask for them. */
function wayOf(
  settings: Settings,
): Pick<FitOptions, "optimizer" | "loss" | "schedule" | "decayed" | "keepBest"> {
  const { learningRate, weightDecay, labelSmoothing, warmup, keepBest } = settings;
  const schedules = { smooth: smoothFall, cosine, "one-cycle": oneCycle, constant };
  const plain = schedules[settings.schedule]();
  return present({
    optimizer:
      settings.optimizer === "adam"
        ? adam({ learningRate, weightDecay })
        : sgd({ learningRate, momentum: 0.9, weightDecay }),
    loss: crossEntropy({ labelSmoothing }),
    schedule: warmup > 0 ? warmUp(plain, { steps: warmup }) : plain,
    decayed: weightDecay > 0 ? ("weights" as const) : undefined,
    keepBest: keepBest || undefined,
  });
}

/**
 * The finished network on the test set: its own epoch has seen it, unless that was before the run
 * was resumed.
 */
async function finished(
  trained: Network,
  epochs: readonly Epoch[],
  options: EvaluationOptions & { readonly data: Dataset },
): Promise<Evaluation> {
  const { bestEpoch } = trained.provenance;
  const own = bestEpoch === undefined ? epochs.at(-1) : epochs.find((e) => e.epoch === bestEpoch);
  if (own?.validation) return own.validation;
  return (await compileEvaluation(trained, options))(trained, options.data);
}

/** What is shown while it trains; `epochs` collects what is known after each. */
function watching(settings: Settings, epochs: Epoch[], terminal: Terminal): FitOptions["on"] {
  const { batchSize, accumulate } = settings;
  const since = performance.now();
  let recent = 0;
  let seen = 0;
  return {
    resume: (step) => terminal.note(`resumed after ${step} steps`),
    step: (p) => {
      recent += (p.loss - recent) / Math.min(++seen, 50);
      const rate = Math.round((1000 * seen * batchSize * accumulate) / (performance.now() - since));
      return terminal.progress(
        `epoch ${p.epoch} of ${p.epochs}, loss ${recent.toFixed(4)}, learning rate ${p.learningRate.toExponential(1)}, ${rate} images/s`,
        p.step,
        p.steps,
      );
    },
    epoch: (e) => {
      epochs.push(e);
      const share = (accuracy: number | undefined): string => (100 * (accuracy ?? 0)).toFixed(2);
      terminal.note(
        `epoch ${e.epoch}: loss ${e.trainLoss.toFixed(4)}, accuracy ${share(e.trainAccuracy)} %; test ${share(e.validation?.accuracy)} %`,
      );
    },
  };
}

const stateOf = (out: string): string => `${out}.training`;

/** Writes the network and the report of its training, and prints how good it is. */
function conclude(
  trained: Network,
  run: {
    split: Split;
    epochs: readonly Epoch[];
    result: Evaluation;
    settings: Settings;
    terminal: Terminal;
  },
): void {
  const { split, epochs, result, settings, terminal } = run;
  const { out } = settings;
  terminal.finish();
  const report = `${out.replace(/\.safetensors$/, "")}.html`;
  const title = `Training on ${split.description}`;
  const page = {
    title,
    network: trained,
    epochs,
    result,
    classes: split.train.classes,
    command: commandOf(settings),
  };
  writeFiles([
    { path: out, content: saveNetwork(trained) },
    { path: report, content: renderTrainingReport(page) },
  ]);
  removeFile(stateOf(out));
  const row = [
    "test",
    String(split.test.length),
    result.loss.toFixed(4),
    (100 * (result.accuracy ?? 0)).toFixed(2),
  ];
  terminal.print(
    table(["", "images", "loss", "accuracy, %"], [row]),
    `Checkpoint: ${out}\nReport: ${report}\n`,
  );
  terminal.json({
    out,
    report,
    epochs: epochs.map(({ validation, ...e }) => ({
      ...e,
      testLoss: validation?.loss,
      testAccuracy: validation?.accuracy,
    })),
    confusion: result.confusion,
    testImages: split.test.length,
    testLoss: result.loss,
    testAccuracy: result.accuracy,
  });
}

export const trainClassifier: Command = command({
  name: "train classifier",
  summary:
    "Trains a network on labelled images. A run that was stopped goes on with --resume and ends with the same bits.",
  options,
  async perform(settings, terminal) {
    const { data, out, seed, count, skipBad, patience, size, fit: fitting, labels, log } = settings;
    const { epochs: passes, batchSize, accumulate, checkpointEvery } = settings;
    if (data === undefined)
      throw new ConfigError(
        "train classifier: name the data with --data PATH, or --data strokes for generated digits",
        {},
      );
    const statePath = stateOf(out);
    const backend = await chooseBackend(settings, terminal);
    const split = await loadDataset(data, {
      seed,
      count,
      skipBad,
      size,
      fit: fitting,
      labels,
      terminal,
    });
    const { train, test } = split;
    const network = freshNetwork(split, settings);
    checkWritable(out);
    const resume = stateToResume(settings, statePath, terminal);
    const way = wayOf(settings);
    const { loss } = way;
    const logged = log === undefined ? [] : [openLog(log, resume !== undefined)];
    const epochs: Epoch[] = [];
    const trained = await fit(network, {
      data: samplesFor(network, train, (data) => changed(data, train, settings)),
      ...way,
      epochs: passes,
      batchSize,
      accumulate,
      seed,
      backend,
      validation: samplesFor(network, test),
      checkpointEvery,
      settings: { precision: settings.precision },
      ...present({ resume, earlyStopping: patience === undefined ? undefined : { patience } }),
      on: together(
        { ...watching(settings, epochs, terminal) },
        { checkpoint: (state) => writeFiles([{ path: statePath, content: saveTraining(state) }]) },
        ...logged,
      ),
    });
    const result = await finished(trained, epochs, {
      data: samplesFor(network, test),
      loss,
      batchSize,
      backend,
    });
    conclude(trained, { split, epochs, result, settings, terminal });
    return DONE;
  },
});
