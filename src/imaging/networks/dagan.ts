// DAGAN: the generator of an adversarial network on magnitudes, and its loss without what needs
// another network.
import { arithmetic, type GraphBuilder, type Value } from "../../engine/index.ts";
import { nn, type Loss, type Network } from "../../learning/index.ts";

export interface DaganOptions {
  /** Multiples of 2^depth. */
  readonly size: readonly [number, number];
  readonly baseChannels?: number;
  /** Halvings: 8 for 256², to 1×1. */
  readonly depth?: number;
}

/** Channels, in units of the first: outwards in the encoder, inwards in the decoder. */
const ENCODER = [1, 2, 4, 8, 8, 8, 8, 8];
const DECODER = [8, 16, 16, 16, 4, 2, 1, 1];

const halved = (outChannels: number): nn.Layer =>
  nn.conv2d({ outChannels, kernelSize: 4, stride: 2, padding: 1 });
const leaky = nn.leakyRelu({ slope: 0.2 });

/** The encoder's layers at each depth: batch norm on all but the first and the last. */
function encoder(baseChannels: number, depth: number): nn.Layer[][] {
  return ENCODER.slice(0, depth).map((channels, k) => {
    const layer = halved(baseChannels * channels);
    if (k === 0) return [layer];
    return k === depth - 1 ? [layer, leaky] : [layer, nn.batchNorm2d(), leaky];
  });
}

function generator(baseChannels: number, depth: number): nn.Layer {
  const down = encoder(baseChannels, depth).map((layers, k) => ({
    name: `down${k}`,
    from: [k === 0 ? "x" : `down${k - 1}`],
    layers,
  }));
  const channels = [DECODER[0], ...DECODER.slice(DECODER.length - depth + 1)];
  const up = channels.map((count, k) => {
    const outChannels = baseChannels * count;
    const layers = [
      nn.convTranspose2d({ outChannels, kernelSize: 4, stride: 2, padding: 1 }),
      nn.batchNorm2d(),
      nn.relu(),
    ];
    // the innermost has no skip beside it
    const from = k === 0 ? [`down${depth - 1}`] : [`up${k - 1}`, `down${depth - 1 - k}`];
    return { name: `up${k}`, from, join: "concatenate" as const, layers };
  });
  const out = {
    name: "out",
    from: [`up${depth - 1}`],
    layers: [nn.conv2d({ outChannels: 1, kernelSize: 1 }), nn.tanh()],
  };
  return nn.graph({ nodes: [...down, ...up, out] });
}

/**
 * |A*y| over its peak, in [−1, 1], refined by a U-Net of 4×4 convolutions of stride 2: the sum of
 * both, clipped to [−1, 1]. Batch norm has its running statistics in use. Taking the magnitude is
 * not linear: no phase is reconstructed, and negative values are not. The published generator has
 * 64 channels at depth 8. Source: Yang et al. 2018, and its code.
 */
export function daganArchitecture(options: DaganOptions): nn.Architecture {
  const { size, baseChannels = 64, depth = 8 } = options;
  const refined = nn.residual({ body: [generator(baseChannels, depth)] });
  const scaled = [
    nn.affine({ scale: 2, shift: -1 }),
    refined,
    nn.hardTanh(),
    nn.affine({ scale: 0.5, shift: 0.5 }),
  ];
  return {
    input: [2, ...size],
    layers: [nn.magnitude(), nn.peakScaled(scaled), nn.complexImage()],
  };
}

/** With fresh weights: normal of standard deviation 0.01, cut off at two of them, biases 0. */
export function dagan(options: DaganOptions & { readonly seed: number }): Network {
  const network = nn.sequential({
    ...daganArchitecture(options),
    seed: options.seed,
    initializer: nn.normal({ deviation: 0.01, within: 2 }),
  });
  return { ...network, name: "DAGAN" };
}

/** Beside a square, so that the root of 0 has a gradient. */
const LEAST_SQUARE = 1e-12;
const rootOfSquares = (b: GraphBuilder, x: Value, axes: readonly number[]): Value => {
  const { add, sqrt, square, sum } = arithmetic(b);
  return sqrt(add(sum(square(x), axes), LEAST_SQUARE));
};
/** |F m| of real images m [N,H,W], unnormalised as TensorFlow's transform is. */
function spectrum(b: GraphBuilder, m: Value): Value {
  const { mul, reshape } = arithmetic(b);
  const [N, H, W] = m.shape;
  const complex = b.emit(
    "pad",
    { x: reshape(m, [N, 1, H, W]) },
    { before: [0, 0, 0, 0], after: [0, 1, 0, 0] },
  );
  const k = b.emit("fft2", { x: complex }, { inverse: false });
  return mul(rootOfSquares(b, k, [1]), Math.sqrt(H * W));
}
/**
 * On magnitudes m of images [N,2,H,W] of peak 1, v = 2m − 1 being what the generator makes:
 * 15·mean(‖v̂ − v‖/‖v‖) + 0.1·mean(|Fm̂| − |Fm|)². The published loss has two terms more, which are
 * left out: an adversary's, which would train beside it, and the features of VGG16, whose weights
 * are not to be had freely.
 */
export function daganLoss(): Loss {
  return {
    name: "daganLoss",
    apply(b, prediction, target) {
      const { add, div, mean, mul, square, sub } = arithmetic(b);
      const [found, wanted] = [prediction, target].map((x) => rootOfSquares(b, x, [1]));
      const scaled = (m: Value): Value => sub(mul(m, 2), 1);
      const length = (v: Value): Value => rootOfSquares(b, v, [1, 2]);
      const error = mean(div(length(mul(sub(found, wanted), 2)), length(scaled(wanted))));
      const frequencies = mean(square(sub(spectrum(b, found), spectrum(b, wanted))));
      return add(mul(error, 15), mul(frequencies, 0.1));
    },
  };
}
