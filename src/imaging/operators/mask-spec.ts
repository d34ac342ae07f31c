// Masks as plain data: every kind and its options, and the mask that a spec names.
import {
  equispacedMask,
  fullMask,
  maskFrom,
  nestedMasks,
  radialMask,
  randomMask,
  variableDensityMask,
  type Mask,
} from "./masks.ts";
import {
  aHash,
  aNumber,
  arrayOf,
  aShape,
  checkSpec,
  type Arrays,
  type Check,
  type Kinds,
} from "./spec.ts";

interface Columns {
  /** [height, width] */
  readonly shape: readonly [number, number];
  readonly acceleration: number;
  readonly centerFraction: number;
}
export interface MaskKinds {
  random: Columns & { readonly seed: number };
  "equispaced-fraction": Columns & { readonly offset: number };
  "variable-density": Columns & { readonly power: number; readonly seed: number };
  radial: { readonly shape: readonly [number, number]; readonly spokes: number };
  full: { readonly shape: readonly [number, number] };
  /** One of the masks nested about another, at that share of k-space. */
  nested: { readonly of: MaskSpec; readonly rate: number; readonly seed: number };
  /** An array, by the hash of its cells (0 or 1). */
  file: { readonly shape: readonly [number, number]; readonly sha256: string };
}
export type MaskSpec = {
  [K in keyof MaskKinds]: { readonly kind: K } & MaskKinds[K];
}[keyof MaskKinds];

const columns = { shape: aShape, acceleration: aNumber, centerFraction: aNumber };
/** Throws FormatError for a value that is no MaskSpec. */
export const aMask: Check = (value, where) => checkSpec(value, where, maskKinds);
const maskKinds: {
  readonly [K in keyof MaskKinds]: Readonly<Record<keyof MaskKinds[K], Check>>;
} & Kinds = {
  random: { ...columns, seed: aNumber },
  "equispaced-fraction": { ...columns, offset: aNumber },
  "variable-density": { ...columns, power: aNumber, seed: aNumber },
  radial: { shape: aShape, spokes: aNumber },
  full: { shape: aShape },
  nested: { of: aMask, rate: aNumber, seed: aNumber },
  file: { shape: aShape, sha256: aHash },
};

/** Throws ConfigError for options out of range, FormatError for an array that is not given. */
export function openMask(spec: MaskSpec, arrays: Arrays = new Map()): Mask {
  switch (spec.kind) {
    case "random":
      return randomMask(spec);
    case "equispaced-fraction":
      return equispacedMask(spec);
    case "variable-density":
      return variableDensityMask(spec);
    case "radial":
      return radialMask(spec);
    case "full":
      return fullMask(spec.shape);
    case "nested":
      return nestedMasks(openMask(spec.of, arrays), { rates: [spec.rate], seed: spec.seed })[0];
    case "file":
      return maskFrom(arrayOf(arrays, spec.sha256, "mask").data, spec.shape);
  }
}

/** A mask's options as flat facts, for a result file. */
export function describeMask({
  data,
  spec,
}: Mask): Record<string, string | number | readonly number[]> {
  const { kind, ...options } = spec;
  const facts = Object.entries(options).filter(([name]) => name !== "shape" && name !== "of");
  const sampled = data.reduce((n, cell) => n + cell, 0);
  return {
    samplingKind: kind,
    ...Object.fromEntries(
      facts.map(([name, value]) => [name === "sha256" ? "maskSha256" : name, value]),
    ),
    sampledFraction: sampled / data.length,
  };
}
