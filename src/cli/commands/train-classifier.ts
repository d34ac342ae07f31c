// fiducial train classifier: a network from labelled images; it can be stopped at any moment and
// resumed to the same bits (classifier-options.ts; classifier-setup.ts says what they mean).
import { ConfigError, present } from "../../engine/index.ts";
import {
  compileEvaluation,
  fit,
  preprocessedShape,
  renderTrainingReport,
  saveNetwork,
  saveTraining,
  together,
  withPreprocessing,
  type Dataset,
  type Epoch,
  type Evaluation,
  type EvaluationOptions,
  type Listener,
  type Network,
} from "../../learning/index.ts";
import { classifierOptions, commandOf, type ClassifierSettings } from "../classifier-options.ts";
import { architecture, changed, wayOf } from "../classifier-setup.ts";
import { loadDataset, type Split } from "../datasets.ts";
import { DONE } from "../errors.ts";
import { checkWritable, removeFile, writeFiles } from "../files.ts";
import { chooseBackend } from "../inputs.ts";
import { samplesFor, trainedPreprocessing } from "../picture-options.ts";
import { table, type Terminal } from "../terminal.ts";
import { openLog, stateToResume } from "../training.ts";
import { command, type Command } from "./command.ts";

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
function watching(settings: ClassifierSettings, epochs: Epoch[], terminal: Terminal): Listener {
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
  network: Network,
  run: {
    split: Split;
    epochs: readonly Epoch[];
    result: Evaluation;
    settings: ClassifierSettings;
    terminal: Terminal;
  },
): void {
  const { split, epochs, result, settings, terminal } = run;
  const { out } = settings;
  terminal.finish();
  const report = `${out.replace(/\.safetensors$/, "")}.html`;
  const page = renderTrainingReport({
    title: `Training on ${split.description}`,
    network,
    epochs,
    result,
    classes: split.train.classes,
    command: commandOf(settings),
  });
  writeFiles([
    { path: out, content: saveNetwork(network) },
    { path: report, content: page },
  ]);
  removeFile(stateOf(out));
  const { loss, accuracy, confusion } = result;
  const images = split.test.length;
  const row = ["test", String(images), loss.toFixed(4), (100 * (accuracy ?? 0)).toFixed(2)];
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
    confusion,
    testImages: images,
    testLoss: loss,
    testAccuracy: accuracy,
  });
}

/** Untrained, with the names of the classes, what is done to pictures, and where it comes from. */
function freshNetwork(settings: ClassifierSettings, { train, description }: Split): Network {
  const { arch, seed } = settings;
  const { classes } = train;
  const steps = trainedPreprocessing(settings);
  const [C, H, W] = steps ? preprocessedShape(steps, train.shape) : train.shape;
  const { provenance, ...started } = architecture(arch, [C, H, W], classes.length, seed);
  const own = steps ? {} : { pixels: "2·value − 1, values in [0, 1]" };
  const network: Network = {
    ...started,
    provenance: { ...provenance, data: description, ...own },
    trained: { classes },
  };
  return steps ? withPreprocessing(network, steps, classes) : network;
}

export const trainClassifier: Command = command({
  name: "train classifier",
  summary:
    "Trains a network on labelled images. A run that was stopped goes on with --resume and ends with the same bits.",
  options: classifierOptions,
  async perform(settings, terminal) {
    const { data: path, out, batchSize, patience, log } = settings;
    if (path === undefined)
      throw new ConfigError(
        "train classifier: name the data with --data PATH, or --data strokes for generated digits",
        {},
      );
    const backend = await chooseBackend(settings, terminal);
    const split = await loadDataset(path, { ...settings, terminal });
    const network = freshNetwork(settings, split);
    checkWritable(out);
    const statePath = stateOf(out);
    const resume = stateToResume(settings, statePath, terminal);
    const way = wayOf(settings);
    const test = samplesFor(network, split.test);
    const logged = log === undefined ? [] : [openLog(log, resume !== undefined)];
    const epochs: Epoch[] = [];
    const trained = await fit(network, {
      ...way,
      data: samplesFor(network, split.train, (data) => changed(data, split.train, settings)),
      validation: test,
      epochs: settings.epochs,
      batchSize,
      accumulate: settings.accumulate,
      seed: settings.seed,
      backend,
      checkpointEvery: settings.checkpointEvery,
      settings: { precision: settings.precision },
      ...present({ resume, earlyStopping: patience === undefined ? undefined : { patience } }),
      on: together(
        watching(settings, epochs, terminal),
        { checkpoint: (state) => writeFiles([{ path: statePath, content: saveTraining(state) }]) },
        ...logged,
      ),
    });
    const { loss } = way;
    const result = await finished(trained, epochs, { data: test, loss, batchSize, backend });
    conclude(trained, { split, epochs, result, settings, terminal });
    return DONE;
  },
});
