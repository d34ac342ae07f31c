// Networks as reconstructors: on the adjoint image, unrolled with data consistency between, or from
// the measurement itself.
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import {
  arithmetic,
  ConfigError,
  FiducialError,
  float32Bytes,
  present,
  random,
  type GraphBuilder,
  type Shape,
  type Value,
} from "../../engine/index.ts";
import {
  applyNetwork,
  parameterShapes,
  type CartesianSampling,
  type FourierConvention,
  type Network,
  type OnLayer,
  type Physics,
} from "../../learning/index.ts";
import type { Operator } from "../operators/operator.ts";
import { canonical } from "../operators/spec.ts";
import type { MadeFor, Reconstructor } from "../reconstructor.ts";
import { onnxFacts, unfitBlocks } from "./onnx-blocks.ts";
import { atScale, networkScales, type NetworkScale } from "./scale.ts";
import { trainedOperator } from "./trained-operator.ts";

/** How a network stands between y and x̂. */
export interface Form {
  /** What the network is given: A*y (U-Net, FBPConvNet, DAGAN), or y itself (AUTOMAP). */
  readonly input: "image" | "measurement";
  /**
   * Times that it is applied, always with the same weights; more than one is an unrolled network,
   * with data consistency between (Deep MRI, variational networks).
   */
  readonly iterations: number;
  /** Ends with x̂ + A*(y − Ax̂), which for A = M·F puts the measured cells of k-space back. */
  readonly dataConsistency: boolean;
  /** By what its images are divided: the root mean square of A*y unless it is said. */
  readonly scale?: NetworkScale;
  /**
   * v of (Fx + v·y)/(1 + v), which noisy data consistency leaves where k-space was measured; hard
   * unless given. Source: Schlemper et al. 2018.
   */
  readonly noiseLevel?: number;
  /** Where the k-space that it is given has its lowest frequency: the centre unless it is said. */
  readonly lowestFrequency?: "centre" | "corner";
  /** Of the k-space that it is given: orthonormal unless it is said. */
  readonly normalization?: "orthonormal" | "unnormalised";
}
/**
 * Randomised smoothing: the mean of f over y with noise of this standard deviation, `samples` fixed
 * draws of it. Source: Cohen, Rosenfeld, Kolter 2019.
 */
export interface Smoothing {
  readonly sigma: number;
  readonly samples: number;
}

/** The form that a network was trained in. */
export function formOf({ trained }: Network): Form {
  return trained?.form ?? { input: "image", iterations: 1, dataConsistency: false };
}

/** Centred orthonormal k-space […,2,H,W] in the convention of a network. */
function asItWasGiven(
  b: GraphBuilder,
  y: Value,
  { lowestFrequency, normalization }: FourierConvention,
): Value {
  const { mul } = arithmetic(b);
  const rank = y.shape.length;
  const [H, W] = y.shape.slice(-2);
  const roll = (x: Value, sign: 1 | -1): Value =>
    [H, W].reduce(
      (v, n, i) =>
        b.emit("roll", { x: v }, { axis: rank - 2 + i, shift: sign * Math.floor(n / 2) }),
      x,
    );
  const image = (): Value => b.emit("fft2", { x: y }, { inverse: true });
  const moved =
    lowestFrequency === "corner"
      ? roll(b.emit("fft2", { x: roll(image(), 1) }, { inverse: false }), -1)
      : y;
  return normalization === "unnormalised" ? mul(moved, Math.sqrt(H * W)) : moved;
}
/** What networks of other makers ask for, where k-space is sampled on a grid. */
function samplingOf(b: GraphBuilder, operator: Operator): CartesianSampling | undefined {
  const { coils, sampling } = operator;
  if (!sampling) return undefined;
  const { shape, data } = sampling.mask;
  const cells = shape[0] * shape[1];
  // one coil that sees the image as it is
  const one = {
    shape: [1, 2, ...shape],
    data: Float32Array.from({ length: 2 * cells }, (_, k) => Number(k < cells)),
  };
  const isPlanes = coils === undefined;
  return {
    mask: { shape, data: Float32Array.from(data) },
    maps: coils ?? one,
    kspace(y, convention) {
      const [N, parts, ...rest] = y.shape;
      const { reshape } = arithmetic(b);
      const planes = isPlanes
        ? reshape(y, [N, 1, parts, ...rest])
        : b.emit("transpose", { x: y }, { permutation: [0, 2, 1, 3, 4] });
      return asItWasGiven(b, planes, convention);
    },
  };
}

