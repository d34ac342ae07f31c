// FBPConvNet: a large U-Net that corrects a first image, of CT by filtered back-projection.
import { nn, type Network } from "../../learning/index.ts";

export interface FbpConvNetOptions {
  /** Multiples of 2^levels. */
  readonly size: readonly [number, number];
  /** Channels of the first level; each deeper one has twice as many. */
  readonly baseChannels?: number;
  /** Poolings. */
  readonly levels?: number;
  /** 1 for real images (their imaginary part is dropped), 2 for complex ones. */
  readonly channels?: 1 | 2;
}

/** MatConvNet's batch norm of one image. */
const norm = nn.instanceNorm2d({ affine: true, epsilon: 1e-4 });
const normalised = (layer: nn.Layer): nn.Layer[] => [layer, norm, nn.relu()];
const convolution = (outChannels: number): nn.Layer[] =>
  normalised(nn.conv2d({ outChannels, kernelSize: 3, padding: 1 }));
/** Upsampled by 2 and cropped [0 1 0 1], as MatConvNet says it. */
const enlarged = (outChannels: number): nn.Layer[] => {
  const [layer, ...rest] = normalised(nn.convTranspose2d({ outChannels, kernelSize: 3, stride: 2 }));
  return [layer, nn.crop2d({ before: [0, 0], after: [1, 1] }), ...rest];
};

/** The U-Net alone, as a graph: what is added to the first image. */
function correction(baseChannels: number, levels: number, channels: number): nn.Layer {
  const at = (level: number): number => baseChannels * 2 ** level;
  const nodes: nn.GraphNode[] = [];
  for (let level = 0; level <= levels; level++) {
    const pool = level > 0 ? [nn.maxPool2d({ kernelSize: 2 })] : [];
    const count = level === 0 ? 3 : 2;
    const layers = [...pool, ...Array.from({ length: count }, () => convolution(at(level))).flat()];
    nodes.push({ name: `down${level}`, from: [level === 0 ? "x" : `down${level - 1}`], layers });
  }
  for (let level = levels - 1; level >= 0; level--) {
    const below = level === levels - 1 ? `down${levels}` : `up${level + 1}`;
    nodes.push({ name: `enlarged${level}`, from: [below], layers: enlarged(at(level)) });
    const layers = [...convolution(at(level)), ...convolution(at(level))];
    nodes.push({ name: `up${level}`, from: [`down${level}`, `enlarged${level}`], join: "concatenate", layers });
  }
  nodes.push({ name: "out", from: ["up0"], layers: [nn.conv2d({ outChannels: channels, kernelSize: 1 })] });
  return nn.graph({ nodes });
}

/**
 * The operator's first image and what a U-Net adds to it, each convolution batch-normalised by the
 * statistics of the present image, in use as in training: with one image at a time that is instance
 * normalisation. The published size (Ell 50 and Med 50 of Antun et al. alike) is 64 channels on
 * real images and 4 levels. Source: Jin, McCann, Froustey, Unser 2017, and its code.
 */
export function fbpConvNetArchitecture(options: FbpConvNetOptions): nn.Architecture {
  const { size, baseChannels = 64, levels = 4, channels = 1 } = options;
  const corrected = nn.residual({ body: [correction(baseChannels, levels, channels)] });
  const layers = channels === 1 ? [nn.realPart(), corrected, nn.complexImage()] : [corrected];
  return { input: [2, ...size], layers };
}

/** With fresh weights: normal of standard deviation 0.01, biases 0. */
export function fbpConvNet(options: FbpConvNetOptions & { readonly seed: number }): Network {
  const network = nn.sequential({
    ...fbpConvNetArchitecture(options),
    seed: options.seed,
    initializer: nn.normal({ deviation: 0.01 }),
  });
  return { ...network, name: "FBPConvNet" };
}
