// A network: its layers as data, and its parameters by name. Nothing in it changes; training gives
// a new one.
import {
  ConfigError,
  formatShape,
  GraphBuilder,
  ops,
  present,
  random,
  sizeOf,
  type Shape,
  type Value,
} from "../../engine/index.ts";
import { applyLayer } from "./apply.ts";
import { fanInUniform, kaimingNormal, xavierUniform, type Initializer } from "./initializers.ts";
import { unetBlock, type Layer } from "./layers.ts";
import { checkLayers } from "./options.ts";
import type { OnLayer, Scope } from "./scope.ts";

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
  /** A classifier's, in the order of its outputs. */
  readonly classes?: readonly string[];
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
  return `${index}.${layer.kind}`;
}

function run(scope: Scope, layers: readonly Layer[], x: Value): Value {
  checkLayers(layers);
  return layers.reduce((value, layer, i) => {
    const y = applyLayer(scope, layerName(layer, i), value, layer);
    scope.onLayer?.(layerName(layer, i), layer.kind, y);
    return y;
  }, x);
}

/**
 * The shape of every parameter of an architecture, by name, with nothing allocated for one. Throws
 * ShapeError or ConfigError naming the first layer that does not fit.
 */
export function parameterShapes({ input, layers }: Architecture): ReadonlyMap<string, Shape> {
  const shapes = new Map<string, Shape>();
  const b = new GraphBuilder(ops);
  const note = (name: string, shape: Shape): Value => {
    shapes.set(name, shape);
    return b.input(name, shape);
  };
  const scope: Scope = {
    b,
    training: false,
    statistics: "running",
    parameter: note,
    buffer: note,
    apply: (name, x, layer) => applyLayer(scope, name, x, layer),
  };
  run(scope, layers, b.input("x", [1, ...input]));
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
  const { initializer = fanInUniform() } = options;
  const rng = random(options.seed);
  const parameters = new Map<string, Parameter>();
  const b = new GraphBuilder(ops);
  const keep = (name: string, shape: Shape, data: Float32Array): Value => {
    parameters.set(name, { shape, data });
    return b.parameter(name, shape, data);
  };
  const filled = (shape: Shape, value: number): Float32Array => new Float32Array(sizeOf(shape)).fill(value);
  const scope: Scope = {
    b,
    training: false,
    statistics: "running",
    parameter: (name, shape, fanIn, initial) =>
      keep(
        name,
        shape,
        initial === undefined ? initializer(rng.fork(name), { name, shape, fanIn }) : filled(shape, initial),
      ),
    buffer: (name, shape, initial) => keep(name, shape, filled(shape, initial)),
    apply: (name, x, layer) => applyLayer(scope, name, x, layer),
  };
  run(scope, options.layers, b.input("x", [1, ...options.input]));
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
  /** What batch norm takes: "batch" in training and "running" otherwise, unless given. */
  readonly statistics?: "batch" | "running" | undefined;
  readonly onLayer?: OnLayer;
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
  const find = (name: string, shape: Shape): Value => {
    const p = network.parameters.get(name);
    if (p === undefined || p.shape.join() !== shape.join()) {
      throw new ConfigError(
        `network: parameter "${name}" should be ${formatShape(shape)} and is ${p ? formatShape(p.shape) : "missing"}; the weights belong to another architecture or input size`,
        { name },
      );
    }
    const known = options.shared?.get(name);
    if (known) return known;
    const value = options.trainable === false ? b.constant(p.data, shape) : b.parameter(name, shape, p.data);
    options.shared?.set(name, value);
    return value;
  };
  const { training = false } = options;
  const scope: Scope = {
    b,
    training,
    statistics: options.statistics ?? (training ? "batch" : "running"),
    ...present({ onLayer: options.onLayer }),
    parameter(name, shape) {
      const value = find(name, shape);
      values.set(name, value);
      return value;
    },
    buffer: find,
    apply: (name, value, layer) => applyLayer(scope, name, value, layer),
  };
  return { y: run(scope, network.architecture.layers, x), parameters: values };
}

/** The U-Net for images [inChannels,H,W]; see unetBlock. */
export function unet(options: {
  inChannels: number;
  outChannels: number;
  baseChannels: number;
  depth: number;
  seed: number;
  size?: readonly [number, number];
  residual?: boolean;
}): Network {
  const {
    inChannels,
    outChannels,
    baseChannels,
    depth,
    residual = false,
    size = [2 ** (depth + 1), 2 ** (depth + 1)],
  } = options;
  return sequential({
    input: [inChannels, ...size],
    seed: options.seed,
    layers: [unetBlock({ outChannels, baseChannels, depth, residual })],
  });
}

/**
 * A dense network from the measurement [2,H,W] itself to the image: two fully connected layers with
 * tanh, two 5×5 convolutions with ReLU, one 7×7. It learns the Fourier transform, too. Source: Zhu
 * et al. 2018 (AUTOMAP), there 25,000 hidden nodes and 64 channels for 128², with Xavier's first
 * weights.
 */
