// fiducial train classifier: a network from labelled images; it can be stopped at any moment and
// resumed to the same bits.
import { ConfigError, FormatError, formatShape } from "../../engine/index.ts";
import {
  adam,
  augmented,
  classification,
  crossEntropy,
  fit,
  loadTraining,
  nn,
  renderTrainingReport,
  saveNetwork,
  saveTraining,
  sgd,
  type Epoch,
  type Network,
  type TrainingState,
} from "../../learning/index.ts";
import { generated, loadDataset } from "../datasets.ts";
import { checkWritable, fileExists, readFile, removeFile, writeFiles } from "../files.ts";
import { chooseBackend } from "../inputs.ts";
import { common, type Arguments } from "../options.ts";
import { table, type Terminal } from "../terminal.ts";
import type { Command } from "./command.ts";

/** A named architecture, or { "input": [C,H,W], "layers": [{ "kind": … }, …] } in a JSON file. */
function architecture(name: string, input: readonly [number, number, number], classes: number, seed: number): Network {
  const named = { lenet5: nn.lenet5, resnet20: nn.resnet20, resnet18: nn.resnet18, vgg: nn.smallVgg };
  if (Object.hasOwn(named, name)) return named[name as keyof typeof named]({ classes, seed, input });
  if (!name.endsWith(".json"))
    throw new ConfigError(`--arch ${name}: it is ${Object.keys(named).join(", ")} or a JSON file`, { name });
  let described: { input: number[]; layers: nn.Layer[] };
  try {
    described = JSON.parse(new TextDecoder().decode(readFile(name)));
  } catch (error) {
    if (error instanceof SyntaxError) throw new FormatError(`${name}: it is not JSON: ${error.message}`, {});
    throw error;
  }
  if (!Array.isArray(described?.layers))
    throw new FormatError(
      `${name}: it should be { "input": [channels, height, width], "layers": [{ "kind": "conv2d", … }, …] }`,
      {},
    );
  if (described.input && described.input.join() !== input.join())
    throw new ConfigError(
      `${name}: it takes images ${formatShape(described.input)}, the data's are ${formatShape(input)}`,
      {},
    );
  return nn.sequential({ input, layers: described.layers, seed });
}

