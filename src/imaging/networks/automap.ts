// AUTOMAP as Antun et al. attacked it: dense layers from the measured cells to a real image.
import { ConfigError } from "../../engine/index.ts";
import { nn, type Network } from "../../learning/index.ts";

export interface AutomapOptions {
  /** Side of the image. */
  readonly size: number;
  /** 1 for every value [2,H,W] that is measured (Operator.measured); all of them unless given. */
  readonly measured?: ArrayLike<number>;
  readonly hidden?: number;
  readonly channels?: number;
}

/** Of the published input: 0.0075/8192 times an unnormalised transform of 4096·x. */
const INPUT = 0.0075 / 2;
const PADDING = 4;

/**
 * All measured real parts, then all imaginary ones, through tanh of a dense layer and a linear one;
 * less its mean, padded symmetrically, two 5×5 convolutions (tanh, ReLU) and a 7×7 transposed one
 * to a real image, which is then transposed. The published network has 128², 19,710 measured
 * values, 25,000 hidden nodes and 64 channels. Its order of the cells and the sign of its imaginary
 * parts (an uncentred transform, conjugated) are the first layer's to learn. Source: Zhu et al.
 * 2018; Invfool, which has it from the authors.
 */
export function automapArchitecture(options: AutomapOptions): nn.Architecture {
  const { size: n, measured, hidden = 25_000, channels = 64 } = options;
  if (measured && measured.length !== 2 * n * n)
    throw new ConfigError(
      `automap: ${measured.length} measured values for images of ${n}×${n}; give ${2 * n * n}`,
      { size: n },
    );
  const cells = Array.from({ length: 2 * n * n }, (_, k) => k).filter(
    (k) => !measured || measured[k] === 1,
  );
  const around = [PADDING, PADDING] as const;
  const convolution = nn.conv2d({ outChannels: channels, kernelSize: 5, padding: "same" });
  const layers = [
    nn.flatten(),
    nn.gather({ indices: cells }),
    nn.affine({ scale: INPUT * n }),
    nn.linear({ outFeatures: hidden }),
    nn.tanh(),
    nn.linear({ outFeatures: n * n }),
    nn.zeroMean(),
    nn.unflatten({ shape: [1, n, n] }),
    nn.pad2d({ before: around, after: around, mode: "symmetric" }),
    convolution,
    nn.tanh(),
    convolution,
    nn.relu(),
    nn.convTranspose2d({ outChannels: 1, kernelSize: 7, padding: 3 }),
    nn.crop2d({ before: around, after: around }),
    nn.transposeImage(),
    nn.complexImage(),
  ];
  return { input: [2, n, n], layers };
}

/** With fresh weights: dense ones uniform in ±1/√inputs, convolutions Xavier's, biases 0. */
export function automap(options: AutomapOptions & { readonly seed: number }): Network {
  const [dense, others] = [nn.fanInUniform(), nn.xavierUniform()];
  const network = nn.sequential({
    ...automapArchitecture(options),
    seed: options.seed,
    initializer: (rng, parameter) =>
      (parameter.shape.length === 2 ? dense : others)(rng, parameter),
  });
  return { ...network, name: "AUTOMAP" };
}