export function automap(options: {
  size: readonly [number, number];
  hidden: number;
  channels?: number;
  seed: number;
}): Network {
  const {
    size: [H, W],
    hidden,
    channels = 16,
    seed,
  } = options;
  const conv = (outChannels: number, kernelSize: number): Layer => ({
    kind: "conv2d",
    outChannels,
    kernelSize,
    padding: "same",
  });
  return sequential({
    input: [2, H, W],
    seed,
    initializer: xavierUniform(),
    layers: [
      { kind: "flatten" },
      { kind: "linear", outFeatures: hidden },
      { kind: "tanh" },
      { kind: "linear", outFeatures: 2 * H * W },
      { kind: "tanh" },
      { kind: "unflatten", shape: [2, H, W] },
      conv(channels, 5),
      { kind: "relu" },
      conv(channels, 5),
      { kind: "relu" },
      conv(2, 7),
    ],
  });
}

/**
 * LeNet-5 with ReLU and max-pooling, for 28×28 grey images unless `input` says otherwise (28×28 are
 * padded to 32×32 first). Source: LeCun et al. 1998, in its modern form.
 */
export function lenet5(options: { classes?: number; seed: number; input?: Shape }): Network {
  const { input = [1, 28, 28], classes = 10, seed } = options;
  const conv = (outChannels: number, padding: number): Layer => ({
    kind: "conv2d",
    outChannels,
    kernelSize: 5,
    padding,
  });
  const pool: Layer = { kind: "maxPool2d", kernelSize: 2 };
  const dense = (outFeatures: number): Layer => ({ kind: "linear", outFeatures });
  const on: Layer = { kind: "relu" };
  return sequential({
    input,
    seed,
    layers: [
      conv(6, input[1] === 28 ? 2 : 0),
      on,
      pool,
      conv(16, 0),
      on,
      pool,
      { kind: "flatten" },
      dense(120),
      on,
      dense(84),
      on,
      dense(classes),
    ],
  });
}

const batchNormalised = (outChannels: number, stride = 1): Layer[] => [
  { kind: "conv2d", outChannels, kernelSize: 3, stride, padding: 1, bias: false },
  { kind: "batchNorm2d" },
];
/**
 * Two 3×3 convolutions with batch norm around a shortcut, which is a strided 1×1 convolution where
 * the shape changes.
 */
function basicBlock(inChannels: number, outChannels: number, stride: number): Layer[] {
  const shortcut: Layer[] | undefined =
    stride === 1 && inChannels === outChannels
      ? undefined
      : [{ kind: "conv2d", outChannels, kernelSize: 1, stride, bias: false }, { kind: "batchNorm2d" }];
  return [
    {
      kind: "residual",
      body: [...batchNormalised(outChannels, stride), { kind: "relu" }, ...batchNormalised(outChannels)],
      ...(shortcut ? { shortcut } : {}),
    },
    { kind: "relu" },
  ];
}
function stages(channels: readonly number[], blocks: number): Layer[] {
  return channels.flatMap((outChannels, i) =>
    Array.from({ length: blocks }, (_, k) =>
      basicBlock(k === 0 ? channels[Math.max(0, i - 1)] : outChannels, outChannels, k === 0 && i > 0 ? 2 : 1),
    ).flat(),
  );
}
const head = (classes: number): Layer[] => [
  { kind: "adaptiveAvgPool2d", outputSize: [1, 1] },
  { kind: "flatten" },
  { kind: "linear", outFeatures: classes },
];

/**
 * ResNet-20 for small images: 16, 32 and 64 channels, three blocks each. Source: He et al. 2016,
 * section 4.2, with convolutional shortcuts.
 */
export function resnet20(options: { classes?: number; seed: number; input?: Shape }): Network {
  const { input = [3, 32, 32], classes = 10, seed } = options;
  return sequential({
    input,
    seed,
    initializer: kaimingNormal(),
    layers: [...batchNormalised(16), { kind: "relu" }, ...stages([16, 32, 64], 3), ...head(classes)],
  });
}
/**
 * ResNet-18: a 7×7 convolution of stride 2 and a max pool, then 64 to 512 channels, two blocks
 * each. Source: He et al. 2016.
 */
export function resnet18(options: { classes?: number; seed: number; input?: Shape }): Network {
  const { input = [3, 224, 224], classes = 1000, seed } = options;
  return sequential({
    input,
    seed,
    initializer: kaimingNormal(),
    layers: [
      { kind: "conv2d", outChannels: 64, kernelSize: 7, stride: 2, padding: 3, bias: false },
      { kind: "batchNorm2d" },
      { kind: "relu" },
      { kind: "maxPool2d", kernelSize: 3, stride: 2, padding: 1 },
      ...stages([64, 128, 256, 512], 2),
      ...head(classes),
    ],
  });
}
/**
 * A small VGG: pairs of 3×3 convolutions with batch norm, 32, 64 and 128 channels, max-pooling
 * between, one hidden layer with dropout. Source: Simonyan & Zisserman 2015, scaled down.
 */
export function smallVgg(options: { classes?: number; seed: number; input?: Shape }): Network {
  const { input = [3, 32, 32], classes = 10, seed } = options;
  const pair = (channels: number): Layer[] => [
    ...batchNormalised(channels),
    { kind: "relu" },
    ...batchNormalised(channels),
    { kind: "relu" },
    { kind: "maxPool2d", kernelSize: 2 },
  ];
  return sequential({
    input,
    seed,
    initializer: kaimingNormal({ linear: 0.01 }),
    layers: [
      ...[32, 64, 128].flatMap(pair),
      { kind: "flatten" },
      { kind: "linear", outFeatures: 128 },
      { kind: "relu" },
      { kind: "dropout", probability: 0.5 },
      { kind: "linear", outFeatures: classes },
    ],
  });
}
