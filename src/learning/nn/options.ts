// Which options a layer has, and of which type. One that it lacks is refused by name: "strides": 2
// would otherwise train at stride 1 without a word. So is "stride": "2", as a file may have it.
import { ConfigError, quoted, withoutControls } from "../../engine/index.ts";
import type { GraphNode } from "./block-layers.ts";
import type { Layer } from "./layers.ts";
import {
  flag,
  label,
  layers,
  listOf,
  near,
  number,
  object,
  oneOf,
  refuse,
  whole,
  word,
  type Type,
} from "./option-types.ts";
import { MOST_CELLS } from "./scope.ts";

export { edits, near } from "./option-types.ts";

const count: Type = { what: "a whole number from 1 up", is: whole(1, Number.MAX_SAFE_INTEGER) };
const cells: Type = { what: `a whole number from 1 to ${MOST_CELLS}`, is: whole(1, MOST_CELLS) };
const gap: Type = { what: `a whole number from 0 to ${MOST_CELLS}`, is: whole(0, MOST_CELLS) };
/** One number, or one for each of so many axes. */
const perAxis = (each: Type, axes: number): Type => ({
  what: `${each.what}, or a list of ${axes}`,
  is: (v) => each.is(v) || (listOf(each).is(v) && (v as unknown[]).length === axes),
});
const cells2 = perAxis(cells, 2);
const gaps2 = perAxis(gap, 2);
const cells3 = perAxis(cells, 3);
const gaps3 = perAxis(gap, 3);
const padded = (sizes: Type): Type => ({
  what: `${sizes.what}, "same" or "valid"`,
  is: (v) => v === "same" || v === "valid" || sizes.is(v),
});
const pair: Type = {
  what: "two whole numbers from 1 up",
  is: (v) => listOf(cells).is(v) && (v as unknown[]).length === 2,
};
const margins: Type = {
  what: "two whole numbers from 0 up",
  is: (v) => listOf(gap).is(v) && (v as unknown[]).length === 2,
};
const place: Type = { what: "a whole number from 0 up", is: whole(0, Number.MAX_SAFE_INTEGER) };
/** Each is a term of a formula that is written out. */
const knots: Type = { what: "a whole number from 2 to 1024", is: whole(2, 1024) };
const depths: Type = { what: "a whole number from 1 to 16", is: whole(1, 16) };
const nodes = listOf(object);
const epsilon = number;
const affine = flag;

/** Of one block; each is a part that is cut out of its input, or put into its output. */
const MOST_PORTS = 256;
const shapes: Type = {
  what: `shapes by name, from 1 to ${MOST_PORTS}`,
  is: (v) =>
    object.is(v) &&
    Object.keys(v as object).every(label.is) &&
    whole(1, MOST_PORTS)(Object.keys(v as object).length) &&
    Object.values(v as object).every((shape) => listOf(count).is(shape)),
};
const ports: Type = {
  what: `a list of names, from 1 to ${MOST_PORTS}`,
  is: (v) => listOf(label).is(v) && whole(1, MOST_PORTS)((v as unknown[]).length),
};
const paddingMode = oneOf("zeros", "reflect", "replicate", "circular");
const window = { kernelSize: cells2, stride: cells2, padding: padded(gaps2), dilation: cells2 };
const line = { kernelSize: cells, stride: cells, padding: padded(gap) };
const volume = { kernelSize: cells3, stride: cells3, padding: padded(gaps3) };

