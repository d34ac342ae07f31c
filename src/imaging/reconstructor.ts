// A reconstruction method f: measurement → image. One of ours is written as graph nodes, so that
// everything in it can be differentiated; of somebody else's program only its answers are known.
import {
  arithmetic,
  formatShape,
  type GraphBuilder,
  type Shape,
  type Value,
} from "../engine/index.ts";
import type { OperatorSpec } from "./operators/catalogue.ts";
import { canonical } from "./operators/spec.ts";
import { lacking, type Operator, type Requirement } from "./operators/operator.ts";
import { unitScale } from "./unit-scale.ts";

/** What a method was made for; what is left out may be anything. */
export interface MadeFor {
  /** The images' shape. */
  readonly domain?: Shape;
  /** The measurements' shape. */
  readonly range?: Shape;
  /** The one operator, its mask included. */
  readonly operator?: OperatorSpec;
  /** Why an operator does not fit, as a sentence's end; undefined where it does. */
  unfit?(operator: Operator): string | undefined;
}

/** What a method says of itself. It is given the problem's operator, and holds none itself. */
interface Described {
  readonly name: string;
  /** What a result file records about it. */
  readonly description: Readonly<Record<string, string | number | boolean>>;
  /** No part of it was learned from images: learned methods are held to it. */
  readonly classical?: true;
  /** What it needs of an operator. */
  readonly requires?: readonly Requirement[];
  /** Other operators are refused. */
  readonly madeFor?: MadeFor;
  /** A proven Lipschitz constant of f, if there is one, and why. */
  lipschitz?(operator: Operator): LipschitzBound | undefined;
}
/** A method as graph nodes. */
export interface Reconstructor extends Described {
  /**
   * The same method where y is in units that make it `factor` times as large, noise and all: it is
   * told so. Not there for a method that was told nothing in y's units.
   */
  inUnits?(factor: number): Reconstructor;
  /** x̂ [N,…domain] from y [N,…range] */
  apply(b: GraphBuilder, y: Value, operator: Operator): Value;
}
/** A method that is asked and answers, and that is all that is known of it: it has no gradient. */
export interface BlackBox extends Described {
  /** How many measurements it takes at once. */
  readonly together: number;
  /** It is told which cells are measured, so it can be given measurements under other masks. */
  readonly followsMask: boolean;
  /**
   * An image for each measurement [range] of the operator: complex, of the domain's size, or its
   * magnitudes [H,W].
   */
  run(
    measurements: readonly ArrayLike<number>[],
    operator: Operator,
  ): Promise<readonly ArrayLike<number>[]>;
}
export type Method = Reconstructor | BlackBox;
export const hasGraph = (method: Method): method is Reconstructor => "apply" in method;
export interface LipschitzBound {
  readonly bound: number;
  readonly why: string;
}

/** Why a method cannot reconstruct what the operator measures; undefined where it can. */
export function misfit(method: Method, operator: Operator): string | undefined {
  const { domain, range, operator: only } = method.madeFor ?? {};
  const unfit = method.madeFor?.unfit?.(operator);
  if (unfit !== undefined)
    return `${method.name} cannot take the operator's images of ${formatShape(operator.domain)}: ${unfit}`;
  if (domain && domain.join() !== operator.domain.join())
    return `${method.name} was made for images of ${formatShape(domain)}, the operator's are ${formatShape(operator.domain)}`;
  if (range && range.join() !== operator.range.join())
    return `${method.name} was made for measurements of ${formatShape(range)}, the operator's are ${formatShape(operator.range)}`;
  const [wanted, given] = [canonical(only), canonical(operator.spec ?? operator.description)];
  if (only && wanted !== given)
    return `${method.name} was made for the operator ${wanted}, the problem's is ${given}`;
  const lack = lacking(operator, method.requires);
  return lack && `${method.name} ${lack}`;
}

/** x̂ = A*y: unmeasured k-space taken as 0. Linear; moves by at most as much as its input. */
export function zeroFilled(): Reconstructor {
  return {
    name: "zero-filled",
    classical: true,
    description: { kind: "zeroFilled" },
    lipschitz: ({ norm }) =>
      norm === undefined ? undefined : { bound: norm, why: "linear, the operator's norm" },
    apply: (b, y, operator) => operator.adjoint(b, y),
  };
}

/**
 * Runs `body` on y divided by its own scale (the root mean square of its first image, A*y, per
 * image), and multiplies the result back: a method that works at any intensity. `ratio` changes the
 * scale [N] by a factor, which a method whose λ is fixed feels as that factor of λ.
 */
export function atUnitScale(
  operator: Operator,
  b: GraphBuilder,
  y: Value,
  body: (y: Value, initial: Value) => Value,
  ratio?: (b: GraphBuilder, scale: Value) => Value,
): Value {
  const { div, mul, reshape } = arithmetic(b);
  const initial = operator.initial ? operator.initial(b, y) : operator.adjoint(b, y);
  const { scale: unit, something } = unitScale(b, initial);
  const scale = ratio ? mul(unit, ratio(b, unit)) : unit;
  const over = (s: Value, v: Value): Value =>
    reshape(s, [v.shape[0], ...v.shape.slice(1).map(() => 1)]);
  const x = body(div(y, over(scale, y)), div(initial, over(scale, initial)));
  return mul(mul(x, over(scale, x)), over(something, x));
}
