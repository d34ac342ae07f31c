// The networks that `train reconstructor` knows, each with the training that suits it. A recipe's
// own numbers are what made the weights that the package brings.
import { ConfigError } from "../engine/index.ts";
import {
  adam,
  clipped,
  cosine,
  nn,
  rootMeanSquaredError,
  type Loss,
  type Network,
  type Optimizer,
  type Schedule,
} from "../learning/index.ts";
import {
  analyticEllipses,
  brainPhantoms,
  deepCascade,
  reconstructionNetworks,
  variedPhantoms,
  type Form,
  type ImageSet,
  type ReconstructionNetworkName,
} from "../imaging/index.ts";
import { flagOf } from "./options.ts";

/** How large a network is, as the options say it; what is left out is the recipe's own. */
export interface Sizes {
  readonly size: number;
  readonly seed: number;
  readonly channels?: number | undefined;
  readonly depth?: number | undefined;
  readonly cascades?: number | undefined;
  /** 1 where a value is measured. */
  readonly measured: Uint8Array;
  readonly iterations: number;
  readonly dataConsistency: boolean;
}
export interface Training {
  readonly phantoms: keyof typeof phantomKinds;
  readonly count: number;
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
  /** Rows of an image at a time; all of them unless given. */
  readonly crop?: number;
  /** Masks beside the audit's own that half of the images are measured with. */
  readonly otherMasks?: number;
  /** Weight of the images between. */
  readonly betweenWeight?: number;
}
export interface Recipe {
  readonly help: string;
  /** Options that change its size or form. */
  readonly takes: readonly Adjustable[];
  readonly training: Training;
  /** Of a network of these sizes. */
  loss(sizes: Sizes): Loss;
  readonly schedule: Schedule;
  optimizer(learningRate: number): Optimizer;
  /** The network, untrained, and how it is used. */
  build(sizes: Sizes): { readonly network: Network; readonly form: Form };
}

type Drawn = {
  readonly shape: readonly [number, number];
  readonly count: number;
  readonly seed: number;
};
export const phantomKinds = {
  varied: (drawn: Drawn): ImageSet => variedPhantoms(drawn),
  brain: (drawn: Drawn): ImageSet => brainPhantoms({ ...drawn, mosaics: 0.3 }),
  ellipses: (drawn: Drawn): ImageSet => analyticEllipses(drawn),
} as const;

const onImage = ({ iterations, dataConsistency }: Sizes): Form => ({
  input: "image",
  iterations,
  dataConsistency,
});
const clippedAdam = (learningRate: number): Optimizer =>
  clipped(adam({ learningRate }), { maxNorm: 1 });
/** What of a network's size and form an option may change. */
const adjustable = ["channels", "depth", "cascades", "iterations", "dataConsistency"] as const;
type Adjustable = (typeof adjustable)[number];

/** The first of the options given that is none of `takes`. */
function unusedOf(
  { iterations, dataConsistency, ...sizes }: Pick<Sizes, Adjustable>,
  takes: readonly Adjustable[],
): Adjustable | undefined {
  const given: Readonly<Record<Adjustable, boolean>> = {
    channels: sizes.channels !== undefined,
    depth: sizes.depth !== undefined,
    cascades: sizes.cascades !== undefined,
    iterations: iterations > 1,
    dataConsistency,
  };
  return adjustable.find((option) => given[option] && !takes.includes(option));
}
/** Throws ConfigError for an option that the network has no use for, and would train without. */
export function checkSizes(name: RecipeName, sizes: Pick<Sizes, Adjustable>): void {
  const { takes } = recipes[name];
  const other = unusedOf(sizes, takes);
  if (other === undefined) return;
  const own =
    takes.length > 0 ? `it has ${takes.map(flagOf).join(", ")}` : "its form is its family's";
  throw new ConfigError(`${flagOf(other)}: the network ${name} has no use for it; ${own}`, {
    option: other,
  });
}
/** Throws ConfigError for an option that would change a network's size or form. */
export function checkNoSizes(sizes: Pick<Sizes, Adjustable>, why: string): void {
  const other = unusedOf(sizes, []);
  if (other === undefined) return;
  throw new ConfigError(`${flagOf(other)}: ${why}; leave it out`, { option: other });
}

const own: Readonly<Record<"cascade" | "unet", Recipe>> = {
  cascade: {
    help: "cascade (small networks with data consistency behind each)",
    takes: ["channels", "cascades"],
    training: {
      phantoms: "varied",
      count: 4000,
      epochs: 10,
      batchSize: 1,
      learningRate: 1e-3,
      crop: 48,
      otherMasks: 31,
      betweenWeight: 0.1,
    },
    loss: () => rootMeanSquaredError(),
    schedule: cosine({ restarts: 2 }),
    optimizer: clippedAdam,
    build(sizes) {
      const { size, seed, channels = 32, cascades = 5 } = sizes;
      return {
        network: deepCascade({ size: [size, size], channels, cascades, refine: true, seed }),
        form: onImage(sizes),
      };
    },
  },
  unet: {
    help: "unet (on the zero-filled image, without knowledge of the operator)",
    takes: ["channels", "depth", "iterations", "dataConsistency"],
    training: {
      phantoms: "varied",
      count: 3000,
      epochs: 5,
      batchSize: 2,
      learningRate: 1e-3,
      otherMasks: 31,
    },
    loss: () => rootMeanSquaredError(),
    schedule: cosine(),
    optimizer: clippedAdam,
    build(sizes) {
      const { size, seed, channels: baseChannels = 12, depth = 3 } = sizes;
      const shape = {
        inChannels: 2,
        outChannels: 2,
        baseChannels,
        depth,
        size: [size, size],
      } as const;
      return {
        network: nn.unet({ ...shape, seed, residual: true, norm: "none" }),
        form: onImage(sizes),
      };
    },
  },
};

/** The recipe of a family of the field: its small member, by its own loss where it has one. */
function familyRecipe(name: ReconstructionNetworkName): Recipe {
  const { description, form, leastBatch = 1, loss, build } = reconstructionNetworks[name];
  return {
    help: `${name} (${description})`,
    takes: [],
    training: {
      phantoms: "varied",
      count: 1000,
      epochs: 10,
      batchSize: leastBatch,
      learningRate: 1e-3,
    },
    loss: ({ size, seed, measured }) =>
      loss?.({ size: [size, size], seed, measured }) ?? rootMeanSquaredError(),
    schedule: cosine(),
    optimizer: clippedAdam,
    build({ size, seed, measured }) {
      return { network: build({ size: [size, size], seed, measured }), form };
    },
  };
}
const families = Object.fromEntries(
  Object.keys(reconstructionNetworks).map((name) => [
    name,
    familyRecipe(name as ReconstructionNetworkName),
  ]),
) as Readonly<Record<ReconstructionNetworkName, Recipe>>;
export type RecipeName = keyof typeof own | ReconstructionNetworkName;
export const recipes: Readonly<Record<RecipeName, Recipe>> = { ...own, ...families };
export const recipeNames = Object.keys(recipes) as readonly RecipeName[];
