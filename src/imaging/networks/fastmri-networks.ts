// fastMRI's baseline U-Net, on magnitudes, and its end-to-end variational network.
import { nn, type Network } from "../../learning/index.ts";

export interface FastMriOptions {
  readonly size: readonly [number, number];
  /** Channels of the U-Net's first level. */
  readonly channels?: number;
  readonly pools?: number;
}

/** Standard deviations beyond which the U-Net's input is cut off. */
const CLAMP = 6;

/**
 * |A*y| less its mean over its standard deviation, within ±6, through fastMRI's U-Net, and back to
 * the image's own mean and deviation. The published one has 256 channels on knees, 4 pools. Source:
 * Zbontar et al. 2018.
 */
export function fastMriUnetArchitecture(options: FastMriOptions): nn.Architecture {
  const { size, channels = 256, pools = 4 } = options;
  const clamped = [nn.affine({ scale: 1 / CLAMP }), nn.hardTanh(), nn.affine({ scale: CLAMP })];
  const unet = nn.fastMriUnetBlock({ outChannels: 1, baseChannels: channels, pools });
  const layers = [nn.magnitude(), nn.standardized([...clamped, unet]), nn.complexImage()];
  return { input: [2, ...size], layers };
}
/** With fresh weights, PyTorch's. */
export function fastMriUnet(options: FastMriOptions & { readonly seed: number }): Network {
  return {
    ...nn.sequential({ ...fastMriUnetArchitecture(options), seed: options.seed }),
    name: "fastMRI U-Net",
  };
}

export interface VarNetOptions extends FastMriOptions {
  readonly cascades?: number;
  /** The network of the coils' maps; without it the operator's maps are taken. */
  readonly sensitivity?: {
    /** Columns in the middle of k-space that are always measured. */
    readonly columns: number;
    readonly channels?: number;
    readonly pools?: number;
  };
}
/** Sizes are padded to multiples of it, whatever the pools. */
const MULTIPLE = 16;
/** fastMRI's NormUnet. */
function normalisedUnet(channels: number, pools: number): nn.Layer[] {
  const unet = nn.fastMriUnetBlock({ outChannels: 2, baseChannels: channels, pools });
  return [nn.standardized([nn.padded({ multiple: MULTIPLE, body: [unet] })])];
}

/**
 * Columns about the middle of [2,…,H,W] that are measured without a gap, as many to the left as to
 * the right, at least 1: what the maps are found in. Source: fastMRI's VarNet.
 */
export function calibrationColumns(
  measured: ArrayLike<number>,
  [H, W]: readonly [number, number],
): number {
  const middle = Math.floor(W / 2);
  const there = (column: number): boolean => measured[Math.floor(H / 2) * W + column] === 1;
  let [left, right] = [0, 0];
  while (left < middle && there(middle - 1 - left)) left++;
  while (middle + right < W && there(middle + right)) right++;
  return Math.max(1, 2 * Math.min(left, right));
}

/**
 * Cascades that refine the k-space of all coils, each by a U-Net between the coils' combined image
 * and its normalisation, real and imaginary part apart; the published one has 12 of 18 channels and
 * 4 pools. With `sensitivity` (8 channels and 4 pools) the coils' maps come from a smaller one, on
 * the middle of k-space, and it ends with the root of the sum of squares, as it was published;
 * without it the maps are the operator's, their squares adding up to 1, and it ends with the coils
 * combined by them. Source: Sriram et al. 2020.
 */
export function varNetArchitecture(options: VarNetOptions): nn.Architecture {
  const { size, cascades = 12, channels = 18, pools = 4, sensitivity } = options;
  const body = normalisedUnet(channels, pools);
  const own = sensitivity && {
    sensitivities: normalisedUnet(sensitivity.channels ?? 8, sensitivity.pools ?? 4),
    calibrationColumns: sensitivity.columns,
  };
  const layers = [
    nn.kSpaceCascades({ cascades: Array.from({ length: cascades }, () => body), ...own }),
  ];
  return { input: [2, ...size], layers };
}
/** With fresh weights, PyTorch's. */
export function varNet(options: VarNetOptions & { readonly seed: number }): Network {
  return {
    ...nn.sequential({ ...varNetArchitecture(options), seed: options.seed }),
    name: "E2E-VarNet",
  };
}
