// A network: its layers as data, and its parameters by name. Nothing in it changes; training gives
// a new one.
import {
  ConfigError,
  formatShape,
  GraphBuilder,
  ops,
  present,
  random,
  ShapeError,
  sizeOf,
  type Shape,
  type Value,
} from "../../engine/index.ts";
import { applyLayer } from "./apply.ts";
import { kindOf, stack } from "./blocks.ts";
import { foldedNorm, type Made } from "./folding.ts";
import { fanInUniform, type Initializer } from "./initializers.ts";
import type { Layer } from "./layers.ts";
import type { Preprocessing } from "../predict/preprocessing.ts";
import { checkNames } from "./option-types.ts";
import { checkCount, checkLayers } from "./options.ts";
import { identityPhysics, type OnLayer, type Physics, type Placed, type Scope } from "./scope.ts";

export interface Parameter {
  readonly shape: Shape;
  readonly data: Float32Array;
}
export interface Architecture {
  readonly input: Shape;
  readonly layers: readonly Layer[];
}
/** Where a network came from: it travels with its checkpoint. */
export type Provenance = Readonly<Record<string, string | number | boolean | readonly number[]>>;
/** How a network is used: what it was trained for. */
export interface Trained {
  /**
   * A reconstruction network's: given A*y or y, so many times with data consistency between, and at
   * the end or not.
   */
  readonly form?: {
    readonly input: "image" | "measurement";
    readonly iterations: number;
    readonly dataConsistency: boolean;
    /**
     * By what its images are divided: the root mean square of A*y, unless it is said, the peak of
     * |A*y|, or nothing.
     */
    readonly scale?: "rms" | "peak" | "none";
    /** v of (Fx + v·y)/(1 + v), which data consistency leaves where y is; hard without. */
    readonly noiseLevel?: number;
    /** Of the k-space that it is given, and of masks beside it. */
    readonly lowestFrequency?: "centre" | "corner";
    readonly normalization?: "orthonormal" | "unnormalised";
  };
  /** Plain data of an operator, which imaging reads. */
  readonly operator?: Readonly<Record<string, unknown>>;
  /** Standard deviation of the measurement noise. */
  readonly noiseSigma?: number;
  /** Standard deviation of the noise that the reconstruction is the mean over. */
  readonly smoothing?: number;
  /** Shares of k-space, where it was trained at several. */
  readonly rates?: readonly number[];
  readonly images?: string;
  /** Plain data of what the kinds of its training images are like, which imaging reads. */
  readonly kinds?: readonly Readonly<Record<string, unknown>>[];
  /** A classifier's, in the order of its outputs. */
  readonly classes?: readonly string[];
  /** What is done to a picture before the network sees it. */
  readonly preprocessing?: Preprocessing;
}
export interface Network {
  readonly architecture: Architecture;
  readonly parameters: ReadonlyMap<string, Parameter>;
  /** For people; nothing is decided by it. */
  readonly provenance: Provenance;
  readonly name?: string;
  readonly trained?: Trained;
}

/** The name of layer i: its place and kind, "2.maxPool2d". */
export function layerName(layer: Layer, index: number): string {
  return `${index}.${kindOf(layer)}`;
}

function run(scope: Scope, layers: readonly Layer[], x: Value): Value {
  checkLayers(layers);
  return stack(scope, "", layers, x);
}
/** Throws ShapeError for a name that stands for another shape already. */
function checkSame(name: string, known: Value, shape: Shape): void {
  if (known.shape.join() !== shape.join())
    throw new ShapeError(
      `parameter "${name}": it is ${formatShape(known.shape)} in one place and ${formatShape(shape)} in another; shared layers take inputs of one size`,
      { name },
    );
}
/** What a network of its own keeps beside its values. */
const ofOne = (): Pick<Scope, "shared" | "counters"> => ({
  shared: new Map(),
  counters: new Map(),
});

/**
 * The shape of every parameter of an architecture, by name, with nothing allocated for one. Throws
 * ShapeError or ConfigError naming the first layer that does not fit.
 */
export function parameterShapes({ input, layers }: Architecture): ReadonlyMap<string, Shape> {
  const shapes = new Map<string, Shape>();
  const b = new GraphBuilder(ops);
  const values = new Map<string, Value>();
  const note = (name: string, shape: Shape): Value => {
    const known = values.get(name);
    if (known) checkSame(name, known, shape);
    const value = known ?? b.input(name, shape);
    shapes.set(name, shape);
    values.set(name, value);
    return value;
  };
  const x = b.input("x", [1, ...input]);
  const scope: Scope = {
    ...ofOne(),
    b,
    training: false,
    statistics: "running",
    parameter: note,
    buffer: note,
    physics: identityPhysics(x),
    apply: (name, value, layer, within = scope) => applyLayer(within, name, value, layer),
  };
  checkCount(layers);
  run(scope, layers, x);
  return shapes;
}

/**
 * A stack of layers with fresh parameters, drawn by `initializer` (fanInUniform unless given).
 * `input` is one sample's shape, without the batch. Throws ShapeError naming the first layer that
 * does not fit.
 */
