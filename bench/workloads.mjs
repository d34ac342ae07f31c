// The workloads as data that every engine shares: inputs, parameters, sizes,
// floating-point operations, checksums.

/** Uniform numbers in [−scale, scale) by mulberry32, the same in every engine. */
export function fill(count, seed, scale) {
  const out = new Float32Array(count);
  let a = seed | 0;
  for (let i = 0; i < count; i++) {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    out[i] = ((((t ^ (t >>> 14)) >>> 0) / 4294967296) * 2 - 1) * scale;
  }
  return out;
}
const product = (shape) => shape.reduce((a, b) => a * b, 1);
/** The half-width of He's uniform initialisation. */
const he = (fanIn) => Math.sqrt(6 / fanIn);
const drawn = (shape, seed, scale) => ({ shape, data: fill(product(shape), seed, scale) });
const zeros = (shape) => ({ shape, data: new Float32Array(product(shape)) });
/** Σ|x| in float64: what engines must agree on. */
export const absoluteSum = (data) => data.reduce((sum, x) => sum + Math.abs(x), 0);

const LEVELS = [32, 64, 128, 256];
const BOTTLENECK = 512;
/** The U-Net's parameters by name, in PyTorch's layouts. */
export function unetParameters() {
  const all = {};
  let seed = 100;
  const conv = (name, out, inputs, size) => {
    all[name] = drawn([out, inputs, size, size], seed++, he(inputs * size * size));
  };
  let channels = 1;
  LEVELS.forEach((out, level) => {
    conv(`e${level}a`, out, channels, 3);
    conv(`e${level}b`, out, out, 3);
    channels = out;
  });
  conv("ba", BOTTLENECK, channels, 3);
  conv("bb", BOTTLENECK, BOTTLENECK, 3);
  channels = BOTTLENECK;
  [...LEVELS.keys()].reverse().forEach((level) => {
    const out = LEVELS[level];
    all[`u${level}`] = drawn([channels, out, 2, 2], seed++, he(channels));
    conv(`d${level}a`, out, 2 * out, 3);
    conv(`d${level}b`, out, out, 3);
    channels = out;
  });
  conv("out", 1, channels, 1);
  all.outb = zeros([1]);
  return all;
}
/** Halvings of DAGAN's generator, half as wide: out of each way down, in and out of each way up. */
export const GENERATOR_DOWN = [32, 64, 128, 256, 256, 256, 256, 256];
export const GENERATOR_UP = [
  [256, 256],
  [512, 512],
  [768, 512],
  [768, 512],
  [768, 128],
  [256, 64],
  [128, 32],
  [64, 32],
];
export function generatorParameters() {
  const all = {};
  let seed = 500;
  GENERATOR_DOWN.forEach((out, i) => {
    const inputs = GENERATOR_DOWN[i - 1] ?? 1;
    all[`d${i}`] = drawn([out, inputs, 4, 4], seed++, he(inputs * 16));
  });
  GENERATOR_UP.forEach(([inputs, out], i) => {
    // an output meets a quarter of the taps
    all[`u${i}`] = drawn([inputs, out, 4, 4], seed++, he(inputs * 4));
  });
  all.out = drawn([1, 32, 1, 1], seed, he(32));
  return all;
}
/** Multiplications and additions of a prediction. */
function generatorFlops(size) {
  const down = GENERATOR_DOWN.map((out, i) => {
    const side = size / 2 ** (i + 1);
    return 32 * (GENERATOR_DOWN[i - 1] ?? 1) * out * side ** 2;
  });
  const up = GENERATOR_UP.map(([inputs, out], i) => {
    const side = size / 2 ** (8 - i);
    return 32 * inputs * out * side ** 2;
  });
  return [...down, ...up].reduce((sum, n) => sum + n, 64 * size ** 2);
}
/** LeNet-5's; the weights of full layers are [in, out]. */
export function lenetParameters() {
  let seed = 200;
  const weights = (shape, fanIn) => drawn(shape, seed++, he(fanIn));
  return {
    c1: weights([6, 1, 5, 5], 25),
    b1: zeros([6]),
    c2: weights([16, 6, 5, 5], 150),
    b2: zeros([16]),
    f1: weights([400, 120], 400),
    fb1: zeros([120]),
    f2: weights([120, 84], 120),
    fb2: zeros([84]),
    f3: weights([84, 10], 84),
    fb3: zeros([10]),
  };
}
const CASCADES = 5;
const CASCADE_WIDTHS = [2, 32, 32, 32, 32, 2];
/** A deep cascade's: the convolutions of every cascade. */
export function cascadeParameters() {
  const all = {};
  let seed = 300;
  for (let k = 0; k < CASCADES; k++)
    for (let i = 0; i < 5; i++) {
      const [inputs, out] = CASCADE_WIDTHS.slice(i, i + 2);
      all[`c${k}.${i}`] = drawn(
        [out, inputs, 3, 3],
        seed++,
        he(9 * inputs) * (out === 2 ? 0.1 : 1),
      );
    }
  return all;
}
/** Forward operations of its convolutions on one size × size image. */
function cascadeFlops(size) {
  const pairs = CASCADE_WIDTHS.slice(1).reduce((sum, out, i) => sum + out * CASCADE_WIDTHS[i], 0);
  return CASCADES * 2 * 9 * pairs * size ** 2;
}
/** Every fourth row of k-space and the middle eighth, the centre in the middle: [size, 1]. */
export const measuredRows = (size) =>
  Float32Array.from({ length: size }, (_, k) =>
    k % 4 === 0 || Math.abs(k - size / 2) < size / 16 ? 1 : 0,
  );

