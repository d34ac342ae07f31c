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
  return { ...nn.sequential({ ...fastMriUnetArchitecture(options), seed: options.seed }), name: "fastMRI U-Net" };
}

export interface VarNetOptions extends FastMriOptions {
  readonly cascades?: number;
}
/** Sizes are padded to multiples of it, whatever the pools. */
const MULTIPLE = 16;

/**
 * Cascades that refine the k-space of all coils, each by a U-Net between the coils' combined image
 * and its normalisation, real and imaginary part apart; the published one has 12 of 18 channels and
 * 4 pools. It ends with the coils combined by their maps, which must be given, their squares adding
 * up to 1: the published one estimates them by another network, which is not built here, and ends
 * with the root of the sum of squares. Source: Sriram et al. 2020.
 */
export function varNetArchitecture(options: VarNetOptions): nn.Architecture {
  const { size, cascades = 12, channels = 18, pools = 4 } = options;
  const unet = nn.fastMriUnetBlock({ outChannels: 2, baseChannels: channels, pools });
  const body = [nn.standardized([nn.padded({ multiple: MULTIPLE, body: [unet] })])];
  const layers = [nn.kSpaceCascades({ cascades: Array.from({ length: cascades }, () => body) })];
  return { input: [2, ...size], layers };
}
/** With fresh weights, PyTorch's. */
export function varNet(options: VarNetOptions & { readonly seed: number }): Network {
  return { ...nn.sequential({ ...varNetArchitecture(options), seed: options.seed }), name: "E2E-VarNet" };
}
