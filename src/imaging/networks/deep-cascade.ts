// The deep cascade: convolutional networks with data consistency behind each, every one with
// weights of its own.
import { nn, type Network } from "../../learning/index.ts";

export interface DeepCascadeOptions {
  readonly size: readonly [number, number];
  readonly cascades?: number;
  /** Convolutions of each cascade, 3×3, ReLU behind all but the last. */
  readonly convolutions?: number;
  readonly channels?: number;
  /**
   * Ends with one more network, behind which nothing is put back: it can take out the noise that
   * data consistency brings in with the data.
   */
  readonly refine?: boolean;
  readonly seed: number;
}

/** A cascade begins by changing its image little. */
const LAST = 0.1;

/**
 * For complex images: `cascades` times x + CNN(x) and hard data consistency. Fresh weights are
 * He's, those of every cascade's last convolution a tenth of them. Source: Schlemper et al. 2018,
 * "A Deep Cascade of Convolutional Neural Networks for Dynamic MR Image Reconstruction", D5C5 with
 * its 5 cascades of 5 convolutions, there of 64 channels.
 */
export function deepCascade(options: DeepCascadeOptions): Network {
  const { size, cascades = 5, convolutions = 5, channels = 32, refine = false, seed } = options;
  const last = convolutions - 1;
  const convolution = (outChannels: number): nn.Layer =>
    nn.conv2d({ outChannels, kernelSize: 3, padding: "same" });
  const body = Array.from({ length: convolutions }, (_, k) =>
    k === last ? [convolution(2)] : [convolution(channels), nn.relu()],
  ).flat();
  const cascade = [nn.residual({ body }), nn.dataConsistency()];
  const ending = refine ? [nn.residual({ body })] : [];
  const normal = nn.kaimingNormal();
  const lastWeight = `body.${body.length - 1}.conv2d.weight`;
  const network = nn.sequential({
    input: [2, ...size],
    seed,
    layers: [...Array.from({ length: cascades }, () => cascade).flat(), ...ending],
    initializer: (rng, parameter) => {
      const values = normal(rng, parameter);
      return parameter.name.endsWith(lastWeight) ? values.map((v) => LAST * v) : values;
    },
  });
  return { ...network, name: "deep cascade" };
}
