// How a network is trained to reconstruct, and what can make it stabler.
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import {
  arithmetic,
  ConfigError,
  float32Bytes,
  gradients,
  present,
  random,
  sizeOf,
  version,
  type GraphBuilder,
  type Shape,
  type Value,
} from "../../engine/index.ts";
import {
  fit,
  type Dataset,
  type FitOptions,
  type Forward,
  type Network,
  type Settings,
  type Trained,
} from "../../learning/index.ts";
import { fullMask, nestedMasks, type Mask } from "../operators/masks.ts";
import { lacking, type Operator, type Sampling } from "../operators/operator.ts";
import type { InverseProblem } from "../problem.ts";
import { applyForm, formOf, type Form } from "./network-reconstructor.ts";

/** Families of masks that training at several rates draws from. */
const FAMILIES = 8;

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
    | "resume"
    | "checkpointEvery"
    | "settings"
    | "signal"
  > {
  readonly problem: InverseProblem;
  readonly form?: Partial<Form>;
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
   * Trains with noise of this standard deviation on y, and reconstructs by the mean over such
   * noise.
   */
  readonly smoothing?: number;
}

/** y ↦ y ⊙ mask in k-space, for a mask that is a value of the graph, one for each image. */
function masked({ under, mask: own }: Sampling, mask: Value): Operator {
  const whole = under(fullMask(own.shape));
  return {
    ...whole,
    forward: (b, x) => b.emit("mul", { a: whole.forward(b, x), b: mask }, {}),
    adjoint: (b, y) => whole.adjoint(b, b.emit("mul", { a: y, b: mask }, {})),
  };
}

/** A mask's shape [1,H,W] with as many axes as the range's. */
const broadcastable = (mask: Shape, range: Shape): Shape => [...range.slice(mask.length).map(() => 1), ...mask];

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
  const { problem, jitter = 0, smoothing = 0, rates, adversarial } = options;
  const possible = !adversarial || (adversarial.relativeBudget > 0 && adversarial.steps >= 1);
  if (!(jitter >= 0) || !(smoothing >= 0) || !possible)
    throw new ConfigError(
      `fitReconstructor: jitter ${jitter} and smoothing ${smoothing} must not be negative, an adversary's budget positive and its steps at least 1`,
      { jitter, smoothing, adversarial },
    );
  const lack = lacking(problem.operator, rates ? ["sampling"] : []);
  if (lack !== undefined) throw new ConfigError(`fitReconstructor: training at several rates ${lack}`, { rates });
}

/** The masks that training at several rates draws from. */
function familiesOf({ problem, rates, seed }: FitReconstructorOptions): Mask[] | undefined {
  const { sampling } = problem.operator;
  if (!rates || !sampling) return undefined;
  return Array.from({ length: FAMILIES }, (_, k) => nestedMasks(sampling.mask, { rates, seed: seed + k })).flat();
}

/** What changes the bits of a run beside the images, for a run that goes on. */
function variation(options: FitReconstructorOptions, form: Form): Settings {
  const { problem, jitter = 0, smoothing = 0, rates, adversarial } = options;
  const { operator, noise } = problem;
  return present({
    operator: JSON.stringify(operator.spec ?? operator.description),
    measured: bytesToHex(sha256(operator.measured)).slice(0, 16),
    noise: noise.sigma,
    jitter,
    smoothing,
    rates: rates?.join(", "),
    adversarialBudget: adversarial?.relativeBudget,
    adversarialSteps: adversarial?.steps,
    form: JSON.stringify(form),
  }) as Settings;
}

/**
 * Image, noise and, where it changes, the mask travel together in one input; the target is the
 * image. The draws are one stream: a resumed run goes on in it where the unbroken one would be.
 */