export function sequential(options: {
  input: Shape;
  layers: readonly Layer[];
  seed: number;
  initializer?: Initializer;
}): Network {
  checkNames(
    "sequential",
    options,
    ["input", "layers", "seed", "initializer"],
    ["input", "layers", "seed"],
  );
  const { initializer = fanInUniform() } = options;
  const rng = random(options.seed);
  const parameters = new Map<string, Parameter>();
  const b = new GraphBuilder(ops);
  const values = new Map<string, Value>();
  const keep = (name: string, shape: Shape, draw: () => Float32Array): Value => {
    const known = values.get(name);
    if (known) {
      checkSame(name, known, shape);
      return known;
    }
    const data = draw();
    const value = b.parameter(name, shape, data);
    parameters.set(name, { shape, data });
    values.set(name, value);
    return value;
  };
  const x = b.input("x", [1, ...options.input]);
  const filled = (shape: Shape, initial: number | ArrayLike<number>): Float32Array => {
    const line = typeof initial === "number" ? [initial] : initial;
    return Float32Array.from({ length: sizeOf(shape) }, (_, i) => line[i % line.length]);
  };
  const scope: Scope = {
    ...ofOne(),
    b,
    training: false,
    statistics: "running",
    parameter: (name, shape, fanIn, initial) =>
      keep(name, shape, () =>
        initial === undefined
          ? initializer(rng.fork(name), { name, shape, fanIn })
          : filled(shape, initial),
      ),
    buffer: (name, shape, initial) => keep(name, shape, () => filled(shape, initial)),
    physics: identityPhysics(x),
    apply: (name, value, layer, within = scope) => applyLayer(within, name, value, layer),
  };
  checkCount(options.layers);
  run(scope, options.layers, x);
  return {
    architecture: { input: options.input, layers: options.layers },
    parameters,
    provenance: { initialSeed: options.seed },
  };
}

export interface ApplyOptions {
  /**
   * Parameters that a plan can update (default), or constants, so that a graph may hold the network
   * more than once.
   */
  readonly trainable?: boolean;
  /**
   * As in training: dropout drops, batch norm takes the batch's statistics and moves its running
   * ones.
   */
  readonly training?: boolean;
  /**
   * Batch norms that evaluate are made part of the convolutions before them; the weights are
   * constants then, and not those of the network.
   */
  readonly folded?: boolean;
  /** What batch norm takes: "batch" in training and "running" otherwise, unless given. */
  readonly statistics?: "batch" | "running" | undefined;
  readonly onLayer?: OnLayer;
  /** Layers that do as in prediction, whatever the others do. */
  readonly isFrozen?: ((layer: string) => boolean) | undefined;
  /** For layers that know the physics. */
  readonly physics?: Physics;
  /**
   * Values of parameters that are in the graph already, by name, where a network is applied more
   * than once; it is added to.
   */
  readonly shared?: Map<string, Value>;
}

/**
 * Adds a network to a graph at x [N, …input]: its output and its learned parameters' values there.
 * The image size may differ from the architecture's where the layers allow it. Throws ConfigError
 * when a parameter is missing or has another shape.
 */
export function applyNetwork(
  b: GraphBuilder,
  network: Network,
  x: Value,
  options: ApplyOptions = {},
): { y: Value; parameters: Map<string, Value> } {
  const values = new Map<string, Value>();
  const shared = options.shared ?? new Map<string, Value>();
  const { training = false, folded = false, isFrozen = () => false } = options;
  const own = new Map<string, Made>();
  const find = (name: string, shape: Shape): Value => {
    const p = own.get(name) ?? network.parameters.get(name);
    if (p === undefined || p.shape.join() !== shape.join()) {
      throw new ConfigError(
        `network: parameter "${name}" should be ${formatShape(shape)} and is ${p ? formatShape(p.shape) : "missing"}; the weights belong to another architecture or input size`,
        { name },
      );
    }
    const known = shared.get(name);
    if (known) return known;
    const value =
      "make" in p
        ? b.constantFrom(p.make, shape)
        : folded || options.trainable === false
          ? b.constant(p.data, shape)
          : b.parameter(name, shape, p.data);
    shared.set(name, value);
    return value;
  };
  const statistics = options.statistics ?? (training ? "batch" : "running");
  const fused = (first: Placed, second: Placed): Layer | undefined => {
    const one = foldedNorm(network.parameters, first, second);
    for (const [name, p] of one?.parameters ?? []) own.set(name, p);
    return one?.layer;
  };
  const still = { training: false, statistics: "running" as const };
  const scope: Scope = {
    ...ofOne(),
    b,
    training,
    statistics,
    ...present({ onLayer: options.onLayer, physics: options.physics }),
    ...(folded && statistics === "running" ? { fused } : {}),
    parameter(name, shape) {
      const value = find(name, shape);
      values.set(name, value);
      return value;
    },
    buffer: find,
    apply: (name, value, layer, within = scope) =>
      applyLayer(isFrozen(name) ? { ...within, ...still } : within, name, value, layer),
  };
  return { y: run(scope, network.architecture.layers, x), parameters: values };
}