export const trainClassifier: Command = {
  name: "train classifier",
  usage: "--data PATH [options]",
  summary:
    "Trains a network on labelled images. A run that was stopped goes on with --resume and ends with the same bits.",
  options: {
    data: {
      value: "PATH",
      help: "folder of IDX files (MNIST), of CIFAR-10 batches, of images.npy and labels.npy, or of one folder per class; an NPZ file; or strokes, shapes or edges, which are generated",
    },
    arch: { value: "NAME", default: "lenet5", help: "lenet5, resnet20, resnet18, vgg, or a JSON file of layers" },
    count: { value: "N", default: "10000", help: "training images, where they are generated" },
    epochs: { value: "N", default: "8", help: "passes over the data" },
    "batch-size": { value: "N", default: "64", help: "images per step" },
    accumulate: { value: "N", default: "1", help: "batches whose gradients are averaged before an update" },
    optimizer: { value: "NAME", default: "adam", help: "adam or sgd (momentum 0.9)" },
    "learning-rate": { value: "RATE", default: "0.002", help: "at the start; it falls smoothly to 0" },
    shift: { value: "N", default: "2", help: "images are shifted by up to so many pixels each way, anew every epoch" },
    flip: { help: "half of the images are mirrored left to right" },
    rotate: { value: "DEGREES", default: "0", help: "images are turned by up to so much each way" },
    scale: { value: "SHARE", default: "0", help: "images are made larger or smaller by up to this share" },
    jitter: {
      value: "SIGMA",
      default: "0",
      help: "standard deviation of noise added to images, whose values are in [-1, 1]",
    },
    patience: { value: "N", help: "end after N epochs without a lower test loss" },
    out: { value: "FILE", default: "classifier.safetensors", help: "where the checkpoint goes" },
    resume: { help: "go on from the state beside --out, or start anew where there is none" },
    "checkpoint-every": { value: "N", default: "200", help: "steps between states written beside --out" },
    "skip-bad": { help: "leave out pictures that cannot be read, naming each" },
    ...common,
  },
  async run(args: Arguments, terminal: Terminal): Promise<number> {
    if (!args.has("data"))
      throw new ConfigError(
        "train classifier: name the data with --data PATH, or --data strokes for generated digits",
        {},
      );
    const seed = args.integer("seed", 0);
    const out = args.text("out");
    const statePath = `${out}.training`;
    const learningRate = args.number("learning-rate", 1e-9, 1e6);
    const optimizer =
      args.choice("optimizer", ["adam", "sgd"]) === "adam"
        ? adam({ learningRate })
        : sgd({ learningRate, momentum: 0.9 });
    const backend = await chooseBackend(args, terminal);
    const { train, test, description } = loadDataset(args.text("data"), {
      seed,
      count: args.integer("count", 1),
      skipBad: args.has("skip-bad"),
      terminal,
    });
    const started = architecture(args.text("arch"), train.shape, train.classes.length, seed);
    const network = {
      ...started,
      provenance: {
        ...started.provenance,
        data: description,
        pixels: "2·value − 1, values in [0, 1]",
      },
      trained: { classes: train.classes },
    };
    const shift = args.integer("shift", 0, 1000);
    const change = {
      shift,
      flip: args.has("flip"),
      rotate: args.number("rotate", 0, 180),
      scale: args.number("scale", 0, 10),
      noise: args.number("jitter", 0, 10),
    };
    const data = Object.values(change).some(Boolean)
      ? augmented(classification(train), { ...change, seed })
      : classification(train);
    checkWritable(out);
    let resume: TrainingState | undefined;
    if (args.has("resume") && fileExists(statePath)) {
      resume = loadTraining(readFile(statePath), statePath);
      if (JSON.stringify(resume.network.architecture) !== JSON.stringify(network.architecture))
        throw new ConfigError(
          `${statePath}: it is the state of another architecture; use the same --arch and --data, or start anew without --resume`,
          {},
        );
      terminal.note(`resumed after ${resume.step} steps`);
    } else if (args.has("resume")) terminal.note(`nothing to resume at ${statePath}: starting anew`);
    const loss = crossEntropy();
    const epochs: Epoch[] = [];
    let recent = 0;
    let seen = 0;
    const since = performance.now();
    const batchSize = args.integer("batch-size", 1);
    const trained = await fit(network, {
      data,
      loss,
      optimizer,
      epochs: args.integer("epochs", 1),
      batchSize,
      accumulate: args.integer("accumulate", 1),
      seed,
      backend,
      validation: classification(test),
      checkpointEvery: args.integer("checkpoint-every", 1),
      ...(resume ? { resume } : {}),
      ...(args.has("patience") ? { earlyStopping: { patience: args.integer("patience", 1) } } : {}),
      on: {
        step: (p) => {
          recent += (p.loss - recent) / Math.min(++seen, 50);
          return terminal.progress(
            `epoch ${p.epoch} of ${p.epochs}, loss ${recent.toFixed(4)}, learning rate ${p.learningRate.toExponential(1)}, ${Math.round((1000 * seen * batchSize * args.integer("accumulate", 1)) / (performance.now() - since))} images/s`,
            p.step,
            p.steps,
          );
        },
        epoch: (e) => {
          epochs.push(e);
          terminal.note(
            `epoch ${e.epoch}: loss ${e.trainLoss.toFixed(4)}, accuracy ${((e.trainAccuracy ?? 0) * 100).toFixed(2)} %; test ${((e.validation?.accuracy ?? 0) * 100).toFixed(2)} %`,
          );
        },
        checkpoint: (state) => writeFiles([{ path: statePath, content: saveTraining(state) }]),
      },
    });
    terminal.finish();
    const report = `${out.replace(/\.safetensors$/, "")}.html`;
    const command = `npx fiducial train classifier ${Object.keys(trainClassifier.options)
      .filter((name) => !["out", "json", "debug", "resume"].includes(name) && args.has(name))
      .map((name) =>
        name === "data" && !generated.has(args.text(name))
          ? "--data FOLDER"
          : trainClassifier.options[name].value
            ? `--${name} ${args.text(name)}`
            : `--${name}`,
      )
      .join(" ")}`;
    writeFiles([
      { path: out, content: saveNetwork(trained) },
      {
        path: report,
        content: renderTrainingReport({
          title: `Training on ${description}`,
          network: trained,
          epochs,
          classes: train.classes,
          command,
        }),
      },
    ]);
    removeFile(statePath);
    // the last epoch ended with the finished network on the test set
    const result = epochs.at(-1)!.validation!;
    terminal.print(
      table(
        ["", "images", "loss", "accuracy, %"],
        [["test", String(test.length), result.loss.toFixed(4), (100 * (result.accuracy ?? 0)).toFixed(2)]],
      ),
    );
    terminal.print(`Checkpoint: ${out}\nReport: ${report}\n`);
    terminal.json({
      out,
      report,
      epochs: epochs.map(({ validation, ...e }) => ({
        ...e,
        testLoss: validation?.loss,
        testAccuracy: validation?.accuracy,
      })),
      confusion: result.confusion,
      testImages: test.length,
      testLoss: result.loss,
      testAccuracy: result.accuracy,
    });
    return 0;
  },
};
