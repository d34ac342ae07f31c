// MoDL: one denoiser and least squares, again and again.
import { nn, type Network } from "../../learning/index.ts";

export interface ModlOptions {
  readonly size: readonly [number, number];
  /** Times that the denoiser is applied, always with the same weights. */
  readonly iterations?: number;
  readonly convolutions?: number;
  readonly channels?: number;
}

/** TensorFlow's defaults; its momentum is the share that is kept. */
const NORM = { epsilon: 1e-3, momentum: 0.01 };

/**
 * At max|A*y| = 1: x ← argmin ‖Ax − y‖² + λ‖x − D(x)‖², D(x) = x + CNN(x), 3×3 convolutions
 * without bias, batch norm behind every one (the last as well, with its running statistics in use),
 * ReLU behind all but the last; D and λ are shared by all iterations. The published one has 10
 * iterations of 5 convolutions of 64 channels, solved by 10 conjugate gradients. Source: Aggarwal,
 * Mani, Jacob 2019, and its code.
 */
export function modlArchitecture(options: ModlOptions): nn.Architecture {
  const { size, iterations = 10, convolutions = 5, channels = 64 } = options;
  const block = (outChannels: number): nn.Layer[] => [
    nn.conv2d({ outChannels, kernelSize: 3, padding: 1, bias: false }),
    nn.batchNorm2d(NORM),
  ];
  const hidden = Array.from({ length: convolutions - 1 }, () => [
    ...block(channels),
    nn.relu(),
  ]).flat();
  const denoiser = nn.residual({ body: [...hidden, ...block(2)] });
  const body = [denoiser, nn.conjugateGradient()];
  return {
    input: [2, ...size],
    layers: [nn.peakScaled([nn.repeated({ times: iterations, body })])],
  };
}

/** With fresh weights: Xavier's, λ = 0.05. */
export function modl(options: ModlOptions & { readonly seed: number }): Network {
  const network = nn.sequential({
    ...modlArchitecture(options),
    seed: options.seed,
    initializer: nn.xavierUniform(),
  });
  return { ...network, name: "MoDL" };
}
