// The options of `train classifier`, and the command line that repeats a training.
import { generated } from "./datasets.ts";
import { choice, common, flag, integer, number, text, wordsOf, type Values } from "./options.ts";
import { pictureOptions } from "./picture-options.ts";
import { logOptions, resumeOptions } from "./training.ts";

const share = (help: string) => number({ value: "SHARE", default: 0, from: 0, to: 1, help });
export const classifierOptions = {
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
export type ClassifierSettings = Values<typeof classifierOptions>;

/** The command that repeats the training, without paths that may carry a name. */
export function commandOf(settings: ClassifierSettings): string {
  const words = wordsOf(classifierOptions, settings, (name, word) => {
    if (["out", "json", "debug", "resume", "log"].includes(name)) return undefined;
    if (name === "labels") return "FILE";
    return name === "data" && !generated.has(word) ? "FOLDER" : word;
  });
  return ["npx fiducial train classifier", ...words].join(" ");
}
