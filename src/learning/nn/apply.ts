// How each layer becomes graph nodes. A wrong stack fails here, naming the layer, its input and the
// mend.
import { arithmetic, formatShape, ShapeError, sizeOf, type Value } from "../../engine/index.ts";
import { dropout, elu, gelu, leakyRelu, plain, prelu, softmax, softplus } from "./activations.ts";
import { applySelfAttention2d } from "./attention.ts";
import { branches, eachChannel, graph, residual } from "./blocks.ts";
import {
  conv2d,
  convTranspose2d,
  depthwiseConv2d,
  pixelShuffle,
  separableConv2d,
  upsample,
} from "./convolutions.ts";
import { custom } from "./custom.ts";
import { conjugateGradient, dataConsistency, kSpaceCascades } from "./data-consistency.ts";
import { fieldOfExperts, radialBasis, softThreshold } from "./experts.ts";
import { fastMriUnet } from "./fastmri-unet.ts";
import { affine, crop2d, gather, imagePart, pad2d } from "./image-parts.ts";
import { onnxBlock } from "../onnx/block.ts";
import { onnx } from "../onnx/layer.ts";
import type { Layer } from "./layers.ts";
import { applyConv1d, applyConv3d, applyPool1d, applyPool3d } from "./lines-and-volumes.ts";
import { checkLayer } from "./options.ts";
import { batchNorm, groupNorm, instanceNorm2d, layerNorm } from "./normalizations.ts";
import { applyPiecewiseLinear } from "./piecewise.ts";
import { adaptivePool2d, avgPool2d, maxPool2d, reduce } from "./pools.ts";
import { padded, peakScaled, repeated, standardized } from "./scaled-blocks.ts";
import type { Apply, Scope } from "./scope.ts";
import { shared } from "./sharing.ts";
import { unet } from "./unet.ts";
import { applyProximalStep, applyScale } from "./unrolled.ts";

const activation =
  (kind: keyof typeof plain) =>
  (scope: Scope, _name: string, x: Value): Value =>
    plain[kind](scope.b, x);
const appliers: { readonly [K in Layer["kind"]]: Apply<Extract<Layer, { kind: K }>> } = {
  custom,
  conv2d,
  depthwiseConv2d,
  separableConv2d,
  convTranspose2d,
  conv1d: applyConv1d,
  conv3d: applyConv3d,
  maxPool1d: applyPool1d,
  avgPool1d: applyPool1d,
  maxPool3d: applyPool3d,
  avgPool3d: applyPool3d,
  selfAttention2d: applySelfAttention2d,
  reduce,
  shared,
  maxPool2d,
  avgPool2d,
  adaptiveMaxPool2d: adaptivePool2d,
  adaptiveAvgPool2d: adaptivePool2d,
  upsample,
  pixelShuffle,
  instanceNorm2d,
  batchNorm1d: batchNorm,
  batchNorm2d: batchNorm,
  batchNorm3d: batchNorm,
  groupNorm,
  layerNorm,
  relu: activation("relu"),
  sigmoid: activation("sigmoid"),
  tanh: activation("tanh"),
  silu: activation("silu"),
  hardSigmoid: activation("hardSigmoid"),
  hardSwish: activation("hardSwish"),
  hardTanh: activation("hardTanh"),
  leakyRelu,
  prelu,
  elu,
  gelu,
  softplus,
  softmax,
  dropout,
  dropout2d: dropout,
  unet,
  residual,
  branches,
  graph,
  onnx,
  onnxBlock,
  eachChannel,
  piecewiseLinear: applyPiecewiseLinear,
  proximalStep: applyProximalStep,
  scale: applyScale,
  linear: ({ b, parameter }, name, x, { outFeatures, bias = true }) => {
    if (x.shape.length !== 2)
      throw new ShapeError(
        `layer ${name}: its input is ${formatShape(x.shape)}, linear takes [N×features]; put flatten() before it`,
        { name, shape: x.shape },
      );
    const w = parameter(`${name}.weight`, [outFeatures, x.shape[1]], x.shape[1]);
    const y = b.emit("matmul", { a: x, b: w }, { transposeA: false, transposeB: true });
    return bias ? arithmetic(b).add(y, parameter(`${name}.bias`, [outFeatures], x.shape[1])) : y;
  },
  dataConsistency,
  conjugateGradient,
  kSpaceCascades,
  pad2d,
  crop2d,
  padded,
  standardized,
  peakScaled,
  repeated,
  affine,
  gather,
  softThreshold,
  radialBasis,
  fieldOfExperts,
  fastMriUnet,
  magnitude: imagePart,
  realPart: imagePart,
  complexImage: imagePart,
  transposeImage: imagePart,
  zeroMean: imagePart,
  unflatten: ({ b }, _name, x, { shape }) => arithmetic(b).reshape(x, [x.shape[0], ...shape]),
  flatten: ({ b }, _name, x) => arithmetic(b).reshape(x, [x.shape[0], sizeOf(x.shape.slice(1))]),
};

/**
 * Adds one layer to the graph. Throws ShapeError or ConfigError naming the layer, or what the op
 * itself says, with the layer's name before it.
 */
export function applyLayer(scope: Scope, name: string, x: Value, layer: Layer): Value {
  checkLayer(name, layer);
  const apply = appliers[layer.kind] as Apply<Layer>;
  try {
    return apply(scope, name, x, layer);
  } catch (error) {
    if (error instanceof ShapeError && !error.message.startsWith("layer "))
      throw new ShapeError(`layer ${name} (${layer.kind}): ${error.message}`, {
        ...error.data,
        name,
      });
    throw error;
  }
}
