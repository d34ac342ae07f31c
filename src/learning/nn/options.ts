// Which options a layer has, and of which type. One that it lacks is refused by name: "strides": 2
// would otherwise train at stride 1 without a word. So is "stride": "2", as a file may have it.
import { ConfigError, quoted, withoutControls } from "../../engine/index.ts";
import type { GraphNode, Layer } from "./layers.ts";
import { MOST_CELLS } from "./scope.ts";

/** What a value must be: in words, and whether it is. */
interface Type {
  readonly what: string;
  is(value: unknown): boolean;
}
const whole =
  (from: number, to: number) =>
  (v: unknown): boolean =>
    Number.isSafeInteger(v) && (v as number) >= from && (v as number) <= to;
const count: Type = { what: "a whole number from 1 up", is: whole(1, Number.MAX_SAFE_INTEGER) };
const cells: Type = { what: `a whole number from 1 to ${MOST_CELLS}`, is: whole(1, MOST_CELLS) };
const gap: Type = { what: `a whole number from 0 to ${MOST_CELLS}`, is: whole(0, MOST_CELLS) };
const number: Type = { what: "a number", is: Number.isFinite };
const flag: Type = { what: "true or false", is: (v) => typeof v === "boolean" };
const word: Type = { what: "a text", is: (v) => typeof v === "string" };
const oneOf = (...words: readonly string[]): Type => ({
  what: `one of ${words.join(", ")}`,
  is: (v) => words.includes(v as string),
});
const listOf = ({ what, is }: Type): Type => ({
  what: `a list, each of it ${what}`,
  is: (v) => Array.isArray(v) && v.every((item) => is(item)),
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
const padding: Type = {
  what: `${gap.what}, "same" or "valid"`,
  is: (v) => v === "same" || v === "valid" || gap.is(v),
};
const object: Type = { what: "an object", is: (v) => typeof v === "object" && v !== null && !Array.isArray(v) };
const layers: Type = listOf(object);
const nodes = listOf(object);
const epsilon = number;
const affine = flag;

type Types<T> = Readonly<Record<Exclude<keyof T, "kind">, Type>>;
/** Every option of every layer; leaving one out, or one too many, does not compile. */
const known: { readonly [K in Layer["kind"]]: Types<Required<Extract<Layer, { kind: K }>>> } = {
  conv2d: {
    outChannels: count,
    kernelSize: cells,
    stride: cells,
    padding,
    paddingMode: oneOf("zeros", "reflect", "replicate", "circular"),
    dilation: cells,
    groups: count,
    bias: flag,
  },
  convTranspose2d: { outChannels: count, kernelSize: cells, stride: cells, padding: gap, bias: flag },
  linear: { outFeatures: count, bias: flag },
  maxPool2d: { kernelSize: cells, stride: cells, padding: gap, ceilMode: flag },
  avgPool2d: { kernelSize: cells, stride: cells, padding: gap, ceilMode: flag, countIncludePad: flag },
  adaptiveMaxPool2d: { outputSize: pair },
  adaptiveAvgPool2d: { outputSize: pair },
  instanceNorm2d: { epsilon, affine },
  batchNorm2d: { epsilon, momentum: number, affine },
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
  kSpaceCascades: { cascades: listOf(layers), step: number, sensitivities: layers, calibrationColumns: cells },
  pad2d: { before: margins, after: margins, mode: oneOf("zeros", "reflect", "replicate", "circular", "symmetric") },
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
  graph: { nodes },
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
  name: word,
  from: listOf(word),
  join: oneOf("add", "subtract", "multiply", "concatenate"),
  layers,
};
/** What has no default. */
const needed: { readonly [K in Layer["kind"]]?: readonly Extract<keyof Extract<Layer, { kind: K }>, string>[] } = {
  conv2d: ["outChannels", "kernelSize"],
  convTranspose2d: ["outChannels", "kernelSize"],
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

/** Letters to change, add or take away to make one word of the other (Levenshtein). */
function edits(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next.push(Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length];
}
/** "did you mean X? " where one of the words is near. */
function near(word: string, words: readonly string[]): string {
  const distance = (other: string): number => edits(word.toLowerCase(), other.toLowerCase());
  const [best] = [...words].sort((p, q) => distance(p) - distance(q));
  return best !== undefined && distance(best) <= Math.max(2, word.length / 2) ? `did you mean ${best}? ` : "";
}
function refuse(where: string, given: object, types: Readonly<Record<string, Type>>, must: readonly string[]): void {
  const names = Object.keys(types);
  for (const [option, value] of Object.entries(given)) {
    if (!Object.hasOwn(types, option)) {
      const all = names.length > 0 ? `it has ${names.join(", ")}` : "it has none";
      throw new ConfigError(`${where} has no option ${quoted(option)}: ${near(option.slice(0, 60), names)}${all}`, {
        option,
      });
    }
    if (value !== undefined && !types[option].is(value))
      throw new ConfigError(`${where}: ${option} must be ${types[option].what}, it is ${quoted(value)}`, { option });
  }
  const missing = must.find((name) => !Object.hasOwn(given, name));
  if (missing !== undefined) throw new ConfigError(`${where} lacks its option "${missing}"`, { option: missing });
}

/** Far more than any network has; each brings values to its graph. */
const MOST_LAYERS = 10_000;
/** Layers, and those inside them. */
function countOf(value: unknown): number {
  if (!Array.isArray(value)) return 0;
  return value.reduce<number>((sum, item) => {
    if (Array.isArray(item)) return sum + countOf(item);
    if (!object.is(item)) return sum;
    return sum + 1 + Object.values(item as object).reduce<number>((inside, v) => inside + countOf(v), 0);
  }, 0);
}
/** Throws ConfigError for more layers than a graph can be made of, in all. */
export function checkCount(value: unknown): void {
  const count = countOf(value);
  if (count > MOST_LAYERS)
    throw new ConfigError(`layers: there are ${count} of them; a network has at most ${MOST_LAYERS}`, { count });
}
/** Throws ConfigError when it is no list of objects. */
export function checkLayers(value: unknown): void {
  if (!layers.is(value)) throw new ConfigError(`layers: it must be ${layers.what}, it is ${quoted(value)}`, {});
}
/**
 * Throws ConfigError for a kind of layer that there is not, an option that it has not or lacks, and
 * one of another type.
 */
export function checkLayer(name: string, layer: Layer): void {
  const kinds = Object.keys(known);
  if (!object.is(layer)) throw new ConfigError(`layer ${name}: it must be an object, it is ${quoted(layer)}`, { name });
  const { kind, ...options } = layer;
  if (!Object.hasOwn(known, kind))
    throw new ConfigError(
      `layer ${withoutControls(name)}: there is no layer ${quoted(kind)}: ${near(String(kind).slice(0, 60), kinds)}there are ${kinds.join(", ")}`,
      { name },
    );
  refuse(`layer ${name}`, options, known[kind], needed[kind] ?? []);
  if (layer.kind !== "graph") return;
  for (const node of layer.nodes)
    refuse(`layer ${name}: node ${quoted(node.name)}`, node, knownOfNode, ["name", "from"]);
}
