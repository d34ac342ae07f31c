// A reconstruction method f: measurement → image, written as graph nodes so that everything in it
// can be differentiated.
import { arithmetic, GraphBuilder, ops, type Backend, type Value } from "../engine/index.ts";
import type { Operator } from "./operators/operator.ts";
import type { subsampledFourier } from "./operators/subsampled-fourier.ts";

export interface Reconstructor {
  readonly name: string;
  readonly operator: Operator;
  /** What a result file records about it. */
  readonly description: Readonly<Record<string, string | number | boolean>>;
  /** A proven Lipschitz constant of f, if there is one, and why. */
  readonly lipschitz?: { readonly bound: number; readonly why: string };
  /**
   * The same method, with the same settings or weights, for another sampling of images of the same
   * size.
   */
  readonly on?: (operator: ReturnType<typeof subsampledFourier>) => Reconstructor;
  /** x̂ [N,…domain] from y [N,…range] */
  apply(b: GraphBuilder, y: Value): Value;
}

/** x̂ = A*y: unmeasured k-space taken as 0. Linear; moves by at most as much as its input. */
export function zeroFilled(options: { operator: Operator }): Reconstructor {
  const { operator } = options;
  return {
    name: "zero-filled",
    operator,
    on: (other) => zeroFilled({ operator: other }),
    description: { kind: "zeroFilled" },
    ...(operator.norm === undefined ? {} : { lipschitz: { bound: operator.norm, why: "linear, the operator's norm" } }),
    apply: (b, y) => operator.adjoint(b, y),
  };
}

/**
 * Runs `body` on y divided by its own scale (the root mean square of A*y, per image), and
 * multiplies the result back: a method that works at any intensity. `ratio` changes the scale [N] by
 * a factor, which a method whose λ is fixed feels as that factor of λ.
 */
export function atUnitScale(
  operator: Operator,
  b: GraphBuilder,
  y: Value,
  body: (y: Value, initial: Value) => Value,
  ratio?: (b: GraphBuilder, scale: Value) => Value,
): Value {
  const { add, div, mean, mul, reshape, sqrt, square } = arithmetic(b);
  const initial = operator.adjoint(b, y);
  const power = mean(square(initial), initial.shape.map((_, i) => i).slice(1));
  const unit = sqrt(add(power, 1e-12));
  const scale = ratio ? mul(unit, ratio(b, unit)) : unit;
  const like = (v: Value): Value => reshape(scale, [v.shape[0], ...v.shape.slice(1).map(() => 1)]);
  const x = body(div(y, like(y)), div(initial, like(initial)));
  return mul(x, like(x));
}

/** One image from one measurement. */
export async function reconstruct(
  method: Reconstructor,
  y: ArrayLike<number>,
  backend: Backend,
): Promise<Float64Array> {
  const b = new GraphBuilder(ops);
  b.output("x", method.apply(b, b.input("y", [1, ...method.operator.range])));
  return Float64Array.from((await (await backend.compile(b)).execute({ y })).x);
}
