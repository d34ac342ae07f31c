// fiducial train reconstructor: a network of one of the three forms, trained on generated phantoms,
// with remedies as options. Its defaults are what made weights/unet-128.safetensors.
import { ConfigError } from "../../engine/index.ts";
import { adam, meanAbsoluteError, nn, saveNetwork } from "../../learning/index.ts";
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
} from "../../imaging/index.ts";
import { chooseBackend, HELD_OUT_SEED } from "../inputs.ts";
import { checkWritable, writeFiles } from "../files.ts";
import { common, type Arguments } from "../options.ts";
import { table, type Terminal } from "../terminal.ts";
import type { Command } from "./command.ts";

export const trainReconstructor: Command = {
  name: "train reconstructor",
  usage: "[options]",
  summary: "Trains a network to reconstruct from undersampled k-space, on generated brain phantoms.",
  options: {
    out: { value: "FILE", default: "unet.safetensors", help: "where the checkpoint goes" },
    name: { value: "NAME", help: "what reports call the network (by its layers)" },
    size: { value: "N", default: "128", help: "side of the images" },
    count: { value: "N", default: "1000", help: "training images" },
    mosaics: { value: "SHARE", default: "0.3", help: "share of the training images that are mosaics of small slices" },
    epochs: { value: "N", default: "20", help: "passes over them" },
    "batch-size": { value: "N", default: "2", help: "images per step" },
    "learning-rate": { value: "RATE", default: "0.0015", help: "Adam's, at the start" },
    "base-channels": { value: "N", default: "12", help: "channels of the U-Net's first level" },
    depth: { value: "N", default: "3", help: "poolings of the U-Net" },
    acceleration: { value: "R", default: "4", help: "1/R of the k-space columns are measured" },
    "center-fraction": {
      value: "F",
      default: "0.08",
      help: "share of the columns that is always measured, about the centre",
    },
    noise: {
      value: "SIGMA",
      default: "0.01",
      help: "standard deviation of the measurement noise; images have maximum 1",
    },
    network: {
      value: "NAME",
      default: "unet",
      help: "unet (on the zero-filled image) or automap (dense, from the measurement itself)",
    },
    hidden: { value: "N", default: "1024", help: "nodes of automap's hidden layer" },
    iterations: {
      value: "N",
      default: "1",
      help: "times that the U-Net is applied, with data consistency between: an unrolled network",
    },
    jitter: {
      value: "SIGMA",
      default: "0",
      help: "extra noise of up to this standard deviation in training alone, a remedy against worst cases",
    },
    adversarial: {
      value: "SHARE",
      help: "a remedy: train on the worst perturbation found in a ball of that share of ‖y‖",
    },
    "adversarial-steps": {
      value: "N",
      default: "1",
      help: "gradient steps of that search, each as dear as a training step",
    },
    rates: { value: "LIST", help: "a remedy: measure every image at one of these shares of k-space, drawn" },
    smoothing: {
      value: "SIGMA",
      default: "0",
      help: "a remedy: train with noise of that standard deviation, and reconstruct by the mean over eight draws of it",
    },
    "data-consistency": { help: "end with a step that puts the measured cells of k-space back" },
    ...common,
  },
  async run(args: Arguments, terminal: Terminal): Promise<number> {
    const out = args.text("out");
    const seed = args.integer("seed", 0);
    const depth = args.integer("depth", 1, 6);
    const size = args.integer("size", 8, 2048);
    const shape = [size, size] as const;
    const mask = variableDensityMask({
      shape,
      acceleration: args.number("acceleration", 1, 64),
      centerFraction: args.number("center-fraction", 0, 1),
      seed,
    });
    const operator = subsampledFourier({ mask });
    const noise = gaussianNoise({ sigma: args.number("noise", 0, 10) });
    const dense = args.choice("network", ["unet", "automap"]) === "automap";
    const iterations = args.integer("iterations", 1, 64);
    if (dense && (iterations > 1 || args.has("data-consistency")))
      throw new ConfigError("--iterations and --data-consistency are the U-Net's; automap knows no operator", {});
    const fresh = dense
      ? nn.automap({ size: shape, hidden: args.integer("hidden", 1, 65536), seed })
      : nn.unet({
          inChannels: 2,
          outChannels: 2,
          baseChannels: args.integer("base-channels", 1, 256),
          depth,
          seed,
          size: shape,
          residual: true,
        });
    const network = args.has("name") ? { ...fresh, name: args.text("name") } : fresh;
    const problem = inverseProblem({
      operator,
      noise,
      images: brainPhantoms({ shape, count: args.integer("count", 1), seed, mosaics: args.number("mosaics", 0, 1) }),
    });
    const options = {
      problem,
      form: {
        input: dense ? ("measurement" as const) : ("image" as const),
        iterations,
        dataConsistency: args.has("data-consistency"),
      },
      jitter: args.number("jitter", 0, 10),
      smoothing: args.number("smoothing", 0, 10),
      ...(args.has("rates") ? { rates: args.numbers("rates", 1e-3, 1) } : {}),
      ...(args.has("adversarial")
        ? {
            adversarial: {
              relativeBudget: args.number("adversarial", 1e-6, 1),
              steps: args.integer("adversarial-steps", 1, 100),
            },
          }
        : {}),
      loss: meanAbsoluteError(),
      seed,
      epochs: args.integer("epochs", 1),
      batchSize: args.integer("batch-size", 1),
      optimizer: adam({ learningRate: args.number("learning-rate", 1e-9, 10) }),
      backend: await chooseBackend(args, terminal),
    };
    checkWritable(out);
    let loss = 0;
    const trained = await fitReconstructor(network, {
      ...options,
      on: {
        step: (p) => {
          loss += (p.loss - loss) / Math.min(p.step, 50);
          return terminal.progress(`epoch ${p.epoch} of ${p.epochs}, loss ${loss.toExponential(3)}`, p.step, p.steps);
        },
        epoch: ({ epoch, trainLoss }) => terminal.note(`epoch ${epoch}: mean loss ${trainLoss.toExponential(4)}`),
      },
    });
    writeFiles([{ path: out, content: saveNetwork(trained) }]);

    const test = inverseProblem({
      operator,
      noise,
      images: brainPhantoms({ shape, count: 12, seed: HELD_OUT_SEED + seed }),
    });
    const methods = [zeroFilled(), networkReconstructor({ network: trained })];
    const scores = methods.map(() => 0);
    for (let i = 0; i < test.images.length; i++) {
      const truth = magnitude(test.images.image(i));
      const y = await measure(test, { image: i, seed, backend: options.backend });
      for (const [k, method] of methods.entries())
        scores[k] +=
          psnr(truth, magnitude(await reconstruct(method, y, operator, options.backend)), maximum(truth)) /
          test.images.length;
    }
    terminal.finish();
    terminal.print(
      table(
        ["method", `mean PSNR of ${test.images.length} held-out phantoms, dB`],
        methods.map((m, k) => [m.name, scores[k].toFixed(2)]),
      ),
    );
    terminal.print(`Checkpoint: ${out}\n`);
    terminal.json({
      out,
      provenance: trained.provenance,
      heldOutPsnr: Object.fromEntries(methods.map((m, k) => [m.name, scores[k]])),
    });
    return 0;
  },
};
