// fiducial train reconstructor: a network of one of the three forms, trained on generated phantoms,
// with remedies as options. Its defaults are what made weights/unet-128.safetensors.
import { ConfigError, present, type Backend } from "../../engine/index.ts";
import { adam, meanAbsoluteError, nn, saveNetwork, saveTraining, type Network } from "../../learning/index.ts";
import {
  brainPhantoms,
  fitReconstructor,
  gaussianNoise,
  inverseProblem,
  magnitude,
  maximum,
  measure,
  networkReconstructor,
  psnr,
  reconstruct,
  subsampledFourier,
  variableDensityMask,
  zeroFilled,
  type FitReconstructorOptions,
  type InverseProblem,
} from "../../imaging/index.ts";
import { chooseBackend, HELD_OUT_SEED, noteSampling } from "../inputs.ts";
import { DONE } from "../errors.ts";
import { checkWritable, removeFile, writeFiles } from "../files.ts";
import { choice, common, flag, integer, number, numbers, text, type Values } from "../options.ts";
import { table } from "../terminal.ts";
import { resumeOptions, stateToResume } from "../training.ts";
import { command, type Command } from "./command.ts";

const options = {
  out: text({ value: "FILE", default: "unet.safetensors", help: "where the checkpoint goes" }),
  name: text({ value: "NAME", help: "what reports call the network (by its layers)" }),
  size: integer({ default: 128, from: 8, to: 2048, help: "side of the images" }),
  count: integer({ default: 1000, from: 1, help: "training images" }),
  mosaics: number({
    value: "SHARE",
    default: 0.3,
    from: 0,
    to: 1,
    help: "share of the training images that are mosaics of small slices",
  }),
  epochs: integer({ default: 20, from: 1, help: "passes over them" }),
  batchSize: integer({ default: 2, from: 1, help: "images per step" }),
  learningRate: number({ value: "RATE", default: 0.0015, from: 1e-9, to: 10, help: "Adam's, at the start" }),
  baseChannels: integer({ default: 12, from: 1, to: 256, help: "channels of the U-Net's first level" }),
  depth: integer({ default: 3, from: 1, to: 6, help: "poolings of the U-Net" }),
  acceleration: number({
    value: "R",
    default: 4,
    from: 1,
    to: 64,
    help: "1/R of the k-space columns are measured",
  }),
  centerFraction: number({
    value: "F",
    default: 0.08,
    from: 0,
    to: 1,
    help: "share of the columns that is always measured, about the centre",
  }),
  noise: number({
    value: "SIGMA",
    default: 0.01,
    from: 0,
    to: 10,
    help: "standard deviation of the measurement noise; images have maximum 1",
  }),
  network: choice(["unet", "automap"], {
    default: "unet",
    help: "unet (on the zero-filled image) or automap (dense, from the measurement itself)",
  }),
  hidden: integer({ default: 1024, from: 1, to: 65536, help: "nodes of automap's hidden layer" }),
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
  dataConsistency: flag({ help: "end with a step that puts the measured cells of k-space back" }),
  ...common,
} as const;
type Settings = Values<typeof options>;

/** The network, untrained, and how it is used. */
function untrained(settings: Settings): Required<Pick<FitReconstructorOptions, "form">> & { network: Network } {
  const { size, seed, hidden, baseChannels, depth, iterations, dataConsistency } = settings;
  const shape = [size, size] as const;
  if (settings.network === "unet")
    return {
      network: nn.unet({ inChannels: 2, outChannels: 2, baseChannels, depth, seed, size: shape, residual: true }),
      form: { input: "image", iterations, dataConsistency },
    };
  if (iterations > 1 || dataConsistency)
    throw new ConfigError("--iterations and --data-consistency are the U-Net's; automap knows no operator", {});
  return {
    network: nn.automap({ size: shape, hidden, seed }),
    form: { input: "measurement", iterations, dataConsistency },
  };
}

