// Random layers, for random-networks.mjs: each drawn for the shape that it is given, from every
// kind that PyTorch has too.
import { nn } from "fiducial/learning";

const pick = (rng, all) => all[rng.integer(all.length)];
const from = (rng, low, high) => low + rng.integer(high - low + 1);
const divisors = (n) => Array.from({ length: n }, (_, i) => i + 1).filter((d) => n % d === 0);
const either = (rng, of) => (rng.integer(2) === 0 ? of() : [of(), of()]);
const padding = (rng) => pick(rng, ["same", "valid", either(rng, () => rng.integer(3))]);

const activations = [
  "relu",
  "sigmoid",
  "tanh",
  "silu",
  "hardSigmoid",
  "hardSwish",
  "hardTanh",
  "leakyRelu",
  "prelu",
];
const smooth = ["elu", "gelu", "softplus"];
const activation = (rng) => nn[pick(rng, [...activations, ...smooth])]();

function convolution(rng, [C]) {
  const groups = pick(rng, divisors(C));
  const sizes = {
    kernelSize: either(rng, () => from(rng, 1, 4)),
    stride: either(rng, () => from(rng, 1, 3)),
  };
  const dilation = either(rng, () => from(rng, 1, 2));
  return nn.conv2d({
    outChannels: groups * from(rng, 1, 4),
    ...sizes,
    dilation,
    groups,
    padding: padding(rng),
    bias: rng.integer(2) === 0,
  });
}
function transposed(rng, [C]) {
  const groups = pick(rng, divisors(C));
  const stride = either(rng, () => from(rng, 1, 3));
  const least = typeof stride === "number" ? stride : Math.min(...stride);
  const options = {
    kernelSize: either(rng, () => from(rng, 2, 4)),
    stride,
    outputPadding: rng.integer(least),
  };
  return nn.convTranspose2d({
    outChannels: groups * from(rng, 1, 3),
    groups,
    padding: rng.integer(2),
    ...options,
  });
}
function pool(rng) {
  const kernelSize = either(rng, () => from(rng, 2, 3));
  const sizes = {
    kernelSize,
    stride: either(rng, () => from(rng, 1, 2)),
    padding: pick(rng, [0, 1, "same"]),
  };
  return pick(rng, [nn.maxPool2d, nn.avgPool2d])(sizes);
}
function norm(rng, [C, ...cells]) {
  const affine = rng.integer(2) === 0;
  const several = cells.reduce((n, d) => n * d, 1) > 1;
  const all = [
    nn.batchNorm2d({ affine }),
    nn.groupNorm({ groups: pick(rng, divisors(C)), affine }),
  ];
  return pick(
    rng,
    several ? [...all, nn.instanceNorm2d({ affine }), nn.layerNorm({ affine })] : all,
  );
}
function gate(rng, [C]) {
  const inner = [nn.globalAvgPool2d(), nn.conv2d({ outChannels: C, kernelSize: 1 }), nn.sigmoid()];
  const join = pick(rng, ["multiply", "add", "subtract", "maximum", "minimum"]);
  return nn.graph({
    nodes: [
      { name: "gate", from: ["x"], layers: inner },
      { name: "y", from: ["x", "gate"], join },
    ],
  });
}
function block(rng, [C]) {
  const keep = () => nn.conv2d({ outChannels: C, kernelSize: from(rng, 1, 3), padding: "same" });
  const shared = nn.shared({ name: "twice", layers: [keep()] });
  return pick(rng, [
    nn.residual({ body: [keep(), activation(rng), keep()] }),
    nn.branches({ branches: [[keep()], [pool1(), keep()]] }),
    nn.residual({ body: [shared, activation(rng), shared] }),
    nn.residual({ body: [nn.selfAttention2d({ heads: pick(rng, divisors(C)) })] }),
  ]);
}
const pool1 = () => nn.maxPool2d({ kernelSize: 3, stride: 1, padding: 1 });
const resize = (rng, [C]) =>
  pick(rng, [
    nn.upsample({ scale: 2, mode: pick(rng, ["nearest", "bilinear"]) }),
    nn.adaptiveAvgPool2d({ outputSize: [from(rng, 1, 4), from(rng, 1, 4)] }),
    nn.adaptiveMaxPool2d({ outputSize: [from(rng, 1, 4), from(rng, 1, 4)] }),
    nn.reduce({ axes: [pick(rng, [1, 2, 3])], by: pick(rng, ["mean", "max", "sum"]) }),
    ...(C % 4 === 0 ? [nn.pixelShuffle({ scale: 2 })] : []),
  ]);
const ofImages = [
  convolution,
  convolution,
  transposed,
  pool,
  norm,
  gate,
  block,
  resize,
  activation,
];
const separable = (rng) =>
  pick(rng, [
    nn.depthwiseConv2d({
      kernelSize: from(rng, 1, 3),
      multiplier: from(rng, 1, 2),
      padding: padding(rng),
    }),
    nn.separableConv2d({
      outChannels: from(rng, 1, 5),
      kernelSize: from(rng, 2, 3),
      padding: "same",
    }),
  ]);
const line = (rng, [C]) =>
  pick(rng, [
    nn.conv1d({
      outChannels: from(rng, 1, 5),
      kernelSize: from(rng, 1, 4),
      stride: from(rng, 1, 2),
      dilation: from(rng, 1, 2),
      padding: rng.integer(3),
    }),
    nn.maxPool1d({ kernelSize: 2 }),
    nn.avgPool1d({ kernelSize: 3, stride: 1, padding: 1 }),
    nn.batchNorm1d(),
    activation(rng),
    ...(C > 1 ? [nn.reduce({ axes: [1], by: "max" })] : []),
  ]);
const volume = (rng) =>
  pick(rng, [
    nn.conv3d({
      outChannels: from(rng, 1, 4),
      kernelSize: [from(rng, 1, 3), from(rng, 1, 3), from(rng, 1, 2)],
      stride: [1, from(rng, 1, 2), 1],
      padding: [1, 1, 0],
    }),
    nn.maxPool3d({ kernelSize: 2, stride: 1 }),
    nn.avgPool3d({ kernelSize: [2, 1, 2] }),
    nn.batchNorm3d(),
    activation(rng),
  ]);
const features = (rng) =>
  pick(rng, [
    nn.linear({ outFeatures: from(rng, 1, 8) }),
    activation(rng),
    nn.softmax(),
    nn.batchNorm1d(),
  ]);

/** A layer that may stand behind an output of this shape, without the batch. */
export function randomLayer(rng, shape) {
  if (shape.length === 1) return features(rng);
  if (rng.integer(12) === 0) return nn.flatten();
  if (shape.length === 2) return line(rng, shape);
  if (shape.length === 4) return volume(rng);
  return pick(rng, [...ofImages, separable])(rng, shape);
}
/** One sample's shape: mostly an image, sometimes a line or a volume. */
export function randomInput(rng) {
  const kind = rng.integer(8);
  const side = () => from(rng, 5, 12);
  if (kind === 0) return [from(rng, 1, 4), from(rng, 8, 20)];
  if (kind === 1) return [from(rng, 1, 3), from(rng, 3, 6), from(rng, 4, 7), from(rng, 4, 7)];
  return [from(rng, 1, 8), side(), side()];
}