export const RESNET_STAGES = [
  [16, 1],
  [32, 2],
  [64, 2],
];
/** ResNet-20's for 32×32 pictures, with projections as shortcuts. */
export function resnetParameters() {
  const all = {};
  let seed = 400;
  const conv = (name, out, inputs, size) => {
    all[name] = drawn([out, inputs, size, size], seed++, he(inputs * size * size));
    all[`${name}.scale`] = { shape: [out], data: new Float32Array(out).fill(1) };
    all[`${name}.shift`] = zeros([out]);
  };
  conv("stem", 16, 3, 3);
  let channels = 16;
  for (const [stage, [out]] of RESNET_STAGES.entries())
    for (let unit = 0; unit < 3; unit++) {
      conv(`s${stage}u${unit}a`, out, channels, 3);
      conv(`s${stage}u${unit}b`, out, out, 3);
      if (channels !== out) conv(`s${stage}u${unit}p`, out, channels, 1);
      channels = out;
    }
  all.full = drawn([64, 10], seed, he(64));
  all.fullb = zeros([10]);
  return all;
}

export const lenetLabels = Array.from({ length: 64 }, (_, i) => (i * 7 + 3) % 10);

/** Forward operations of the U-Net's convolutions on one size × size image. */
function unetFlops(size) {
  let flops = 0;
  let channels = 1;
  let side = size;
  const conv = (inputs, out, k) => {
    flops += 2 * inputs * out * k * k * side * side;
  };
  for (const out of LEVELS) {
    conv(channels, out, 3);
    conv(out, out, 3);
    channels = out;
    side /= 2;
  }
  conv(channels, BOTTLENECK, 3);
  conv(BOTTLENECK, BOTTLENECK, 3);
  channels = BOTTLENECK;
  for (const out of LEVELS.toReversed()) {
    conv(channels, out, 2);
    side *= 2;
    conv(2 * out, out, 3);
    conv(out, out, 3);
    channels = out;
  }
  conv(channels, 1, 1);
  return flops;
}

const wide = {
  x: () => drawn([1, 64, 128, 128], 1, 1),
  w: () => drawn([64, 64, 3, 3], 2, he(576)),
  dy: () => drawn([1, 64, 128, 128], 3, 1),
  padding: 1,
};
const small = {
  x: () => drawn([64, 8, 28, 28], 1, 1),
  w: () => drawn([16, 8, 5, 5], 2, he(200)),
  dy: () => drawn([64, 16, 28, 28], 3, 1),
  padding: 2,
};
const fourier = (size) => ({
  kind: "fourier",
  size,
  re: () => fill(size * size, 5, 1),
  im: () => fill(size * size, 6, 1),
});

const cascadeAttack = (size) => ({
  kind: "cascade",
  title: `that cascade, gradient of ½‖f(x)‖² to the image that is measured, ${size}²`,
  step: "attack",
  x: () => drawn([1, 2, size, size], 8, 1),
  flops: 2 * cascadeFlops(size),
  tolerance: 1e-3,
});