/** How a network is applied: from y at the scale of its images to x̂ at that scale. */
export interface FormOptions {
  readonly network: Network;
  readonly operator: Operator;
  readonly form: Form;
  readonly trainable: boolean;
  /** Layers that do as in prediction, though the network is trained. */
  readonly isFrozen?: ((layer: string) => boolean) | undefined;
  /** Parameters that it has are not added again. */
  readonly shared: Map<string, Value>;
}
/** The images after each of the network's data consistency, and x̂ at last, if it is another. */
function images(
  b: GraphBuilder,
  y: Value,
  initial: Value,
  options: FormOptions,
): { all: Value[]; parameters: Map<string, Value> } {
  const { network, operator, form, trainable, isFrozen, shared } = options;
  const { add, mul, sub } = arithmetic(b);
  const parameters = new Map<string, Value>();
  const all: Value[] = [];
  // of an operator whose norm is not 1, such as line integrals, A*/‖A‖² keeps the step stable
  const step = 1 / (operator.norm ?? 1) ** 2;
  const physics: Physics = {
    y,
    forward: (x) => operator.forward(b, x),
    adjoint(v) {
      const x = operator.adjoint(b, v);
      return step === 1 ? x : mul(x, step);
    },
    ...present({ sampling: samplingOf(b, operator) }),
  };
  const onLayer: OnLayer = (_name, kind, value) => {
    if (kind === "dataConsistency") all.push(value);
  };
  const apply = (v: Value): Value => {
    const applied = applyNetwork(b, network, v, {
      trainable,
      training: trainable,
      isFrozen,
      shared,
      physics,
      onLayer,
    });
    for (const [name, value] of applied.parameters) parameters.set(name, value);
    return applied.y;
  };
  const { noiseLevel: v } = form;
  const consistent = (x: Value): Value => {
    const residual = physics.adjoint(sub(y, physics.forward(x)));
    return add(x, v === undefined ? residual : mul(residual, v / (1 + v)));
  };
  let x = apply(form.input === "measurement" ? asItWasGiven(b, y, form) : initial);
  for (let k = 1; k < form.iterations; k++) x = apply(consistent(x));
  if (form.dataConsistency) x = consistent(x);
  if (all.at(-1)?.id !== x.id) all.push(x);
  return { all, parameters };
}

export interface Applied {
  readonly y: Value;
  readonly parameters: Map<string, Value>;
}
/** x̂ from y, at y's own scale. */
export function applyForm(b: GraphBuilder, y: Value, options: FormOptions): Applied {
  let parameters = new Map<string, Value>();
  const x = atScale(options.form.scale ?? "rms", options.operator, b, y, (scaled, initial) => {
    const made = images(b, scaled, initial, options);
    parameters = made.parameters;
    return made.all.at(-1)!;
  });
  return { y: x, parameters };
}
/** The same with the images between: what each data consistency within the network gave. */
export function applyFormWithBetween(
  b: GraphBuilder,
  y: Value,
  options: FormOptions,
): Applied & { readonly between: readonly Value[] } {
  const { concat, slice } = arithmetic(b);
  let parameters = new Map<string, Value>();
  const [channels] = options.operator.domain;
  const x = atScale(options.form.scale ?? "rms", options.operator, b, y, (scaled, initial) => {
    const made = images(b, scaled, initial, options);
    parameters = made.parameters;
    return concat(made.all, 1);
  });
  const between = Array.from({ length: x.shape[1] / channels }, (_, k) =>
    slice(x, 1, k * channels, (k + 1) * channels),
  );
  return { y: between.pop()!, parameters, between };
}

