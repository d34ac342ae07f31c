// How a network is trained to reconstruct, and what can make it stabler.
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import {
  arithmetic,
  ConfigError,
  float32Bytes,
  gradients,
  present,
  version,
  type GraphBuilder,
  type Value,
} from "../../engine/index.ts";
import {
  fit,
  type FitOptions,
  type Forward,
  type Network,
  type Settings,
  type Trained,
} from "../../learning/index.ts";
import { lacking } from "../operators/operator.ts";
import type { InverseProblem } from "../problem.ts";
import {
  applyForm,
  applyFormWithBetween,
  formOf,
  type Applied,
  type Form,
  type FormOptions,
} from "./network-reconstructor.ts";
import type { ImageSet } from "../phantoms/brain.ts";
import { kept, trainingSamples, type Measured, type Samples } from "./training-samples.ts";

export interface FitReconstructorOptions
  extends Pick<
    FitOptions,
    | "loss"
    | "optimizer"
    | "epochs"
    | "batchSize"
    | "seed"
    | "backend"
    | "on"
    | "schedule"
    | "resume"
    | "checkpointEvery"
    | "settings"
    | "signal"
    | "keepBest"
    | "earlyStopping"
    | "groups"
    | "decayed"
  > {
  readonly problem: InverseProblem;
  /** Images that are not trained on, measured alike: what keepBest and earlyStopping watch. */
  readonly validation?: ImageSet;
  readonly form?: Partial<Form>;
  /**
   * Problems of other sizes, masks or images that every step trains on as well, with equal weight,
   * so that the network knows them all.
   */
  readonly alsoOn?: readonly InverseProblem[];
  /**
   * Extra Gaussian noise of up to this standard deviation, drawn uniformly for every image. Source:
   * Genzel, Macdonald, März 2022.
   */
  readonly jitter?: number;
  /**
   * Trains on the worst perturbation that `steps` of gradient ascent find in a ball of
   * relativeBudget·‖y‖, found anew for every batch. Source: Madry et al. 2018.
   */
  readonly adversarial?: { readonly relativeBudget: number; readonly steps: number };
  /**
   * Measures every image at one of these shares of k-space, drawn, in masks nested about the
   * problem's, instead of with the problem's mask.
   */
  readonly rates?: readonly number[];
  /**
   * Measures half of the images with one of so many other draws of the problem's mask, so that the
   * network learns the law of the sampling and not one pattern.
   */
  readonly otherMasks?: number;
  /**
   * Trains on so many whole rows at a time, from a random place of an image that may be mirrored
   * along either axis. Rows are measured in full where the mask has whole columns, so a part of
   * them is an image by itself.
   */
  readonly crop?: number;
  /** Weight of the loss of every image between: what each data consistency within gave. */
  readonly betweenWeight?: number;
  /**
   * Trains with noise of this standard deviation on y, and reconstructs by the mean over such
   * noise.
   */
  readonly smoothing?: number;
}

/**
 * r, ‖r‖ ≤ budget·‖y‖ for every image, by steps of the whole radius along the gradient of ‖f(y + r)
 * − x‖², from 0.
 */
function worst(
  b: GraphBuilder,
  y: Value,
  truth: Value,
  f: (y: Value) => Value,
  { relativeBudget, steps }: { relativeBudget: number; steps: number },
): Value {
  const { add, div, mul, reshape, sqrt, square, sub, sum } = arithmetic(b);
  const axes = y.shape.map((_, i) => i).slice(1);
  const length = (v: Value): Value =>
    reshape(sqrt(add(sum(square(v), axes), 1e-20)), [v.shape[0], ...axes.map(() => 1)]);
  const radius = mul(length(y), relativeBudget);
  let r = mul(y, 0);
  for (let k = 0; k < steps; k++) {
    const [gradient] = gradients(b, sum(square(sub(f(add(y, r)), truth))), [r]);
    const moved = add(r, mul(div(gradient, length(gradient)), radius));
    r = mul(moved, div(radius, b.emit("maximum", { a: length(moved), b: radius }, {})));
  }
  return r;
}

/** Throws ConfigError for options that are out of range or need what the operator lacks. */
function checkOptions(options: FitReconstructorOptions): void {
  const { problem, alsoOn = [], jitter = 0, smoothing = 0, rates, adversarial } = options;
  const { otherMasks, crop } = options;
  const possible = !adversarial || (adversarial.relativeBudget > 0 && adversarial.steps >= 1);
  if (!(jitter >= 0) || !(smoothing >= 0) || !possible)
    throw new ConfigError(
      `fitReconstructor: jitter ${jitter} and smoothing ${smoothing} must not be negative, an adversary's budget positive and its steps at least 1`,
      { jitter, smoothing, adversarial },
    );
  const masked = rates !== undefined || otherMasks !== undefined || crop !== undefined;
  for (const { operator } of [problem, ...alsoOn]) {
    const lack = lacking(operator, masked ? ["sampling"] : []);
    if (lack !== undefined)
      throw new ConfigError(
        `fitReconstructor: training with other masks or on rows of an image ${lack}`,
        { rates },
      );
  }
  if (rates && otherMasks !== undefined)
    throw new ConfigError("fitReconstructor: give rates or otherMasks, not both", {
      rates,
      otherMasks,
    });
}

/** "256×256, 320×320". */
const describeSizes = (problems: readonly InverseProblem[]): string =>
  problems.map(({ images }) => images.shape.join("×")).join(", ");