/** `check` is Σ|result| (or losses) as PyTorch computes it; `tolerance` is relative. */
export const workloads = {
  W1: {
    kind: "conv",
    title: "convolution 3×3, 64→64, 128², batch 1",
    gradients: false,
    ...wide,
    flops: 2 * 64 * 64 * 9 * 128 ** 2,
    check: [677664.95],
    tolerance: 1e-5,
  },
  W2: {
    kind: "conv",
    title: "W1 with both gradients",
    gradients: true,
    ...wide,
    flops: 6 * 64 * 64 * 9 * 128 ** 2,
    check: [677199.962, 1251130.75],
    tolerance: 1e-5,
  },
  W3: {
    kind: "conv",
    title: "convolution 5×5, 8→16, 28², batch 64, with gradients",
    gradients: true,
    ...small,
    flops: 6 * 8 * 16 * 25 * 28 ** 2 * 64,
    check: [356127.61, 179931.73],
    tolerance: 1e-5,
  },
  W4: {
    kind: "pool",
    title: "max-pool 2×2, 16×32×128², with gradient",
    x: () => drawn([16, 32, 128, 128], 1, 1),
    dy: () => drawn([16, 32, 64, 64], 3, 1),
    bytes: 4 * 32 * 16 * (128 ** 2 * 3 + 64 ** 2 * 2),
    check: [1048081.785],
    tolerance: 1e-5,
  },
  W5: {
    kind: "lenet",
    title: "LeNet-5 training step, batch 64, SGD with momentum",
    x: () => drawn([64, 1, 28, 28], 7, 1),
    check: [3.193449, 2.015323],
    tolerance: 1e-4,
  },
  W6: {
    kind: "unet",
    title: "U-Net 32…512 training step, 4×128², Adam",
    step: "train",
    x: () => drawn([4, 1, 128, 128], 8, 1),
    target: () => drawn([4, 1, 128, 128], 9, 1),
    flops: 12 * unetFlops(128),
    check: [2.62587],
    tolerance: 1e-4,
  },
  W7: {
    kind: "unet",
    title: "that U-Net, inference, 256²",
    step: "infer",
    x: () => drawn([1, 1, 256, 256], 8, 1),
    flops: unetFlops(256),
    check: [85934.5],
    tolerance: 1e-4,
  },
  W7b: {
    kind: "unet",
    title: "that U-Net, inference, 128²",
    step: "infer",
    x: () => drawn([1, 1, 128, 128], 8, 1),
    flops: unetFlops(128),
    check: [21380.7],
    tolerance: 1e-4,
  },
  W8: {
    kind: "unet",
    title: "that U-Net, gradient of ½‖f(x)‖² to its input, 128²",
    step: "attack",
    x: () => drawn([1, 1, 128, 128], 8, 1),
    flops: 2 * unetFlops(128),
    check: [335600],
    tolerance: 1e-3,
  },
  W9: {
    ...fourier(256),
    title: "complex 2-D Fourier transform, 256²",
    check: [15442647.2],
    tolerance: 1e-6,
  },
  W9b: {
    ...fourier(320),
    title: "complex 2-D Fourier transform, 320²",
    check: [30187037.8],
    tolerance: 1e-6,
  },
  W10: {
    kind: "cascade",
    title:
      "deep cascade (5 × 5 convolutions, 32 channels, data consistency) training step, 128², Adam",
    step: "train",
    x: () => drawn([1, 2, 128, 128], 8, 1),
    target: () => drawn([1, 2, 128, 128], 9, 1),
    flops: 3 * cascadeFlops(128),
    check: [0.446847],
    tolerance: 1e-4,
  },
  W10b: {
    kind: "cascade",
    title: "that training step, 256²",
    step: "train",
    x: () => drawn([1, 2, 256, 256], 8, 1),
    target: () => drawn([1, 2, 256, 256], 9, 1),
    flops: 3 * cascadeFlops(256),
    check: [0.447508],
    tolerance: 1e-4,
  },
  W11: { ...cascadeAttack(128), check: [9015.183] },
  W12: { ...cascadeAttack(256), check: [35938.81] },
  W13: {
    kind: "resnet",
    title: "ResNet-20 training step, batch 64 of 32², SGD with momentum",
    x: () => drawn([64, 3, 32, 32], 7, 1),
    check: [3.830833],
    tolerance: 1e-4,
  },
  W14: {
    kind: "coils",
    title: "A*(Ax) of eight coils, 256²",
    size: 256,
    coils: 8,
    check: [129939.0],
    tolerance: 1e-4,
  },
  W15: {
    kind: "lenet",
    title: "LeNet-5, one prediction",
    step: "infer",
    x: () => drawn([1, 1, 28, 28], 7, 1),
    check: [12.472257],
    tolerance: 1e-4,
  },
  W16: {
    kind: "radon",
    title: "A*(Ax) of line integrals, 128², 50 views of 185 detectors",
    size: 128,
    views: 50,
    detectors: 185,
    check: [1332233.34],
    tolerance: 1e-4,
  },
  W17: {
    kind: "generator",
    title:
      "DAGAN's generator, half as wide (4×4 convolutions of step 2 and their adjoints), gradient of ½‖f(x)‖² to its input, 256²",
    step: "attack",
    x: () => drawn([1, 1, 256, 256], 8, 1),
    flops: 2 * generatorFlops(256),
    check: [152274.475],
    tolerance: 1e-3,
  },
};
