// One node of a layer of weights, term by term: its sum, and the chain rule for each of its
// weights.
import {
  ConfigError,
  formatShape,
  gradients,
  GraphBuilder,
  ops,
  sizeOf,
  type Backend,
} from "../../engine/index.ts";
import { placeIn } from "../nn/convolutions.ts";
import type { Conv2d, ConvTranspose2d, Layer, Linear } from "../nn/layers.ts";
import { windowsOf } from "../nn/per-axis.ts";
import type { Loss } from "../train/losses/loss.ts";
import { layerName, type Network } from "../nn/network.ts";
import { costOf, layersOf, trace, type StatisticsOption } from "./trace.ts";

export interface NodeTerm {
  /** Where the input value is: [feature], or [channel, row, column]. */
  readonly at: readonly number[];
  readonly input: number;
  readonly weight: number;
  readonly product: number;
}
/** z = Σ input·weight + bias */
export interface NodeExplanation {
  readonly terms: readonly NodeTerm[];
  readonly bias: number;
  readonly sum: number;
}

type Weighted = Linear | Conv2d | ConvTranspose2d;
const isWeighted = (layer: Layer | undefined): layer is Weighted =>
  layer?.kind === "linear" || layer?.kind === "conv2d" || layer?.kind === "convTranspose2d";

/**
 * Which input value, [feature] or [channel, row, column], meets which weight, by its flat index.
 */
interface Meeting {
  readonly at: readonly number[];
  readonly weight: number;
}
/** `input` is the layer's input without the batch. Inputs in a padding of zeros are left out. */
function meetings(layer: Weighted, node: readonly number[], input: readonly number[]): Meeting[] {
  if (layer.kind === "linear")
    return Array.from({ length: input[0] }, (_, i) => ({
      at: [i],
      weight: node[0] * input[0] + i,
    }));
  return layer.kind === "conv2d"
    ? ofConvolution(layer, node, input)
    : ofTransposed(layer, node, input);
}
function ofConvolution(
  layer: Conv2d,
  node: readonly number[],
  input: readonly number[],
): Meeting[] {
  const { groups = 1, paddingMode = "zeros", outChannels } = layer;
  const [C, H, W] = input;
  const perGroup = C / groups;
  const first = Math.floor(node[0] / (outChannels / groups)) * perGroup;
  const [rows, columns] = windowsOf(layer, [H, W]);
  const all: Meeting[] = [];
  for (let c = 0; c < perGroup; c++)
    for (let i = 0; i < rows.kernel; i++)
      for (let j = 0; j < columns.kernel; j++) {
        let r = node[1] * rows.stride - rows.before + i * rows.dilation;
        let q = node[2] * columns.stride - columns.before + j * columns.dilation;
        if (paddingMode !== "zeros")
          [r, q] = [placeIn(H, r, paddingMode), placeIn(W, q, paddingMode)];
        if (r < 0 || r >= H || q < 0 || q >= W) continue;
        const weight = ((node[0] * perGroup + c) * rows.kernel + i) * columns.kernel + j;
        all.push({ at: [first + c, r, q], weight });
      }
  return all;
}
function ofTransposed(
  layer: ConvTranspose2d,
  node: readonly number[],
  input: readonly number[],
): Meeting[] {
  const { outChannels, groups = 1 } = layer;
  const [C, H, W] = input;
  const [rows, columns] = windowsOf(layer, [H, W]);
  const perGroup = outChannels / groups;
  const group = Math.floor(node[0] / perGroup);
  const all: Meeting[] = [];
  for (let c = (group * C) / groups; c < ((group + 1) * C) / groups; c++)
    for (let i = 0; i < rows.kernel; i++)
      for (let j = 0; j < columns.kernel; j++) {
        const r = (node[1] + rows.before - i * rows.dilation) / rows.stride;
        const q = (node[2] + columns.before - j * columns.dilation) / columns.stride;
        const inside =
          Number.isInteger(r) && Number.isInteger(q) && r >= 0 && r < H && q >= 0 && q < W;
        const weight =
          ((c * perGroup + (node[0] % perGroup)) * rows.kernel + i) * columns.kernel + j;
        if (inside) all.push({ at: [c, r, q], weight });
      }
  return all;
}

/** A layer with weights in the network's own list, and its place there. */
function findWeighted(
  what: string,
  network: Network,
  name: string,
): { layer: Weighted; index: number } {
  const { layers } = network.architecture;
  const index = layers.findIndex((l, i) => layerName(l, i) === name);
  const layer = layers[index];
  if (isWeighted(layer)) return { layer, index };
  const there = layers.flatMap((l, i) => (isWeighted(l) ? [layerName(l, i)] : []));
  throw new ConfigError(
    `${what}: "${name}" is no linear layer or convolution of the network's own list; there are ${there.join(", ")}`,
    { name },
  );
}
/** Throws ConfigError for a node that an output [N, …shape] has not. */
function checkNode(
  what: string,
  name: string,
  node: readonly number[],
  shape: readonly number[],
): void {
  if (
    node.length === shape.length - 1 &&
    node.every((v, i) => Number.isInteger(v) && v >= 0 && v < shape[i + 1])
  )
    return;
  throw new ConfigError(
    `${what}: there is no node ${formatShape(node)} in ${name}, whose output is ${formatShape(shape.slice(1))}`,
    { node },
  );
}
const flatIn = (shape: readonly number[], at: readonly number[]): number =>
  at.reduce((flat, v, i) => flat * shape[i + 1] + v, 0);

/**
 * The weighted sum of one node of a linear layer, convolution or transposed convolution of the
 * network's own list, term by term, for one input. `node` is [feature], or [channel, row, column].
 * Inputs in a padding of zeros are left out. Throws ConfigError for another layer or a node that is
 * not there.
 */
