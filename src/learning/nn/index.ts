// The names under `nn`, in PyTorch's words.
export { fanInUniform, kaimingNormal, xavierUniform, type Initializer } from "./initializers.ts";
export { avgPool2d, conv2d, convTranspose2d, flatten, instanceNorm2d, linear, maxPool2d, relu, sigmoid, softmax, unetBlock, upsample, type Layer } from "./layers.ts";
export { lenet5, sequential, unet, type Architecture, type Network, type Parameter, type Provenance } from "./network.ts";