/** Mean PSNR over phantoms that the training has not seen, beside zero-filling, by method. */
async function heldOut(
  trained: Network,
  { operator, noise }: InverseProblem,
  { seed, backend }: { readonly seed: number; readonly backend: Backend },
): Promise<{ readonly images: number; readonly psnr: Readonly<Record<string, number>> }> {
  const [height, width] = operator.domain.slice(-2);
  const images = brainPhantoms({ shape: [height, width], count: 12, seed: HELD_OUT_SEED + seed });
  const test = inverseProblem({ operator, noise, images });
  const methods = [zeroFilled(), networkReconstructor({ network: trained })];
  const scores = methods.map(() => 0);
  for (let i = 0; i < images.length; i++) {
    const truth = magnitude(images.image(i));
    const y = await measure(test, { image: i, seed, backend });
    for (const [k, method] of methods.entries()) {
      const x = magnitude(await reconstruct(method, y, operator, backend));
      scores[k] += psnr(truth, x, maximum(truth)) / images.length;
    }
  }
  return { images: images.length, psnr: Object.fromEntries(methods.map((m, k) => [m.name, scores[k]])) };
}

export const trainReconstructor: Command = command({
  name: "train reconstructor",
  summary: "Trains a network to reconstruct from undersampled k-space, on generated brain phantoms.",
  options,
  async perform(settings, terminal) {
    const { out, name, size, count, mosaics, acceleration, centerFraction, noise, seed, epochs, batchSize } = settings;
    const { jitter, smoothing, rates, adversarial, adversarialSteps: steps, learningRate } = settings;
    const shape = [size, size] as const;
    const mask = variableDensityMask({ shape, acceleration, centerFraction, seed });
    const problem = inverseProblem({
      operator: subsampledFourier({ mask }),
      noise: gaussianNoise({ sigma: noise }),
      images: brainPhantoms({ shape, count, seed, mosaics }),
    });
    const { network: fresh, form } = untrained(settings);
    const network = name === undefined ? fresh : { ...fresh, name };
    const backend = await chooseBackend(settings, terminal);
    checkWritable(out);
    const statePath = `${out}.training`;
    const resume = stateToResume(settings, statePath, terminal);
    let [loss, seen] = [0, 0];
    const trained = await fitReconstructor(network, {
      problem,
      form,
      jitter,
      smoothing,
      ...present({
        rates,
        adversarial: adversarial === undefined ? undefined : { relativeBudget: adversarial, steps },
        resume,
      }),
      loss: meanAbsoluteError(),
      seed,
      epochs,
      batchSize,
      optimizer: adam({ learningRate }),
      backend,
      settings: { precision: settings.precision },
      checkpointEvery: settings.checkpointEvery,
      on: {
        resume: (step) => terminal.note(`resumed after ${step} steps`),
        checkpoint: (state) => writeFiles([{ path: statePath, content: saveTraining(state) }]),
        step: (p) => {
          if (seen === 0) noteSampling({ mask, notes: [] }, terminal);
          loss += (p.loss - loss) / Math.min(++seen, 50);
          return terminal.progress(`epoch ${p.epoch} of ${p.epochs}, loss ${loss.toExponential(3)}`, p.step, p.steps);
        },
        epoch: ({ epoch, trainLoss }) => terminal.note(`epoch ${epoch}: mean loss ${trainLoss.toExponential(4)}`),
      },
    });
    writeFiles([{ path: out, content: saveNetwork(trained) }]);
    removeFile(statePath);
    const { images, psnr } = await heldOut(trained, problem, { seed, backend });
    terminal.finish();
    const rows = Object.entries(psnr).map(([name, mean]) => [name, mean.toFixed(2)]);
    terminal.print(table(["method", `mean PSNR of ${images} held-out phantoms, dB`], rows), `Checkpoint: ${out}\n`);
    terminal.json({ out, provenance: trained.provenance, heldOutPsnr: psnr });
    return DONE;
  },
});
