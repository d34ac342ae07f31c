// The names under `nn`, in PyTorch's words.
export { fanInUniform, kaimingNormal, xavierUniform, type Initializer } from "./initializers.ts";
export {
  adaptiveAvgPool2d, adaptiveMaxPool2d, avgPool2d, batchNorm2d, branches, conv2d, convTranspose2d, dropout, elu, flatten, gelu, globalAvgPool2d, globalMaxPool2d, graph, groupNorm,
  hardSigmoid, hardSwish, hardTanh, instanceNorm2d, layerNorm, leakyRelu, linear, maxPool2d, pixelShuffle, prelu, relu, residual, sigmoid, silu, softmax, softplus, tanh, unetBlock, unflatten, upsample, type Layer,
} from "./layers.ts";
export { automap, lenet5, resnet18, resnet20, sequential, smallVgg, unet, type Architecture, type Network, type Parameter, type Provenance } from "./network.ts";
