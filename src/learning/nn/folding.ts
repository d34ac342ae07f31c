// A batch norm that only evaluates is a factor and a shift for every channel: they go into the
// weights and the bias of the convolution before it.
import { sizeOf, type Shape } from "../../engine/index.ts";
import { kindOf } from "./blocks.ts";
import type { BatchNorm, Layer } from "./layers.ts";
import type { Placed } from "./scope.ts";

interface Parameter {
  readonly shape: Shape;
  readonly data: Float32Array;
}
/** One that is made when it is asked for: large weights all at once would hold a page up. */
export interface Made {
  readonly shape: Shape;
  readonly make: () => Float32Array;
}
type Parameters = ReadonlyMap<string, Parameter>;
type Weighted = Extract<
  Layer,
  { kind: "conv1d" | "conv2d" | "conv3d" | "depthwiseConv2d" | "convTranspose2d" | "linear" }
>;
const weighted: readonly string[] = [
  "conv1d",
  "conv2d",
  "conv3d",
  "depthwiseConv2d",
  "convTranspose2d",
  "linear",
];
const isWeighted = (layer: Layer): layer is Weighted =>
  weighted.includes(kindOf(layer)) &&
  !(layer.kind === "convTranspose2d" && (layer.groups ?? 1) > 1);
const isNorm = (layer: Layer): layer is BatchNorm => kindOf(layer).startsWith("batchNorm");

/** The factor and the shift of a batch norm in evaluation, by channel, in float64. */
function factors(
  parameters: Parameters,
  name: string,
  { epsilon = 1e-5, affine = true }: BatchNorm,
) {
  const read = (key: string): Parameter | undefined => parameters.get(`${name}.${key}`);
  const [mean, variance, weight, bias] = ["runningMean", "runningVariance", "weight", "bias"].map(
    read,
  );
  if (!mean || !variance || (affine && !(weight && bias))) return undefined;
  const gain = Float64Array.from(
    variance.data,
    (v, c) => (weight?.data[c] ?? 1) / Math.sqrt(v + epsilon),
  );
  const shift = Float64Array.from(mean.data, (m, c) => (bias?.data[c] ?? 0) - m * gain[c]);
  return { gain, shift, shape: mean.shape };
}

/** Values times a factor for every place along an axis. */
function scaled({ shape, data }: Parameter, factor: Float64Array, axis: number): Float32Array {
  const inner = sizeOf(shape.slice(axis + 1));
  const out = new Float32Array(data.length);
  for (let at = 0, place = 0; at < data.length; at += inner, place++) {
    const own = factor[place % shape[axis]];
    for (let i = at; i < at + inner; i++) out[i] = data[i] * own;
  }
  return out;
}

/**
 * The layer, with weights of its own, that does what a convolution or linear layer and the batch
 * norm right behind it do in evaluation; undefined for other layers.
 */
export function foldedNorm(
  parameters: Parameters,
  first: Placed,
  second: Placed,
): { layer: Layer; parameters: ReadonlyMap<string, Made> } | undefined {
  const [layer, norm] = [first.layer, second.layer];
  if (!isWeighted(layer) || !isNorm(norm)) return undefined;
  const found = factors(parameters, second.name, norm);
  const weight = parameters.get(`${first.name}.weight`);
  // what lacks is told of where the layer itself asks for it
  if (!found || !weight) return undefined;
  const { gain, shift, shape } = found;
  const own = layer.bias === false ? undefined : parameters.get(`${first.name}.bias`);
  const axis = layer.kind === "convTranspose2d" ? 1 : 0;
  const bias = () => Float32Array.from(shift, (s, c) => s + (own ? own.data[c] * gain[c] : 0));
  return {
    layer: { ...layer, bias: true },
    parameters: new Map([
      [`${first.name}.weight`, { shape: weight.shape, make: () => scaled(weight, gain, axis) }],
      [`${first.name}.bias`, { shape, make: bias }],
    ]),
  };
}
