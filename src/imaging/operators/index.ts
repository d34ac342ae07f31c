// The catalogue's table, and an operator from a spec.
import type { OperatorDefinition, Operators, OperatorSpec } from "./catalogue.ts";
import { fanBeamDefinition } from "./fan-beam.ts";
import type { MaskKinds } from "./mask-spec.ts";
import { multiCoilFourierDefinition } from "./multi-coil-fourier.ts";
import { nonUniformFourierDefinition } from "./non-uniform-fourier.ts";
import type { Operator } from "./operator.ts";
import { parallelBeamDefinition } from "./parallel-beam.ts";
import { checkSpec, type Arrays, type Kinds } from "./spec.ts";
import { subsampledFourierDefinition } from "./subsampled-fourier.ts";
import { uncentredFourierDefinition } from "./uncentred-fourier.ts";

export const operators: { readonly [K in keyof Operators]: OperatorDefinition<K> } = {
  subsampledFourier: subsampledFourierDefinition,
  multiCoilFourier: multiCoilFourierDefinition,
  uncentredFourier: uncentredFourierDefinition,
  nonUniformFourier: nonUniformFourierDefinition,
  parallelBeam: parallelBeamDefinition,
  fanBeam: fanBeamDefinition,
};

/**
 * The operator that a spec names; `arrays` are those it names by their hash. Throws ConfigError for
 * options out of range, FormatError for an array that is not given.
 */
export function openOperator(spec: OperatorSpec, arrays: Arrays = new Map()): Operator {
  const definition = operators[spec.kind] as OperatorDefinition<typeof spec.kind>;
  return definition.open(spec, arrays);
}

/**
 * A value from a file as a spec. Throws FormatError that begins with `where` and names what this
 * version does not know.
 */
export function parseOperatorSpec(value: unknown, where: string): OperatorSpec {
  const kinds: Kinds = Object.fromEntries(
    Object.entries(operators).map(([kind, { fields }]) => [kind, fields]),
  );
  checkSpec(value, where, kinds);
  return value as OperatorSpec;
}

const described: { readonly [K in keyof MaskKinds]?: readonly string[] } = {
  random: ["acceleration", "centerFraction", "seed"],
  "equispaced-fraction": ["acceleration", "centerFraction", "offset"],
  "variable-density": ["acceleration", "centerFraction", "power", "seed"],
  radial: ["spokes"],
};
/**
 * The spec of an operator that is described by flat facts, as results and the first checkpoints do;
 * undefined where they do not say enough (a mask from a file).
 */
export function specOfDescription(
  facts: Readonly<Record<string, unknown>>,
): OperatorSpec | undefined {
  const { kind, height, width, samplingKind } = facts;
  const names = described[samplingKind as keyof MaskKinds];
  if (kind !== "subsampledFourier" || !names) return undefined;
  const options = Object.fromEntries(names.map((name) => [name, facts[name]]));
  const mask = { kind: samplingKind, shape: [height, width], ...options };
  return parseOperatorSpec({ kind, mask }, "operator");
}