/** SHA-256 of all images. */
function hashOf(problems: readonly InverseProblem[]): string {
  const hash = sha256.create();
  for (const { images } of problems)
    for (let i = 0; i < images.length; i++) hash.update(float32Bytes(images.image(i)));
  return bytesToHex(hash.digest());
}
/** How a problem measures. */
const measurementOf = ({ operator, noise }: InverseProblem) => ({
  operator: JSON.stringify(operator.spec ?? operator.description),
  measured: bytesToHex(sha256(operator.measured)).slice(0, 16),
  noise: noise.sigma,
});
/** What changes the bits of a run beside the images, for a run that goes on. */
function variation(options: FitReconstructorOptions, form: Form): Settings {
  const { problem, alsoOn = [] } = options;
  const others = alsoOn.map((other) => ({ ...measurementOf(other), images: hashOf([other]) }));
  const { jitter = 0, smoothing = 0, adversarial } = options;
  const { rates, otherMasks, crop, betweenWeight } = options;
  return present({
    ...measurementOf(problem),
    alsoOn: others.length > 0 ? JSON.stringify(others) : undefined,
    jitter,
    smoothing,
    rates: rates?.join(", "),
    otherMasks,
    crop,
    betweenWeight,
    adversarialBudget: adversarial?.relativeBudget,
    adversarialSteps: adversarial?.steps,
    form: JSON.stringify(form),
  }) as Settings;
}

/** From an input of the samples to the reconstructions that are held against the images. */
function trainingForward(options: FitReconstructorOptions, samples: Samples, form: Form): Forward {
  const { adversarial, betweenWeight = 0 } = options;
  return (b, net, input, _target, { isFrozen }) => {
    const shared = new Map<string, Value>();
    /** One problem's: x̂, the worst perturbation and the images between. */
    const reconstructed = ({ operator, y, truth }: Measured) => {
      const used: Omit<FormOptions, "trainable"> = {
        network: net,
        operator,
        form,
        isFrozen,
        shared,
      };
      const f = (at: Value): Applied => applyForm(b, at, { ...used, trainable: true });
      const r = adversarial && worst(b, y, truth, (at) => f(at).y, adversarial);
      const held = r ? [r] : [];
      const at = r ? b.emit("add", { a: y, b: r }, {}) : y;
      if (betweenWeight === 0) return { ...f(at), truth, held, beside: [] };
      const { between, ...applied } = applyFormWithBetween(b, at, { ...used, trainable: true });
      const beside = between.map((image) => ({ y: image, target: truth, weight: betweenWeight }));
      return { ...applied, truth, held, beside };
    };
    const [first, ...others] = samples.measured(b, input).map(reconstructed);
    const { y, parameters } = first;
    return {
      y,
      parameters,
      held: [first, ...others].flatMap(({ held }) => held),
      beside: [
        ...first.beside,
        ...others.map((other) => ({ y: other.y, target: other.truth, weight: 1 })),
        ...others.flatMap(({ beside }) => beside),
      ],
    };
  };
}

/**
 * Trains a network to reconstruct: measurements are taken from the problem's images inside the
 * plan, with fresh noise every time an image is seen. What it was trained for travels with it.
 * Throws ConfigError for options out of range, and what fit throws.
 */
export async function fitReconstructor(
  network: Network,
  given: FitReconstructorOptions,
): Promise<Network> {
  const inMemory = (of: InverseProblem): InverseProblem => ({ ...of, images: kept(of.images) });
  const alsoOn = (given.alsoOn ?? []).map(inMemory);
  const options = { ...given, problem: inMemory(given.problem), alsoOn };
  const { problem, jitter = 0, smoothing = 0, rates, adversarial } = options;
  const form: Form = { ...formOf(network), ...options.form };
  checkOptions(options);
  const { operator, images, noise } = problem;
  const { validation: others, ...run } = options;
  const varied = variation(options, form);
  const samples = trainingSamples(options, varied);
  const heldOut = others && { ...options, problem: { ...problem, images: kept(others) } };
  const validation = heldOut && trainingSamples(heldOut, varied).data;
  const trained = await fit(
    network,
    { ...run, data: samples.data, ...present({ validation }) },
    trainingForward(options, samples, form),
  );
  const provenance = {
    ...trained.provenance,
    software: `fiducial ${version}`,
    images: String(images.description.kind),
    imageSeed: Number(images.description.seed ?? 0),
    mosaics: Number(images.description.mosaics ?? 0),
    dataSha256: hashOf([problem, ...alsoOn]),
    noiseSigma: noise.sigma,
    ...(jitter > 0 ? { jitter } : {}),
    ...(smoothing > 0 ? { smoothing } : {}),
    ...(rates ? { rates } : {}),
    ...present({
      alsoOn: alsoOn.length > 0 ? describeSizes(alsoOn) : undefined,
      otherMasks: options.otherMasks,
      crop: options.crop,
      betweenWeight: options.betweenWeight,
    }),
    ...(adversarial
      ? { adversarialBudget: adversarial.relativeBudget, adversarialSteps: adversarial.steps }
      : {}),
  };
  const use: Trained = {
    form,
    ...(operator.spec ? { operator: operator.spec } : {}),
    noiseSigma: noise.sigma,
    ...(smoothing > 0 ? { smoothing } : {}),
    ...(rates ? { rates } : {}),
    images: String(images.description.kind),
  };
  return { ...trained, provenance, trained: use };
}
