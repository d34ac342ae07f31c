// The options of `train reconstructor`. Its defaults are what made the weights that the package
// brings.
import { formatNames } from "../data/index.ts";
import { numbersOf } from "./inputs.ts";
import { operatorOptions } from "./operator-inputs.ts";
import {
  choice,
  common,
  flag,
  integer,
  integers,
  number,
  numbers,
  option,
  text,
  texts,
  type Values,
} from "./options.ts";
import { recipeNames, recipes } from "./reconstructor-recipes.ts";
import { logOptions, resumeOptions } from "./training.ts";

export const reconstructorOptions = {
  network: choice(recipeNames, {
    default: "cascade",
    help: Object.values(recipes)
      .map(({ help }) => help)
      .join(", "),
  }),
  from: text({
    value: "FILE",
    help: "start from this checkpoint's weights, or those of cascade-128 or unet-128, which the package brings, instead of fresh ones",
  }),
  as: text({
    value: "RECIPE",
    help: "what the weights of --from are where another maker's: a small JSON file, docs/published-weights.md",
  }),
  out: text({ value: "FILE", help: "where the checkpoint goes (the network's name.safetensors)" }),
  name: text({ value: "NAME", help: "what reports call the network (by its layers)" }),
  size: integer({ default: 128, from: 8, to: 2048, help: "side of the images" }),
  otherSizes: integers({
    from: 8,
    to: 2048,
    help: "further sides of images, each of which every step trains on as well",
  }),
  phantoms: choice(["varied", "brain", "ellipses"], {
    help: "generated images to train on: varied (heads, and shapes that are like no organ), brain or ellipses (the network's own)",
  }),
  count: integer({ from: 1, help: "how many of them (the network's own)" }),
  images: texts({
    value: "FILE",
    help: `train on the slices of these instead: ${formatNames.join(", ")}`,
  }),
  kspace: texts({
    value: "FILE",
    help: "or on what measured k-space shows (fastMRI, MRD, NPY, BART, MATLAB), all of which must have been measured; coils are joined by the root of their squares' sum",
  }),
  lowestFrequency: choice(["centre", "corner"], {
    value: "WHERE",
    help: "of k-space files: centre (⌊N/2⌋) or corner, whatever they look like (the centre, if that is plausible)",
  }),
  heldOut: number({
    value: "SHARE",
    from: 0,
    to: 0.9,
    help: "share of one's own images, the last ones, that is held out and tried after every epoch (0.1; phantoms where there are fewer than ten images)",
  }),
  keepBest: flag({
    help: "the checkpoint is the epoch's with the lowest loss on what is held out",
  }),
  patience: integer({
    from: 1,
    help: "end when that has not become lower for so many epochs, and keep the best",
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
export type ReconstructorSettings = Values<typeof reconstructorOptions>;
