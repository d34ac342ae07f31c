// Every operator as plain data, on one screen. An operator is a file of its own; index.ts lists
// them.
import type { CoilsSpec } from "./coils.ts";
import type { FanBeam } from "./fan-beam.ts";
import type { MaskSpec } from "./mask-spec.ts";
import type { NonUniformFourier } from "./non-uniform-fourier.ts";
import type { Operator } from "./operator.ts";
import type { ParallelBeam } from "./parallel-beam.ts";
import type { Arrays, Check } from "./spec.ts";

export interface Operators {
  /** y = M F x: one coil. */
  subsampledFourier: { readonly mask: MaskSpec };
  /** y_c = M F S_c x: several coils. */
  multiCoilFourier: { readonly mask: MaskSpec; readonly coils: CoilsSpec };
  /** y = M F x with the lowest frequency in the corner, as numpy.fft.fft2 has it. */
  uncentredFourier: { readonly mask: MaskSpec };
  /** The Fourier transform at samples off the grid. */
  nonUniformFourier: NonUniformFourier;
  /** Line integrals by a parallel beam. */
  parallelBeam: ParallelBeam;
  /** Line integrals by a fan of rays onto a flat detector. */
  fanBeam: FanBeam;
}
export type OperatorSpec = {
  [K in keyof Operators]: { readonly kind: K } & Operators[K];
}[keyof Operators];

export interface OperatorDefinition<K extends keyof Operators> {
  /** What each field of a spec from a file is held to. */
  readonly fields: Readonly<Record<keyof Required<Operators[K]>, Check>>;
  /** Throws what the parts of the spec throw when they are out of range. */
  open(spec: Operators[K], arrays: Arrays): Operator;
  /** From these its laws are tested: dot test, linearity, norm, derivatives through A. */
  readonly samples: readonly Operators[K][];
}