function trainingData(options: FitReconstructorOptions, masks: readonly Mask[] | undefined, form: Form): Dataset {
  const { problem, seed, jitter = 0, smoothing = 0 } = options;
  const { operator, images, noise } = problem;
  const [size, noisySize] = [sizeOf(operator.domain), sizeOf(operator.range)];
  const rng = random(seed).fork("noise");
  const choice = random(seed).fork("masks");
  const drawn = (options.resume?.step ?? 0) * options.batchSize;
  for (let i = 0; i < drawn; i++) {
    // a normal number takes one uniform, two by two
    for (let k = jitter > 0 ? -1 : 0; k < noisySize; k++) rng.uniform();
    if (masks) choice.integer(masks.length);
  }
  const pictures: Dataset = {
    length: images.length,
    inputShape: [0],
    targetShape: operator.domain,
    read: (i, _input, target) => target.set(images.image(i)),
  };
  return {
    length: images.length,
    varied: { from: pictures, by: variation(options, form) },
    inputShape: [size + noisySize + sizeOf(maskShapeOf(masks))],
    targetShape: operator.domain,
    read(i, input, target) {
      const image = images.image(i);
      input.set(image);
      const extra = jitter > 0 ? jitter * rng.uniform() : 0;
      const sigma = Math.sqrt(noise.sigma ** 2 + extra ** 2 + smoothing ** 2);
      for (let k = 0; k < noisySize; k++) input[size + k] = sigma * rng.normal();
      if (masks) input.set(masks[choice.integer(masks.length)].data, size + noisySize);
      target.set(image);
    },
  };
}
const maskShapeOf = (masks: readonly Mask[] | undefined): Shape => (masks ? [1, ...masks[0].shape] : [0]);

/** From an input of trainingData to the reconstruction that is held against the target. */
function trainingForward(
  { problem, adversarial }: FitReconstructorOptions,
  masks: readonly Mask[] | undefined,
  form: Form,
): Forward {
  const { operator } = problem;
  const { sampling } = operator;
  const [size, noisySize] = [sizeOf(operator.domain), sizeOf(operator.range)];
  return (b, net, input, target) => {
    const { reshape, slice } = arithmetic(b);
    const part = (from: number, shape: Shape): Value =>
      reshape(slice(input, 1, from, from + sizeOf(shape)), [input.shape[0], ...shape]);
    const image = part(0, operator.domain);
    const drawn = part(size, operator.range);
    const mask = masks && part(size + noisySize, broadcastable(maskShapeOf(masks), operator.range));
    const own: Operator = mask && sampling ? masked(sampling, mask) : operator;
    const noisy = b.emit("add", { a: own.forward(b, image), b: drawn }, {});
    const y = mask ? b.emit("mul", { a: noisy, b: mask }, {}) : problem.sampled(b, noisy);
    const shared = new Map<string, Value>();
    const f = (at: Value): ReturnType<typeof applyForm> =>
      applyForm(b, at, { network: net, operator: own, form, trainable: true, shared });
    if (!adversarial) return f(y);
    const r = worst(b, y, target, (at) => f(at).y, adversarial);
    return { ...f(b.emit("add", { a: y, b: r }, {})), held: [r] };
  };
}

/**
 * Trains a network to reconstruct: measurements are taken from the problem's images inside the
 * plan, with fresh noise every time an image is seen. What it was trained for travels with it.
 * Throws ConfigError for options out of range, and what fit throws.
 */
export async function fitReconstructor(network: Network, options: FitReconstructorOptions): Promise<Network> {
  const { problem, jitter = 0, smoothing = 0, rates, adversarial } = options;
  const form: Form = { ...formOf(network), ...options.form };
  checkOptions(options);
  const { operator, images, noise } = problem;
  const masks = familiesOf(options);
  const data = trainingData(options, masks, form);
  const trained = await fit(network, { ...options, data }, trainingForward(options, masks, form));
  const hash = sha256.create();
  for (let i = 0; i < images.length; i++) hash.update(float32Bytes(images.image(i)));
  const provenance = {
    ...trained.provenance,
    software: `fiducial ${version}`,
    images: String(images.description.kind),
    imageSeed: Number(images.description.seed ?? 0),
    mosaics: Number(images.description.mosaics ?? 0),
    dataSha256: bytesToHex(hash.digest()),
    noiseSigma: noise.sigma,
    ...(jitter > 0 ? { jitter } : {}),
    ...(smoothing > 0 ? { smoothing } : {}),
    ...(rates ? { rates } : {}),
    ...(adversarial ? { adversarialBudget: adversarial.relativeBudget, adversarialSteps: adversarial.steps } : {}),
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
