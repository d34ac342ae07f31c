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
  const [layer, ...rest] = normalised(
    nn.convTranspose2d({ outChannels, kernelSize: 3, stride: 2 }),
  );
  return [layer, nn.crop2d({ before: [0, 0], after: [1, 1] }), ...rest];
};

/** Three convolutions at the first level; a pool and two below. */
function descent(level: number, channels: number): nn.GraphNode {
  const double = [...convolution(channels), ...convolution(channels)];
  const name = `down${level}`;
  if (level === 0) return { name, from: ["x"], layers: [...convolution(channels), ...double] };
  const pool = nn.maxPool2d({ kernelSize: 2 });
  return { name, from: [`down${level - 1}`], layers: [pool, ...double] };
}
/** The level below enlarged, joined with what went down, and two convolutions. */
function ascent(level: number, below: string, channels: number): nn.GraphNode[] {
  const [large, skip] = [`enlarged${level}`, `down${level}`];
  const double = [...convolution(channels), ...convolution(channels)];
  return [
    { name: large, from: [below], layers: enlarged(channels) },
    { name: `up${level}`, from: [skip, large], join: "concatenate", layers: double },
  ];
}
/** The U-Net alone: what is added to the first image. */
function correction(baseChannels: number, levels: number, channels: number): nn.Layer {
  const at = (level: number): number => baseChannels * 2 ** level;
  const nodes: nn.GraphNode[] = [];
  for (let level = 0; level <= levels; level++) nodes.push(descent(level, at(level)));
  for (let level = levels - 1; level >= 0; level--) {
    const below = nodes[nodes.length - 1].name;
    nodes.push(...ascent(level, below, at(level)));
  }
  const out = nn.conv2d({ outChannels: channels, kernelSize: 1 });
  nodes.push({ name: "out", from: ["up0"], layers: [out] });
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