function weightsHash(network: Network): string {
  const hash = sha256.create();
  // in a checkpoint's order, so that a network is the same before it is saved and after
  for (const name of [...network.parameters.keys()].sort())
    hash
      .update(new TextEncoder().encode(name))
      .update(float32Bytes(network.parameters.get(name)!.data));
  return bytesToHex(hash.digest());
}
/** Names a network: SHA-256 of its architecture, its name, how it was trained and its weights. */
export function networkHash(network: Network): string {
  const { architecture, name, trained } = network;
  const facts = canonical({ architecture, name, trained, weights: weightsHash(network) });
  return bytesToHex(sha256(new TextEncoder().encode(facts)));
}
const AUTOMAP = "flatten linear tanh linear tanh unflatten conv2d relu conv2d relu conv2d";
/** What a network is called: as its maker said, or by its layers. */
function nameOf({ name, architecture }: Network): string {
  const kinds = architecture.layers.map((layer) => layer.kind).join(" ");
  if (name !== undefined) return name;
  if (kinds === "unet") return "U-Net";
  return kinds === AUTOMAP ? "AUTOMAP" : `network of ${architecture.layers.length} layers`;
}
/** Why a network cannot take images of that shape: one with linear layers has one size. */
function unfitShape({ architecture, parameters }: Network, input: Shape): string | undefined {
  if (input.join() === architecture.input.join()) return undefined;
  try {
    for (const [name, shape] of parameterShapes({ ...architecture, input }))
      if (parameters.get(name)?.shape.join() !== shape.join())
        return `its ${name} has another shape then`;
  } catch (error) {
    if (error instanceof FiducialError) return error.message;
    throw error;
  }
  return undefined;
}
/** A network on the measurement itself is bound to the operator that it was trained with. */
function madeFor(network: Network, form: Form): MadeFor {
  const { input } = network.architecture;
  const unfit = (o: Operator): string | undefined =>
    unfitShape(network, o.domain) ?? unfitBlocks(network, o);
  if (form.input === "image") return { unfit };
  const operator = network.trained?.rates ? undefined : trainedOperator(network);
  return { domain: input, range: input, ...(operator ? { operator } : {}) };
}

/**
 * The reconstruction x̂ = s·network(A*y / s), s being the root mean square of A*y, or the form's
 * other scale, in the form and with the smoothing that the network was trained with unless others
 * are given. It was made for images of the network's size. Throws ConfigError for a form or
 * smoothing out of range.
 */
export function networkReconstructor(options: {
  network: Network;
  name?: string;
  form?: Partial<Form>;
  smoothing?: Smoothing;
}): Reconstructor {
  const { network } = options;
  const form = { ...formOf(network), ...options.form };
  const { smoothing: sigma = 0, images = "unknown" } = network.trained ?? {};
  const smoothing = options.smoothing ?? (sigma > 0 ? { sigma, samples: 8 } : undefined);
  const isCount = (n: number): boolean => Number.isInteger(n) && n >= 1;
  const { iterations, scale = "rms", noiseLevel = 1 } = form;
  const formed = isCount(iterations) && networkScales.includes(scale) && noiseLevel > 0;
  const smooth = !smoothing || (smoothing.sigma > 0 && isCount(smoothing.samples));
  if (!formed || !smooth)
    throw new ConfigError(
      `networkReconstructor: ${form.iterations} iterations and ${smoothing?.samples ?? 1} samples must be whole numbers from 1 up, the smoothing's standard deviation and the noise level positive, the scale ${networkScales.join(", ")}`,
      { form, smoothing },
    );
  const inUnits =
    (given: Smoothing) =>
    (factor: number): Reconstructor =>
      networkReconstructor({ ...options, smoothing: { ...given, sigma: factor * given.sigma } });
  const plain = (b: GraphBuilder, y: Value, operator: Operator): Value =>
    applyForm(b, y, { network, operator, form, trainable: false, shared: new Map() }).y;
  return {
    name: options.name ?? nameOf(network),
    madeFor: madeFor(network, form),
    description: {
      kind: "networkReconstructor",
      ...form,
      ...present({ smoothingSigma: smoothing?.sigma, smoothingSamples: smoothing?.samples }),
      parameters: [...network.parameters.values()].reduce((n, p) => n + p.data.length, 0),
      trainedOn: images,
      weightsSha256: weightsHash(network),
      ...onnxFacts(network),
    },
    ...present({ inUnits: smoothing && inUnits(smoothing) }),
    apply: smoothing ? (b, y, operator) => smoothed(b, y, operator, smoothing, plain) : plain,
  };
}

/** The draws go through the network as one batch. */
function smoothed(
  b: GraphBuilder,
  y: Value,
  operator: Operator,
  { sigma, samples }: Smoothing,
  f: (b: GraphBuilder, y: Value, operator: Operator) => Value,
): Value {
  const { add, concat, mean, reshape } = arithmetic(b);
  const rng = random(0).fork("smoothing");
  const noise = (): Float32Array =>
    Float32Array.from(operator.measured, (there) => {
      const v = sigma * rng.normal();
      return there ? v : 0;
    });
  const draws = Array.from({ length: samples }, () =>
    add(y, b.constant(noise(), [1, ...operator.range])),
  );
  const x = f(b, concat(draws, 0), operator);
  return mean(reshape(x, [samples, y.shape[0], ...x.shape.slice(1)]), [0]);
}