type Types<T> = Readonly<Record<Exclude<keyof T, "kind">, Type>>;
/** Every option of every layer; leaving one out, or one too many, does not compile. */
const known: { readonly [K in Layer["kind"]]: Types<Required<Extract<Layer, { kind: K }>>> } = {
  conv2d: { outChannels: count, ...window, paddingMode, groups: count, bias: flag },
  depthwiseConv2d: { multiplier: count, ...window, paddingMode, bias: flag },
  separableConv2d: { outChannels: count, multiplier: count, ...window, paddingMode, bias: flag },
  convTranspose2d: {
    outChannels: count,
    ...window,
    padding: gaps2,
    outputPadding: gaps2,
    groups: count,
    bias: flag,
  },
  conv1d: { outChannels: count, ...line, dilation: cells, groups: count, bias: flag },
  conv3d: { outChannels: count, ...volume, dilation: cells3, groups: count, bias: flag },
  maxPool1d: line,
  avgPool1d: line,
  maxPool3d: volume,
  avgPool3d: volume,
  selfAttention2d: { heads: count },
  reduce: { axes: listOf(count), by: oneOf("mean", "max", "sum") },
  shared: { name: label, layers },
  custom: { layer: label, options: object },
  linear: { outFeatures: count, bias: flag },
  maxPool2d: { ...window, ceilMode: flag },
  avgPool2d: {
    kernelSize: cells2,
    stride: cells2,
    padding: padded(gaps2),
    ceilMode: flag,
    countIncludePad: flag,
  },
  adaptiveMaxPool2d: { outputSize: pair },
  adaptiveAvgPool2d: { outputSize: pair },
  instanceNorm2d: { epsilon, affine },
  batchNorm1d: { epsilon, momentum: number, affine },
  batchNorm2d: { epsilon, momentum: number, affine },
  batchNorm3d: { epsilon, momentum: number, affine },
  groupNorm: { groups: count, epsilon, affine },
  layerNorm: { epsilon, affine },
  upsample: { scale: cells, mode: oneOf("nearest", "bilinear") },
  pixelShuffle: { scale: cells },
  relu: {},
  sigmoid: {},
  tanh: {},
  silu: {},
  hardSigmoid: {},
  hardSwish: {},
  hardTanh: {},
  flatten: {},
  unflatten: { shape: listOf(count) },
  leakyRelu: { slope: number },
  prelu: { initial: number },
  elu: { alpha: number },
  gelu: { approximate: oneOf("none", "tanh") },
  softplus: { beta: number },
  softmax: { temperature: number },
  dropout: { probability: number, seed: number },
  dropout2d: { probability: number, seed: number },
  unet: {
    outChannels: count,
    baseChannels: count,
    depth: count,
    residual: flag,
    norm: oneOf("instance", "none"),
  },
  residual: { body: layers, shortcut: layers },
  branches: { branches: listOf(layers) },
  proximalStep: { rho: number, learned: flag },
  scale: { factor: number, learned: flag },
  piecewiseLinear: { knots: cells, from: number, to: number, outside: number },
  eachChannel: { layers },
  dataConsistency: { step: number, learned: flag, nonNegative: flag },
  conjugateGradient: { iterations: count, tolerance: number, weight: number },
  kSpaceCascades: {
    cascades: listOf(layers),
    step: number,
    sensitivities: layers,
    calibrationColumns: cells,
  },
  pad2d: {
    before: margins,
    after: margins,
    mode: oneOf("zeros", "reflect", "replicate", "circular", "symmetric"),
  },
  crop2d: { before: margins, after: margins },
  padded: { multiple: cells, body: layers },
  standardized: { body: layers },
  peakScaled: { body: layers },
  repeated: { times: cells, body: layers },
  affine: { scale: number, shift: number },
  gather: { indices: listOf(place) },
  softThreshold: { initial: number },
  radialBasis: { knots, slope: number },
  fieldOfExperts: { filters: count, kernelSize: cells, knots, slope: number },
  fastMriUnet: { outChannels: count, baseChannels: count, pools: depths },
  magnitude: {},
  realPart: {},
  complexImage: {},
  transposeImage: {},
  zeroMean: {},
  graph: { nodes, inputs: shapes, outputs: ports },
  onnx: { opset: count, graph: object },
  onnxBlock: {
    opset: count,
    graph: object,
    sha256: word,
    inputs: object,
    output: object,
    coils: count,
    standardized: flag,
    clamp: number,
  },
};
const knownOfNode: Types<Required<GraphNode>> = {
  name: label,
  from: listOf(label),
  join: oneOf("add", "subtract", "multiply", "maximum", "minimum", "concatenate"),
  layers,
};
/** What has no default. */
const needed: {
  readonly [K in Layer["kind"]]?: readonly Extract<keyof Extract<Layer, { kind: K }>, string>[];
} = {
  conv2d: ["outChannels", "kernelSize"],
  depthwiseConv2d: ["kernelSize"],
  separableConv2d: ["outChannels", "kernelSize"],
  convTranspose2d: ["outChannels", "kernelSize"],
  conv1d: ["outChannels", "kernelSize"],
  conv3d: ["outChannels", "kernelSize"],
  maxPool1d: ["kernelSize"],
  avgPool1d: ["kernelSize"],
  maxPool3d: ["kernelSize"],
  avgPool3d: ["kernelSize"],
  reduce: ["axes", "by"],
  shared: ["name", "layers"],
  custom: ["layer"],
  linear: ["outFeatures"],
  maxPool2d: ["kernelSize"],
  avgPool2d: ["kernelSize"],
  adaptiveMaxPool2d: ["outputSize"],
  adaptiveAvgPool2d: ["outputSize"],
  groupNorm: ["groups"],
  upsample: ["scale", "mode"],
  pixelShuffle: ["scale"],
  unflatten: ["shape"],
  dropout: ["probability"],
  dropout2d: ["probability"],
  unet: ["outChannels", "baseChannels", "depth"],
  residual: ["body"],
  branches: ["branches"],
  graph: ["nodes"],
  onnx: ["opset", "graph"],
  onnxBlock: ["opset", "graph", "inputs", "output"],
  piecewiseLinear: ["knots"],
  eachChannel: ["layers"],
  kSpaceCascades: ["cascades"],
  pad2d: ["before", "after"],
  crop2d: ["before", "after"],
  padded: ["multiple", "body"],
  standardized: ["body"],
  peakScaled: ["body"],
  repeated: ["times", "body"],
  gather: ["indices"],
  fieldOfExperts: ["filters", "kernelSize"],
  fastMriUnet: ["outChannels", "baseChannels", "pools"],
};

