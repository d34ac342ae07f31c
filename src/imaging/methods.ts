// Reconstruction methods as plain data: every kind and its options, and the method that a spec
// names. A new method adds its line to `Methods` and to `methods`.
import { ConfigError, FormatError, present } from "../engine/index.ts";
import type { Network } from "../learning/index.ts";
import { aFlag, aRecord, aText, aWhole, maybe, oneOf } from "./checks.ts";
import {
  networkHash,
  networkReconstructor,
  type Form,
  type Smoothing,
} from "./networks/network-reconstructor.ts";
import { aHash, aNumber, checkSpec, type Check, type Kinds } from "./operators/spec.ts";
import { networkScales } from "./networks/scale.ts";
import type { Operator } from "./operators/operator.ts";
import { zeroFilled, type BlackBox, type Method } from "./reconstructor.ts";
import { conjugateGradient } from "./solvers/conjugate-gradient.ts";
import { filteredBackProjection } from "./solvers/filtered-back-projection.ts";
import { firenet } from "./solvers/firenet.ts";
import { totalVariation } from "./solvers/total-variation.ts";
import { waveletSparsity } from "./solvers/wavelet-sparsity.ts";

type OptionsOf<F extends (...args: never[]) => Method> = Readonly<NonNullable<Parameters<F>[0]>>;
export interface Methods {
  /** A network, by its hash (networkHash). */
  networkReconstructor: {
    readonly sha256: string;
    readonly name?: string;
    readonly form?: Partial<Form>;
    readonly smoothing?: Smoothing;
  };
  totalVariation: OptionsOf<typeof totalVariation>;
  waveletSparsity: OptionsOf<typeof waveletSparsity>;
  firenet: OptionsOf<typeof firenet>;
  conjugateGradient: OptionsOf<typeof conjugateGradient>;
  filteredBackProjection: Readonly<Record<never, unknown>>;
  zeroFilled: Readonly<Record<never, unknown>>;
  /** A program, which the host runs. */
  command: CommandOptions;
}
export interface CommandOptions {
  readonly name: string;
  /** Its words as a report may show them, without folders. */
  readonly command: string;
  /** Of those words and of the files that they name. */
  readonly sha256: string;
  /** How many measurements it takes at once; one, without a batch's axis, unless given. */
  readonly together?: number;
  /** It is told which cells are measured. */
  readonly followsMask?: boolean;
}
export type MethodSpec = { [K in keyof Methods]: { readonly kind: K } & Methods[K] }[keyof Methods];
/** Networks that specs name, by their hash. */
export type Networks = ReadonlyMap<string, Network>;

/** Runs the program of a spec: an image for each measurement, as BlackBox.run gives them. */
export type RunProgram = (
  measurements: readonly ArrayLike<number>[],
  operator: Operator,
) => Promise<readonly ArrayLike<number>[]>;
/** What a spec names and does not hold. */
export interface MethodsGiven {
  readonly networks: Networks;
  /** By the hash of their specs. */
  readonly programs: ReadonlyMap<string, RunProgram>;
}

interface MethodDefinition<O> {
  /** What each field of a spec from a file is held to. */
  readonly fields: { readonly [K in keyof Required<O>]: Check };
  open(options: O, given: MethodsGiven): Method;
}
const wavelet = oneOf(["haar", "db2"]);
export const methods: { readonly [K in keyof Methods]: MethodDefinition<Methods[K]> } = {
  networkReconstructor: {
    fields: {
      sha256: aHash,
      name: maybe(aText),
      form: maybe(
        aRecord({
          input: maybe(oneOf(["image", "measurement"])),
          iterations: maybe(aWhole),
          dataConsistency: maybe(aFlag),
          scale: maybe(oneOf(networkScales)),
          noiseLevel: maybe(aNumber),
          lowestFrequency: maybe(oneOf(["centre", "corner"])),
          normalization: maybe(oneOf(["orthonormal", "unnormalised"])),
        }),
      ),
      smoothing: maybe(aRecord({ sigma: aNumber, samples: aWhole })),
    },
    open({ sha256, ...options }, { networks }) {
      const network = networks.get(sha256);
      if (!network)
        throw new FormatError(
          `method: the network with SHA-256 ${sha256} is not given; pass its checkpoint`,
          { sha256 },
        );
      return networkReconstructor({ network, ...options });
    },
  },
  totalVariation: {
    fields: {
      lambda: maybe(aNumber),
      sigma: maybe(aNumber),
      iterations: maybe(aWhole),
      rho: maybe(aNumber),
    },
    open: totalVariation,
  },
  waveletSparsity: {
    fields: {
      lambda: maybe(aNumber),
      sigma: maybe(aNumber),
      iterations: maybe(aWhole),
      wavelet: maybe(wavelet),
      levels: maybe(aWhole),
      spin: maybe(aFlag),
    },
    open: waveletSparsity,
  },
  firenet: {
    fields: {
      lambda: maybe(aNumber),
      sigma: maybe(aNumber),
      outer: maybe(aWhole),
      inner: maybe(aWhole),
      delta: maybe(aNumber),
      levels: maybe(aWhole),
    },
    open: firenet,
  },
  conjugateGradient: {
    fields: { mu: maybe(aNumber), iterations: maybe(aWhole) },
    open: conjugateGradient,
  },
  filteredBackProjection: { fields: {}, open: filteredBackProjection },
  zeroFilled: { fields: {}, open: zeroFilled },
  command: {
    fields: {
      name: aText,
      command: aText,
      sha256: aHash,
      together: maybe(aWhole),
      followsMask: maybe(aFlag),
    },
    open: openCommand,
  },
};
/** Throws FormatError where the host has no such program. */
function openCommand(options: CommandOptions, { programs }: MethodsGiven): BlackBox {
  const { name, command, sha256, together = 1, followsMask = false } = options;
  const run = programs.get(sha256);
  if (!run)
    throw new FormatError(
      `method: the program of "${command}" (SHA-256 ${sha256}) is not given; pass its --command`,
      { sha256 },
    );
  if (!(together >= 1))
    throw new ConfigError(`command: ${together} measurements at once; it takes at least one`, {});
  const batch = options.together;
  return {
    name,
    description: present({ kind: "command", command, sha256, batch }),
    together,
    followsMask,
    run,
  };
}
const kinds: Kinds = Object.fromEntries(
  Object.entries(methods).map(([kind, { fields }]) => [kind, fields]),
);

/** Throws FormatError for a value that is no MethodSpec. */
export const aMethod: Check = (value, where) => checkSpec(value, where, kinds);
/**
 * The method that a spec names. Throws ConfigError for options out of range, FormatError for a
 * network or a program that is not given.
 */
export function openMethod(
  { kind, ...options }: MethodSpec,
  networks: Networks = new Map(),
  programs: MethodsGiven["programs"] = new Map(),
): Method {
  const definition = methods[kind] as MethodDefinition<object>;
  return definition.open(options, { networks, programs });
}
/** The networks by their hashes. */
export const networksByHash = (networks: readonly Network[]): Networks =>
  new Map(networks.map((network) => [networkHash(network), network]));
