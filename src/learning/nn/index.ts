// The names under `nn`, in PyTorch's words.
export {
  fanInUniform,
  kaimingNormal,
  normal,
  xavierUniform,
  type Initializer,
} from "./initializers.ts";
export {
  branches,
  eachChannel,
  graph,
  residual,
  shared,
  unetBlock,
  type GraphNode,
} from "./block-layers.ts";
export {
  adaptiveAvgPool2d,
  adaptiveMaxPool2d,
  avgPool2d,
  batchNorm1d,
  batchNorm2d,
  batchNorm3d,
  conv2d,
  convTranspose2d,
  depthwiseConv2d,
  dropout,
  dropout2d,
  elu,
  flatten,
  gelu,
  globalAvgPool2d,
  globalMaxPool2d,
  groupNorm,
  hardSigmoid,
  hardSwish,
  hardTanh,
  instanceNorm2d,
  layerNorm,
  leakyRelu,
  linear,
  maxPool2d,
  pixelShuffle,
  prelu,
  reduce,
  relu,
  separableConv2d,
  sigmoid,
  silu,
  softmax,
  softplus,
  tanh,
  unflatten,
  upsample,
  type Layer,
} from "./layers.ts";
export { selfAttention2d } from "./attention.ts";
export {
  defineActivation,
  defineLayer,
  option,
  type AllOptions,
  type CustomLayer,
  type GivenOptions,
  type LayerDefinition,
  type LayerScope,
  type Option,
} from "./custom.ts";
export { avgPool1d, avgPool3d, conv1d, conv3d, maxPool1d, maxPool3d } from "./lines-and-volumes.ts";
export { chained, firstLayers } from "./cutting.ts";
export { piecewiseLinear } from "./piecewise.ts";
export { proximalStep, scale } from "./unrolled.ts";
export {
  affine,
  complexImage,
  conjugateGradient,
  crop2d,
  dataConsistency,
  fastMriUnetBlock,
  fieldOfExperts,
  gather,
  kSpaceCascades,
  magnitude,
  pad2d,
  padded,
  peakScaled,
  radialBasis,
  realPart,
  repeated,
  softThreshold,
  standardized,
  transposeImage,
  zeroMean,
} from "./reconstruction-layers.ts";
export { automap, lenet5, resnet18, resnet20, smallVgg, unet } from "./architectures.ts";
export { joinInputs, model, splitOutputs } from "./model.ts";
export {
  sequential,
  type Architecture,
  type Network,
  type Parameter,
  type Provenance,
} from "./network.ts";