/** Far more than any network has; each brings values to its graph. */
const MOST_LAYERS = 10_000;
/** Layers, and those inside them. */
function countOf(value: unknown): number {
  if (!Array.isArray(value)) return 0;
  return value.reduce<number>((sum, item) => {
    if (Array.isArray(item)) return sum + countOf(item);
    if (!object.is(item)) return sum;
    return (
      sum + 1 + Object.values(item as object).reduce<number>((inside, v) => inside + countOf(v), 0)
    );
  }, 0);
}
/** Throws ConfigError for more layers than a graph can be made of, in all. */
export function checkCount(value: unknown): void {
  const count = countOf(value);
  if (count > MOST_LAYERS)
    throw new ConfigError(
      `layers: there are ${count} of them; a network has at most ${MOST_LAYERS}`,
      { count },
    );
}
/** Throws ConfigError when it is no list of objects. */
export function checkLayers(value: unknown): void {
  if (!layers.is(value))
    throw new ConfigError(`layers: it must be ${layers.what}, it is ${quoted(value)}`, {});
}
/**
 * Throws ConfigError for a kind of layer that there is not, an option that it has not or lacks, and
 * one of another type.
 */
export function checkLayer(name: string, layer: Layer): void {
  const kinds = Object.keys(known);
  const where = `layer ${withoutControls(name)}`;
  if (!object.is(layer))
    throw new ConfigError(`${where}: it must be an object, it is ${quoted(layer)}`, { name });
  const { kind, ...options } = layer;
  if (!Object.hasOwn(known, kind))
    throw new ConfigError(
      `${where}: there is no layer ${quoted(kind)}: ${near(String(kind), kinds)}there are ${kinds.join(", ")}`,
      { name },
    );
  refuse(where, options, known[kind], needed[kind] ?? []);
  if (layer.kind !== "graph") return;
  for (const node of layer.nodes)
    refuse(`${where}: node ${quoted(node.name)}`, node, knownOfNode, ["name", "from"]);
}