export async function explainNode(
  network: Network,
  options: {
    layer: string;
    node: readonly number[];
    input: ArrayLike<number>;
    backend: Backend;
  } & StatisticsOption,
): Promise<NodeExplanation> {
  const { layer: name, node, input, backend, statistics } = options;
  const { layer, index } = findWeighted("explainNode", network, name);
  const values = await trace(network, { inputs: input, backend, statistics });
  const from = values.get(
    index === 0 ? "input" : layerName(network.architecture.layers[index - 1], index - 1),
  )!;
  checkNode("explainNode", name, node, values.get(name)!.shape);
  const weights = network.parameters.get(`${name}.weight`)!.data;
  const bias = network.parameters.get(`${name}.bias`)?.data[node[0]] ?? 0;
  const terms = meetings(layer, node, from.shape.slice(1)).map(({ at, weight }) => {
    const value = from.data[flatIn(from.shape, at)];
    return { at, input: value, weight: weights[weight], product: value * weights[weight] };
  });
  return { terms, bias, sum: terms.reduce((s, t) => s + t.product, bias) };
}

/** One node a of the next layer, through which z reaches the cost. */
export interface ChainLink {
  /** Where the node is: [feature], or [channel, row, column]. */
  readonly at: readonly number[];
  readonly dadz: number;
  readonly dCda: number;
}
/** ∂C/∂w = ∂z/∂w · Σ ∂a/∂z · ∂C/∂a for one weight at one node, or for its bias. */
export interface ChainRule {
  /** The input value that the weight multiplies; 1 for the bias. */
  readonly dzdw: number;
  /**
   * The nodes of the next layer that z moves: its own activation, or every node of a softmax or of
   * a normalisation. In the output layer a is z itself.
   */
  readonly through: readonly ChainLink[];
  /** ∂C/∂z = Σ dadz·dCda */
  readonly dCdz: number;
  /** dzdw·dCdz: this node's share of ∂C/∂w. */
  readonly product: number;
  /** ∂C/∂w, the sum over all nodes that share the weight; in a linear layer the product itself. */
  readonly total: number;
}

/**
 * The chain rule for every weight of one node z = Σ input·weight + bias, whatever layer follows it,
 * for one sample: in the order of explainNode's terms, then once more for the bias where there is
 * one. Throws ConfigError as explainNode does.
 */
export async function explainDerivatives(
  network: Network,
  options: {
    loss: Loss;
    layer: string;
    node: readonly number[];
    input: ArrayLike<number>;
    target: ArrayLike<number>;
    backend: Backend;
  } & StatisticsOption,
): Promise<ChainRule[]> {
  const { loss, layer: name, node, input, target, backend, statistics } = options;
  const { layer, index } = findWeighted("explainDerivatives", network, name);
  const b = new GraphBuilder(ops);
  const { y, parameters, layers } = layersOf(b, network, 1, { statistics });
  const values = new Map(layers);
  const z = values.get(name)!;
  checkNode("explainDerivatives", name, node, z.shape);
  const next = network.architecture.layers[index + 1];
  const a = next === undefined ? z : values.get(layerName(next, index + 1))!;
  const weight = parameters.get(`${name}.weight`)!;
  const bias = parameters.get(`${name}.bias`);
  const cost = costOf(b, loss, y, target);
  const [dCda, dCdw, dCdb] = gradients(b, cost, bias ? [a, weight, bias] : [a, weight]);
  // u ↦ (∂a/∂z)ᵀu is linear, so its derivative at the node is the column ∂a/∂z of that node
  const u = b.input("u", a.shape);
  const weightedSum = b.emit(
    "sum",
    { x: b.emit("mul", { a, b: u }, {}) },
    { axes: a.shape.map((_, i) => i) },
  );
  const chosen = new Float64Array(sizeOf(z.shape));
  chosen[flatIn(z.shape, node)] = 1;
  const [back] = gradients(b, weightedSum, [z]);
  const picked = b.emit("mul", { a: back, b: b.constant(chosen, z.shape) }, {});
  const [dadz] = gradients(b, b.emit("sum", { x: picked }, { axes: z.shape.map((_, i) => i) }), [
    u,
  ]);
  for (const [key, value] of Object.entries({ dCda, dCdw, dadz })) b.output(key, value);
  if (dCdb) b.output("dCdb", dCdb);
  const out = await (await backend.compile(b)).execute({
    input,
    target,
    u: new Float64Array(sizeOf(a.shape)),
  });

  const through: ChainLink[] = [];
  out.dadz.forEach((slope, flat) => {
    if (slope !== 0)
      through.push({ at: placeOf(a.shape, flat), dadz: slope, dCda: out.dCda[flat] });
  });
  const dCdz = through.reduce((s, link) => s + link.dadz * link.dCda, 0);
  const { terms } = await explainNode(network, { layer: name, node, input, backend, statistics });
  const from =
    index === 0
      ? layers[0][1]
      : values.get(layerName(network.architecture.layers[index - 1], index - 1))!;
  const rules = meetings(layer, node, from.shape.slice(1)).map(({ weight: flat }, i): ChainRule => {
    const dzdw = terms[i].input;
    return { dzdw, through, dCdz, product: dzdw * dCdz, total: out.dCdw[flat] };
  });
  if (bias) rules.push({ dzdw: 1, through, dCdz, product: dCdz, total: out.dCdb[node[0]] });
  return rules;
}
/** The place, without the batch, of a flat index. */
function placeOf(shape: readonly number[], flat: number): number[] {
  const at: number[] = [];
  let rest = flat;
  for (const n of shape.slice(1).reverse()) {
    at.unshift(rest % n);
    rest = Math.floor(rest / n);
  }
  return at;
}
