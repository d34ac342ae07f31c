// ISTA-Net+: iterative shrinkage with learned transforms, for real images.
import { nn, type Network } from "../../learning/index.ts";

export interface IstaNetOptions {
  readonly size: readonly [number, number];
  readonly phases?: number;
  readonly channels?: number;
}

/**
 * At max|A*y| = 1: r = Re(x + λA*(y − Ax)); x = r + G(H̃(soft(H(D(r)), θ))), 3×3 convolutions
 * without bias, each phase with weights of its own. Images are real: their imaginary part is
 * dropped. The published one has 9 phases of 32 channels; its penalty for H̃H ≠ 1 belongs to the
 * training and is left out. Source: Zhang & Ghanem 2018, and its code.
 */
export function istaNetArchitecture(options: IstaNetOptions): nn.Architecture {
  const { size, phases = 9, channels = 32 } = options;
  const convolution = (outChannels: number): nn.Layer =>
    nn.conv2d({ outChannels, kernelSize: 3, padding: 1, bias: false });
  const transform = [convolution(channels), nn.relu(), convolution(channels)];
  const correction = nn.residual({
    body: [convolution(channels), ...transform, nn.softThreshold(), ...transform, convolution(1)],
  });
  const step = nn.dataConsistency({ step: 0.5, learned: true });
  const phase = [step, nn.realPart(), correction, nn.complexImage()];
  // A*y itself is made real before the first step
  const begun = [nn.realPart(), nn.complexImage()];
  const phased = Array.from({ length: phases }, () => phase).flat();
  return { input: [2, ...size], layers: [nn.peakScaled([...begun, ...phased])] };
}

/** With fresh weights: Xavier's, λ = 0.5, θ = 0.01. */
export function istaNet(options: IstaNetOptions & { readonly seed: number }): Network {
  const network = nn.sequential({
    ...istaNetArchitecture(options),
    seed: options.seed,
    initializer: nn.xavierUniform(),
  });
  return { ...network, name: "ISTA-Net+" };
}
