// fiducial train reconstructor: a network by its recipe, trained on generated images or on scans,
// with remedies as options (reconstructor-options.ts; reconstructor-setup.ts says what they mean).
import { present } from "../../engine/index.ts";
import {
  saveNetwork,
  saveTraining,
  together,
  type Listener,
  type Network,
} from "../../learning/index.ts";
import {
  filteredBackProjection,
  fitReconstructor,
  gaussianNoise,
  inverseProblem,
  networkReconstructor,
  totalVariation,
  zeroFilled,
  type Form,
  type Operator,
} from "../../imaging/index.ts";
import { DONE } from "../errors.ts";
import { checkWritable, removeFile, writeFiles } from "../files.ts";
import { chooseBackend, noteSampling, type Noted } from "../inputs.ts";
import { reconstructorOptions } from "../reconstructor-options.ts";
import { trainingImages, type TrainingImages } from "../reconstructor-images.ts";
import { recipes } from "../reconstructor-recipes.ts";
import {
  kindsOf,
  measuring,
  networkToTrain,
  otherProblems,
  scoreOn,
  trainingOptions,
  type Score,
} from "../reconstructor-setup.ts";
import { table, type Terminal } from "../terminal.ts";
import { openLog, stateToResume } from "../training.ts";
import { command, type Command } from "./command.ts";

/** What is shown while it trains; `curve` collects the network's score after each epoch. */
function watching(
  run: {
    score: Score;
    form: Form;
    /** Total variation's score. */
    beside: number;
    curve: number[];
    sampling: Noted;
    images: TrainingImages;
  },
  terminal: Terminal,
): Listener {
  const { score, form, beside, curve, sampling, images } = run;
  let recent = 0;
  let seen = 0;
  return {
    resume: (step) => terminal.note(`resumed after ${step} steps`),
    step: (p) => {
      if (seen === 0) noteSampling(sampling, terminal);
      recent += (p.loss - recent) / Math.min(++seen, 50);
      const state = `epoch ${p.epoch} of ${p.epochs}, loss ${recent.toExponential(3)}`;
      return terminal.progress(state, p.step, p.steps);
    },
    epoch: async ({ epoch, trainLoss }, current) => {
      const now = await score(networkReconstructor({ network: await current(), form }));
      curve.push(now);
      terminal.note(
        `epoch ${epoch}: mean loss ${trainLoss.toExponential(4)}, ${now.toFixed(2)} dB on ${images.kind} held out (total variation ${beside.toFixed(2)})`,
      );
    },
  };
}

/** Prints how good the finished network is, beside methods that learn nothing. */
async function conclude(
  network: Network,
  run: {
    out: string;
    operator: Operator;
    score: Score;
    beside: number;
    curve: readonly number[];
    images: TrainingImages;
  },
  terminal: Terminal,
): Promise<void> {
  const { out, operator, score, beside, curve, images } = run;
  const learned = networkReconstructor({ network });
  const direct = operator.initial ? filteredBackProjection() : zeroFilled();
  const scores: Readonly<Record<string, number>> = {
    [direct.name]: await score(direct),
    "total variation": beside,
    [learned.name]: await score(learned),
  };
  terminal.finish();
  const rows = Object.entries(scores).map(([method, mean]) => [method, mean.toFixed(2)]);
  terminal.print(
    table(["method", `mean PSNR of ${images.heldOut.length} held-out ${images.kind}, dB`], rows),
    `Checkpoint: ${out}\n`,
  );
  const { provenance } = network;
  terminal.json({ out, provenance, heldOutPsnr: scores, heldOutPsnrByEpoch: curve });
}

export const trainReconstructor: Command = command({
  name: "train reconstructor",
  summary:
    "Trains a network to reconstruct from undersampled k-space or line integrals, on generated images or on scans of your own.",
  options: reconstructorOptions,
  async perform(settings, terminal) {
    const recipe = recipes[settings.network];
    const { name, noise, seed, log, out = `${settings.network}.safetensors` } = settings;
    const { operator, sampling } = await measuring(settings);
    const { form, network: built } = await networkToTrain(settings, operator);
    const network = name === undefined ? built : { ...built, name };
    const backend = await chooseBackend(settings, terminal);
    checkWritable(out);
    const statePath = `${out}.training`;
    const resume = stateToResume(settings, statePath, terminal);
    const images = await trainingImages(settings, { training: recipe.training, network }, terminal);
    const problem = inverseProblem({
      operator,
      noise: gaussianNoise({ sigma: noise }),
      images: images.images,
    });
    const alsoOn = await otherProblems(settings, network, terminal);
    const score = await scoreOn(images.heldOut, problem, { seed, backend });
    const beside = await score(totalVariation({ sigma: noise }));
    const curve: number[] = [];
    const logged = log === undefined ? [] : [openLog(log, resume !== undefined)];
    const trained = await fitReconstructor(network, {
      ...trainingOptions(settings, { operator, heldOut: images.heldOut }),
      ...present({ resume }),
      problem,
      alsoOn,
      form,
      backend,
      on: together(
        ...logged,
        { checkpoint: (state) => writeFiles([{ path: statePath, content: saveTraining(state) }]) },
        watching({ score, form, beside, curve, sampling, images }, terminal),
      ),
    });
    const kinds = kindsOf(settings, recipe.training, problem.images);
    const whole = { ...trained, trained: { ...trained.trained, ...present({ kinds }) } };
    writeFiles([{ path: out, content: saveNetwork(whole) }]);
    removeFile(statePath);
    await conclude(whole, { out, operator, score, beside, curve, images }, terminal);
    return DONE;
  },
});
