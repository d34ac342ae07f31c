// The families of reconstruction networks by name: a small member of each that trains in minutes,
// and the one that was published.
import { arithmetic, type Value } from "../../engine/index.ts";
import { rootMeanSquaredError, type Loss, type Network } from "../../learning/index.ts";
import { automap } from "./automap.ts";
import { dagan, daganLoss } from "./dagan.ts";
import { deepCascade } from "./deep-cascade.ts";
import { calibrationColumns, fastMriUnet, varNet, type VarNetOptions } from "./fastmri-networks.ts";
import { fbpConvNet } from "./fbpconvnet.ts";
import { istaNet } from "./ista-net.ts";
import { modl } from "./modl.ts";
import type { Form } from "./network-reconstructor.ts";
import { variationalNetwork } from "./variational-network.ts";

export interface BuildOptions {
  readonly size: readonly [number, number];
  readonly seed: number;
  /**
   * 1 where a value is measured (Operator.measured): AUTOMAP takes those alone, E2E-VarNet sees by
   * them how many coils there are and where their maps are found.
   */
  readonly measured?: ArrayLike<number>;
}
export interface ReconstructionNetwork {
  /** One line for people. */
  readonly description: string;
  /** How it stands between y and x̂. */
  readonly form: Form;
  /** The published search for its worst perturbation, by its name in ascentPresets. */
  readonly attack?: "automap" | "deep-mri" | "mri-vn" | "med-50";
  /**
   * The published loss, as far as it is here, of a network that is built so; undefined where it is
   * the trainer's choice.
   */
  loss?(options?: BuildOptions): Loss | undefined;
  /** Images that its running statistics need in a batch; 1 unless given. */
  readonly leastBatch?: number;
  /** A small member, with fresh weights. */
  build(options: BuildOptions): Network;
  /** As it was published, with fresh weights: gigabytes for AUTOMAP. */
  published(options: BuildOptions): Network;
}

export type ReconstructionNetworkName =
  | "deep-mri"
  | "fbpconvnet"
  | "dagan"
  | "automap"
  | "mri-vn"
  | "fastmri-unet"
  | "e2e-varnet"
  | "modl"
  | "ista-net";

/**
 * The loss of magnitudes, as complex images without a phase: for networks that give magnitudes, and
 * cannot learn the phase of what they are held to.
 */
function ofMagnitudes(loss: Loss): Loss {
  return {
    name: `${loss.name} of magnitudes`,
    apply(b, prediction, target) {
      const { add, concat, mul, reshape, sqrt, square, sum } = arithmetic(b);
      const plain = (x: Value): Value => {
        const [N, , H, W] = x.shape;
        const size = reshape(sqrt(add(sum(square(x), [1]), 1e-12)), [N, 1, H, W]);
        return concat([size, mul(size, 0)], 1);
      };
      return loss.apply(b, plain(prediction), plain(target));
    },
  };
}

/** The network of the coils' maps, where there is more than one coil. */
function sensitivityOf(
  { size, measured = [] }: BuildOptions,
  small: { readonly channels?: number; readonly pools?: number } = {},
): Pick<VarNetOptions, "sensitivity"> {
  const coils = measured.length / (2 * size[0] * size[1]);
  return coils > 1
    ? { sensitivity: { columns: calibrationColumns(measured, size), ...small } }
    : {};
}

const onImage: Form = { input: "image", iterations: 1, dataConsistency: false };

/** Halvings of DAGAN's generator: to 1×1 at most, and 8 at most. */
function daganDepth([H, W]: readonly [number, number]): number {
  let depth = 0;
  while (depth < 8 && H % 2 ** (depth + 1) === 0 && W % 2 ** (depth + 1) === 0) depth++;
  return Math.max(2, depth);
}

/**
 * Names as on the command line. Source of the first five: Antun et al. 2020, who audited them; what
 * each takes from its publication and what not is said in its own file.
 */
export const reconstructionNetworks: Readonly<
  Record<ReconstructionNetworkName, ReconstructionNetwork>
> = {
  "deep-mri": {
    description:
      "deep cascade (D5C5): five networks of five convolutions, data consistency behind each",
    form: onImage,
    attack: "deep-mri",
    build: (options) => ({ ...deepCascade({ ...options, channels: 32 }), name: "Deep MRI" }),
    published: (options) => ({ ...deepCascade({ ...options, channels: 64 }), name: "Deep MRI" }),
  },
  fbpconvnet: {
    description: "FBPConvNet (Ell 50, Med 50): a U-Net that corrects the operator's first image",
    form: onImage,
    attack: "med-50",
    build: (options) => fbpConvNet({ ...options, baseChannels: 8, levels: 3, channels: 2 }),
    published: fbpConvNet,
  },
  dagan: {
    description: "DAGAN's generator: a U-Net of strided convolutions on the magnitude",
    form: onImage,
    leastBatch: 2,
    loss: () => ofMagnitudes(daganLoss()),
    build: (options) => dagan({ ...options, baseChannels: 12, depth: daganDepth(options.size) }),
    published: dagan,
  },
  automap: {
    description: "AUTOMAP: dense layers from the measured cells themselves; knows no operator",
    form: { ...onImage, input: "measurement" },
    attack: "automap",
    build: ({ size, ...options }) =>
      automap({ ...options, size: size[0], hidden: 1024, channels: 16 }),
    published: ({ size, ...options }) => automap({ ...options, size: size[0] }),
  },
  "mri-vn": {
    description:
      "variational network (MRI-VN): learned filters and their penalties, gradient steps",
    form: onImage,
    attack: "mri-vn",
    build: (options) =>
      variationalNetwork({ ...options, stages: 5, filters: 8, kernelSize: 7, knots: 15 }),
    published: variationalNetwork,
  },
  "fastmri-unet": {
    description: "fastMRI's U-Net on the standardised magnitude",
    form: onImage,
    loss: () => ofMagnitudes(rootMeanSquaredError()),
    build: (options) => fastMriUnet({ ...options, channels: 12, pools: 3 }),
    published: fastMriUnet,
  },
  "e2e-varnet": {
    description: "end-to-end variational network: U-Nets that refine the k-space of all coils",
    form: onImage,
    loss: (options) =>
      options && sensitivityOf(options).sensitivity
        ? ofMagnitudes(rootMeanSquaredError())
        : undefined,
    build: (options) =>
      varNet({
        ...options,
        cascades: 4,
        channels: 8,
        pools: 3,
        ...sensitivityOf(options, { channels: 4, pools: 3 }),
      }),
    published: (options) => varNet({ ...options, ...sensitivityOf(options) }),
  },
  modl: {
    description: "MoDL: one denoiser and least squares, five times with the same weights",
    form: onImage,
    leastBatch: 2,
    build: (options) => modl({ ...options, iterations: 5, channels: 24 }),
    published: modl,
  },
  "ista-net": {
    description: "ISTA-Net+: shrinkage in learned transforms, for real images",
    form: onImage,
    build: (options) => istaNet({ ...options, phases: 5, channels: 16 }),
    published: istaNet,
  },
};
