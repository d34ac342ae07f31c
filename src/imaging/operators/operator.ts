// What a sampling operator is, and the law every one of them is held to.
import {
  GraphBuilder,
  ops,
  random,
  sizeOf,
  type Backend,
  type Shape,
  type Value,
} from "../../engine/index.ts";
import type { OperatorSpec } from "./catalogue.ts";
import type { Coils } from "./coils.ts";
import type { Lines } from "./lines.ts";
import type { Mask } from "./masks.ts";

/** Cells of a Cartesian k-space, or all coils' k-spaces alike. */
export interface Sampling {
  readonly mask: Mask;
  /** The same operator under another mask. */
  under(mask: Mask): Operator;
}
/** Down and across, two numbers a cell, in cycles per field of view. */
export type Frequencies = Float64Array;
/** What a test or method may need of an operator. */
export type Requirement = "sampling" | "norm" | "initial";

/**
 * y = Ax, linear. Values carry the batch before the domain's or range's own axes. Complex values
 * are
 * [2,…]: all real parts, then all imaginary ones.
 */
export interface Operator {
  readonly name: string;
  readonly domain: Shape;
  readonly range: Shape;
  /** Its entry of the catalogue; an operator of your own has none. */
  readonly spec?: OperatorSpec;
  /** What a result file records about it. */
  readonly description: Readonly<Record<string, string | number | boolean | readonly number[]>>;
  /** A proven bound of ‖A‖, if there is one. */
  readonly norm?: number;
  /**
   * The mean of ‖Ax‖²/‖x‖² over white images; where it is not given, the share of k-space that is
   * measured, as for a mask and a unitary transform.
   */
  readonly meanSquare?: number;
  /**
   * 1 where the range has a measured cell, of the range's size; elsewhere are neither data nor
   * noise.
   */
  readonly measured: Uint8Array;
  /** Where k-space is sampled; an operator of another kind has none. */
  readonly sampling?: Sampling;
  /** The sensitivities of its coils, for an operator of several. */
  readonly coils?: Coils;
  /**
   * The diagonal d [H,W] of A*A = F*·d·F, F being the centred orthonormal Fourier transform, for an
   * operator of which that is true.
   */
  readonly spectralDiagonal?: Uint8Array;
  /** What is measured, to look at: values in [0, 1]. */
  picture?(): { readonly shape: readonly [number, number]; readonly data: ArrayLike<number> };
  /**
   * The line that every cell integrates along, for an operator of line integrals; real and
   * imaginary part alike.
   */
  lines?(): Lines;
  /**
   * The frequency that every cell measures, for an operator of Fourier samples: the value there of
   * the centred orthonormal transform.
   */
  frequencies?(): Frequencies;
  /** A first image from a measurement; A* unless given. */
  initial?(b: GraphBuilder, y: Value): Value;
  forward(b: GraphBuilder, x: Value): Value;
  adjoint(b: GraphBuilder, y: Value): Value;
}

const needs: Readonly<Record<Requirement, string>> = {
  sampling: "a sampling mask of k-space",
  norm: "a bound of the operator's norm",
  initial: "a direct inversion",
};
/** What the operator lacks of what is required, as the end of a sentence; undefined for nothing. */
export function lacking(
  operator: Operator,
  requires: readonly Requirement[] = [],
): string | undefined {
  const missing = requires.find((r) => operator[r] === undefined);
  return missing && `needs ${needs[missing]}, and ${operator.name} has none`;
}

/**
 * |⟨Ax, y⟩ − ⟨x, A*y⟩| / (‖Ax‖‖y‖) for random x and y: below 1e-12 on the reference backend when
 * `adjoint` is forward's adjoint.
 */
export async function dotTest(
  operator: Operator,
  options: { seed: number; backend: Backend },
): Promise<number> {
  const rng = random(options.seed);
  const draw = (shape: Shape): Float64Array =>
    Float64Array.from({ length: sizeOf(shape) }, () => rng.normal());
  const x = draw(operator.domain);
  const y = draw(operator.range);
  const b = new GraphBuilder(ops);
  b.output("Ax", operator.forward(b, b.input("x", [1, ...operator.domain])));
  b.output("Aty", operator.adjoint(b, b.input("y", [1, ...operator.range])));
  const { Ax, Aty } = await (await options.backend.compile(b)).execute({ x, y });
  const inner = (p: ArrayLike<number>, q: ArrayLike<number>): number => {
    let s = 0;
    for (let i = 0; i < p.length; i++) s += p[i] * q[i];
    return s;
  };
  return Math.abs(inner(Ax, y) - inner(x, Aty)) / Math.sqrt(inner(Ax, Ax) * inner(y, y));
}

/** A applied to one image, or A* to one measurement. */
export async function applyOperator(
  operator: Operator,
  which: "forward" | "adjoint",
  values: ArrayLike<number>,
  backend: Backend,
): Promise<Float64Array> {
  const b = new GraphBuilder(ops);
  const input = b.input("v", [1, ...(which === "forward" ? operator.domain : operator.range)]);
  b.output("out", operator[which](b, input));
  return Float64Array.from((await (await backend.compile(b)).execute({ v: values })).out);
}
