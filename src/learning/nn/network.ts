// A network: its layers as data, and its parameters by name. Nothing in it changes; training gives a new one.
import { ConfigError, formatShape, GraphBuilder, ops, random, type Shape, type Value } from "../../engine/index.ts";
import { applyLayer, type OnLayer, type Scope } from "./apply.ts";
import { fanInUniform, type Initializer } from "./initializers.ts";
import { unetBlock, type Layer } from "./layers.ts";

export interface Parameter { readonly shape: Shape; readonly data: Float32Array }
export interface Architecture { readonly input: Shape; readonly layers: readonly Layer[] }
/** Where a network came from: it travels with its checkpoint. */
export type Provenance = Readonly<Record<string, string | number | boolean | readonly number[]>>;
export interface Network {
  readonly architecture: Architecture;
  readonly parameters: ReadonlyMap<string, Parameter>;
  readonly provenance: Provenance;
}

/** The name of layer i: its place and kind, "2.maxPool2d". */
export function layerName(layer: Layer, index: number): string { return `${index}.${layer.kind}`; }

function run(scope: Scope, layers: readonly Layer[], x: Value): Value {
  return layers.reduce((value, layer, i) => {
    const y = applyLayer(scope, layerName(layer, i), value, layer);
    scope.onLayer?.(layerName(layer, i), layer.kind, y);
    return y;
  }, x);
}

/** A stack of layers with fresh parameters, drawn by `initializer` (fanInUniform unless given). `input` is one sample's shape, without the batch. Throws ShapeError naming the first layer that does not fit. */
export function sequential(options: { input: Shape; layers: readonly Layer[]; seed: number; initializer?: Initializer }): Network {
  const { initializer = fanInUniform() } = options;
  const rng = random(options.seed);
  const parameters = new Map<string, Parameter>();
  const b = new GraphBuilder(ops);
  const scope: Scope = {
    b,
    parameter(name, shape, fanIn) {
      const data = initializer(rng.fork(name), { name, shape, fanIn });
      parameters.set(name, { shape, data });
      return b.parameter(name, shape, data);
    },
  };
  run(scope, options.layers, b.input("x", [1, ...options.input]));
  return { architecture: { input: options.input, layers: options.layers }, parameters, provenance: { initialSeed: options.seed } };
}

export interface ApplyOptions {
  /** Parameters that a plan can update (default), or constants, so that a graph may hold the network more than once. */
  readonly trainable?: boolean;
  readonly onLayer?: OnLayer;
}

/** Adds a network to a graph at x [N, …input]: its output and its parameters' values there. The image size may differ from the architecture's where the layers allow it. Throws ConfigError when a parameter is missing or has another shape. */
export function applyNetwork(b: GraphBuilder, network: Network, x: Value, options: ApplyOptions = {}): { y: Value; parameters: Map<string, Value> } {
  const values = new Map<string, Value>();
  const scope: Scope = {
    b,
    ...(options.onLayer ? { onLayer: options.onLayer } : {}),
    parameter(name, shape) {
      const p = network.parameters.get(name);
      if (p === undefined || p.shape.join() !== shape.join()) {
        throw new ConfigError(`network: parameter "${name}" should be ${formatShape(shape)} and is ${p ? formatShape(p.shape) : "missing"}; the weights belong to another architecture or input size`, { name });
      }
      const value = options.trainable === false ? b.constant(p.data, shape) : b.parameter(name, shape, p.data);
      values.set(name, value);
      return value;
    },
  };
  return { y: run(scope, network.architecture.layers, x), parameters: values };
}

/** The U-Net for images [inChannels,H,W]; see unetBlock. */
export function unet(options: { inChannels: number; outChannels: number; baseChannels: number; depth: number; seed: number; size?: readonly [number, number]; residual?: boolean }): Network {
  const { inChannels, outChannels, baseChannels, depth, residual = false, size = [2 ** (depth + 1), 2 ** (depth + 1)] } = options;
  return sequential({ input: [inChannels, ...size], seed: options.seed, layers: [unetBlock({ outChannels, baseChannels, depth, residual })] });
}

/** LeNet-5 with ReLU and max-pooling, for 28×28 grey images unless `input` says otherwise (28×28 are padded to 32×32 first). Source: LeCun et al. 1998, in its modern form. */
export function lenet5(options: { classes?: number; seed: number; input?: Shape }): Network {
  const { input = [1, 28, 28], classes = 10, seed } = options;
  const conv = (outChannels: number, padding: number): Layer => ({ kind: "conv2d", outChannels, kernelSize: 5, padding });
  const pool: Layer = { kind: "maxPool2d", kernelSize: 2 };
  const dense = (outFeatures: number): Layer => ({ kind: "linear", outFeatures });
  const on: Layer = { kind: "relu" };
  return sequential({ input, seed, layers: [conv(6, input[1] === 28 ? 2 : 0), on, pool, conv(16, 0), on, pool, { kind: "flatten" }, dense(120), on, dense(84), on, dense(classes)] });
}
