// Which options a layer has. One that it lacks is refused by name: "strides": 2 would otherwise
// train at stride 1 without a word.
import { ConfigError } from "../../engine/index.ts";
import type { GraphNode, Layer } from "./layers.ts";

type Names<T> = Readonly<Record<Exclude<keyof T, "kind">, true>>;
/** Every option of every layer; leaving one out, or one too many, does not compile. */
const known: { readonly [K in Layer["kind"]]: Names<Required<Extract<Layer, { kind: K }>>> } = {
  conv2d: {
    outChannels: true,
    kernelSize: true,
    stride: true,
    padding: true,
    paddingMode: true,
    dilation: true,
    groups: true,
    bias: true,
  },
  convTranspose2d: { outChannels: true, kernelSize: true, stride: true, padding: true, bias: true },
  linear: { outFeatures: true, bias: true },
  maxPool2d: { kernelSize: true, stride: true, padding: true, ceilMode: true },
  avgPool2d: { kernelSize: true, stride: true, padding: true, ceilMode: true, countIncludePad: true },
  adaptiveMaxPool2d: { outputSize: true },
  adaptiveAvgPool2d: { outputSize: true },
  instanceNorm2d: { epsilon: true, affine: true },
  batchNorm2d: { epsilon: true, momentum: true, affine: true },
  groupNorm: { groups: true, epsilon: true, affine: true },
  layerNorm: { epsilon: true, affine: true },
  upsample: { scale: true, mode: true },
  pixelShuffle: { scale: true },
  relu: {},
  sigmoid: {},
  tanh: {},
  silu: {},
  hardSigmoid: {},
  hardSwish: {},
  hardTanh: {},
  flatten: {},
  unflatten: { shape: true },
  leakyRelu: { slope: true },
  prelu: { initial: true },
  elu: { alpha: true },
  gelu: { approximate: true },
  softplus: { beta: true },
  softmax: { temperature: true },
  dropout: { probability: true, seed: true },
  unet: { outChannels: true, baseChannels: true, depth: true, residual: true },
  residual: { body: true, shortcut: true },
  branches: { branches: true },
  graph: { nodes: true },
};
const knownOfNode: Names<Required<GraphNode>> = { name: true, from: true, join: true, layers: true };

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
function refuse(where: string, given: object, names: readonly string[]): void {
  const unknown = Object.keys(given).find((key) => !names.includes(key));
  if (unknown === undefined) return;
  const all = names.length > 0 ? `it has ${names.join(", ")}` : "it has none";
  throw new ConfigError(`${where} has no option "${unknown}": ${near(unknown, names)}${all}`, { option: unknown });
}

/** Throws ConfigError for a kind of layer that there is not, or an option that it has not. */
export function checkLayer(name: string, layer: Layer): void {
  const kinds = Object.keys(known);
  if (!Object.hasOwn(known, layer.kind))
    throw new ConfigError(
      `layer ${name}: there is no layer "${layer.kind}": ${near(String(layer.kind), kinds)}there are ${kinds.join(", ")}`,
      { name },
    );
  const { kind: _, ...options } = layer;
  refuse(`layer ${name}`, options, Object.keys(known[layer.kind]));
  if (layer.kind !== "graph") return;
  for (const node of layer.nodes) refuse(`layer ${name}: node "${node.name}"`, node, Object.keys(knownOfNode));
}
