// Networks that have a name, as stacks of layers.
import { present, type Shape } from "../../engine/index.ts";
import { kaimingNormal, xavierUniform } from "./initializers.ts";
import { unetBlock } from "./block-layers.ts";
import type { Layer } from "./layers.ts";
import { sequential, type Network } from "./network.ts";

/** The U-Net for images [inChannels,H,W]; see unetBlock. */
export function unet(options: {
  inChannels: number;
  outChannels: number;
  baseChannels: number;
  depth: number;
  seed: number;
  size?: readonly [number, number];
  residual?: boolean;
  norm?: "instance" | "none";
}): Network {
  const {
    inChannels,
    outChannels,
    baseChannels,
    depth,
    residual = false,
    norm,
    size = [2 ** (depth + 1), 2 ** (depth + 1)],
  } = options;
  return sequential({
    input: [inChannels, ...size],
    seed: options.seed,
    layers: [unetBlock({ outChannels, baseChannels, depth, residual, ...present({ norm }) })],
    ...(norm === "none" ? { initializer: kaimingNormal() } : {}),
  });
}

/**
 * A dense network from the measurement [2,H,W] itself to the image: two fully connected layers with
 * tanh, two 5×5 convolutions with ReLU, one 7×7. It learns the Fourier transform, too. Source: Zhu
 * et al. 2018 (AUTOMAP), there 25,000 hidden nodes and 64 channels for 128², with Xavier's first
 * weights.
 */
export function automap(options: {
  size: readonly [number, number];
  hidden: number;
  channels?: number;
  seed: number;
}): Network {
  const {
    size: [H, W],
    hidden,
    channels = 16,
    seed,
  } = options;
  const conv = (outChannels: number, kernelSize: number): Layer => ({
    kind: "conv2d",
    outChannels,
    kernelSize,
    padding: "same",
  });
  return sequential({
    input: [2, H, W],
    seed,
    initializer: xavierUniform(),
    layers: [
      { kind: "flatten" },
      { kind: "linear", outFeatures: hidden },
      { kind: "tanh" },
      { kind: "linear", outFeatures: 2 * H * W },
      { kind: "tanh" },
      { kind: "unflatten", shape: [2, H, W] },
      conv(channels, 5),
      { kind: "relu" },
      conv(channels, 5),
      { kind: "relu" },
      conv(2, 7),
    ],
  });
}

/**
 * LeNet-5 with ReLU and max-pooling, for 28×28 grey images unless `input` says otherwise (28×28 are
 * padded to 32×32 first). Source: LeCun et al. 1998, in its modern form.
 */
export function lenet5(options: { classes?: number; seed: number; input?: Shape }): Network {
  const { input = [1, 28, 28], classes = 10, seed } = options;
  const conv = (outChannels: number, padding: number): Layer => ({
    kind: "conv2d",
    outChannels,
    kernelSize: 5,
    padding,
  });
  const pool: Layer = { kind: "maxPool2d", kernelSize: 2 };
  const dense = (outFeatures: number): Layer => ({ kind: "linear", outFeatures });
  const on: Layer = { kind: "relu" };
  return sequential({
    input,
    seed,
    layers: [
      conv(6, input[1] === 28 ? 2 : 0),
      on,
      pool,
      conv(16, 0),
      on,
      pool,
      { kind: "flatten" },
      dense(120),
      on,
      dense(84),
      on,
      dense(classes),
    ],
  });
}

const batchNormalised = (outChannels: number, stride = 1): Layer[] => [
  { kind: "conv2d", outChannels, kernelSize: 3, stride, padding: 1, bias: false },
  { kind: "batchNorm2d" },
];
/**
 * Two 3×3 convolutions with batch norm around a shortcut, which is a strided 1×1 convolution where
 * the shape changes.
 */
function basicBlock(inChannels: number, outChannels: number, stride: number): Layer[] {
  const projection: Layer[] = [
    { kind: "conv2d", outChannels, kernelSize: 1, stride, bias: false },
    { kind: "batchNorm2d" },
  ];
  const shortcut = stride === 1 && inChannels === outChannels ? undefined : projection;
  return [
    {
      kind: "residual",
      body: [
        ...batchNormalised(outChannels, stride),
        { kind: "relu" },
        ...batchNormalised(outChannels),
      ],
      ...(shortcut ? { shortcut } : {}),
    },
    { kind: "relu" },
  ];
}
function stages(channels: readonly number[], blocks: number): Layer[] {
  return channels.flatMap((outChannels, i) =>
    Array.from({ length: blocks }, (_, k) =>
      basicBlock(
        k === 0 ? channels[Math.max(0, i - 1)] : outChannels,
        outChannels,
        k === 0 && i > 0 ? 2 : 1,
      ),
    ).flat(),
  );
}
const head = (classes: number): Layer[] => [
  { kind: "adaptiveAvgPool2d", outputSize: [1, 1] },
  { kind: "flatten" },
  { kind: "linear", outFeatures: classes },
];

/**
 * ResNet-20 for small images: 16, 32 and 64 channels, three blocks each. Source: He et al. 2016,
 * section 4.2, with convolutional shortcuts.
 */
export function resnet20(options: { classes?: number; seed: number; input?: Shape }): Network {
  const { input = [3, 32, 32], classes = 10, seed } = options;
  return sequential({
    input,
    seed,
    initializer: kaimingNormal(),
    layers: [
      ...batchNormalised(16),
      { kind: "relu" },
      ...stages([16, 32, 64], 3),
      ...head(classes),
    ],
  });
}
/**
 * ResNet-18: a 7×7 convolution of stride 2 and a max pool, then 64 to 512 channels, two blocks
 * each. Source: He et al. 2016.
 */
export function resnet18(options: { classes?: number; seed: number; input?: Shape }): Network {
  const { input = [3, 224, 224], classes = 1000, seed } = options;
  return sequential({
    input,
    seed,
    initializer: kaimingNormal(),
    layers: [
      { kind: "conv2d", outChannels: 64, kernelSize: 7, stride: 2, padding: 3, bias: false },
      { kind: "batchNorm2d" },
      { kind: "relu" },
      { kind: "maxPool2d", kernelSize: 3, stride: 2, padding: 1 },
      ...stages([64, 128, 256, 512], 2),
      ...head(classes),
    ],
  });
}
/**
 * A small VGG: pairs of 3×3 convolutions with batch norm, 32, 64 and 128 channels, max-pooling
 * between, one hidden layer with dropout. Source: Simonyan & Zisserman 2015, scaled down.
 */
export function smallVgg(options: { classes?: number; seed: number; input?: Shape }): Network {
  const { input = [3, 32, 32], classes = 10, seed } = options;
  const pair = (channels: number): Layer[] => [
    ...batchNormalised(channels),
    { kind: "relu" },
    ...batchNormalised(channels),
    { kind: "relu" },
    { kind: "maxPool2d", kernelSize: 2 },
  ];
  return sequential({
    input,
    seed,
    initializer: kaimingNormal({ linear: 0.01 }),
    layers: [
      ...[32, 64, 128].flatMap(pair),
      { kind: "flatten" },
      { kind: "linear", outFeatures: 128 },
      { kind: "relu" },
      { kind: "dropout", probability: 0.5 },
      { kind: "linear", outFeatures: classes },
    ],
  });
}
