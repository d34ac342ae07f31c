// What every search climbs: ½‖f(y(r)) − p‖² and its exact gradient, through the reconstruction and
// the sampling operator.
import {
  arithmetic,
  formatShape,
  GraphBuilder,
  gradients,
  ops,
  ShapeError,
  sizeOf,
  type Backend,
} from "../../engine/index.ts";
import type { InverseProblem, Reconstructor } from "../../imaging/index.ts";

/**
 * "image": y(r) = A(x + r) + e. "measurement": y(r) = Ax + e + r, with r kept where something is
 * measured.
 */
export type Domain = "image" | "measurement";
type Values = ArrayLike<number>;
export interface Scene {
  readonly x: Values;
  readonly noise: Values;
}

export interface Objective {
  readonly domain: Domain;
  /** x̂ = f(y(r)) */
  reconstruct(scene: Scene, r: Values): Promise<Float64Array>;
  /**
   * x̂, and the gradient to r of ½‖w(x̂ − p)‖², w (of an image's size [H,W]) being 1 everywhere
   * unless given.
   */
  climb(scene: Scene, r: Values, p: Values, window?: Values): Promise<{ x: Float64Array; gradient: Float64Array }>;
  /** The change y(r) − y(0) of the measurement. */
  measured(r: Values): Promise<Float64Array>;
  /** r as an image: itself, or A*r. */
  asImage(r: Float64Array): Promise<Float64Array>;
}

/** Makes a value when it is first asked for. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

/**
 * A method's objective. Its three plans are reused for every image and every step, and each is
 * compiled when it is first needed: a test without a search needs no gradient.
 */
export async function compileObjective(
  method: Reconstructor,
  problem: InverseProblem,
  domain: Domain,
  backend: Backend,
): Promise<Objective> {
  const { operator } = problem;
  const shape = [1, ...operator.domain];
  const range = [1, ...operator.range];
  const build = (differentiate: boolean): GraphBuilder => {
    const b = new GraphBuilder(ops);
    const { add, square, sub, sum, mul } = arithmetic(b);
    const [x, noise, r] = [
      b.input("x", shape),
      b.input("noise", range),
      b.input("r", domain === "image" ? shape : range),
    ];
    const y =
      domain === "image"
        ? add(operator.forward(b, add(x, r)), noise)
        : add(add(operator.forward(b, x), noise), problem.sampled(b, r));
    const xHat = method.apply(b, y, operator);
    if (formatShape(xHat.shape) !== formatShape(shape))
      throw new ShapeError(`it gives ${formatShape(xHat.shape)}, an image is ${formatShape(shape)}`, {
        shape: xHat.shape,
      });
    b.output("x", xHat);
    if (differentiate)
      b.output(
        "gradient",
        gradients(b, mul(sum(square(mul(sub(xHat, b.input("p", shape)), b.input("window", shape.slice(-2))))), 0.5), [
          r,
        ])[0],
      );
    return b;
  };
  const change = new GraphBuilder(ops);
  const r = change.input("r", domain === "image" ? shape : range);
  change.output("y", domain === "image" ? operator.forward(change, r) : problem.sampled(change, r));
  if (domain === "measurement") change.output("image", operator.adjoint(change, r));
  const look = await backend.compile(build(false));
  const measure = await backend.compile(change);
  const climb = once(() => backend.compile(build(true)));
  const everywhere = new Float32Array(sizeOf(shape.slice(-2))).fill(1);
  return {
    domain,
    reconstruct: async ({ x, noise }, perturbation) =>
      Float64Array.from((await look.execute({ x, noise, r: perturbation })).x),
    async climb({ x, noise }, perturbation, p, window = everywhere) {
      const out = await (await climb()).execute({ x, noise, r: perturbation, p, window });
      return { x: Float64Array.from(out.x), gradient: Float64Array.from(out.gradient) };
    },
    measured: async (perturbation) => Float64Array.from((await measure.execute({ r: perturbation })).y),
    asImage: async (perturbation) =>
      domain === "image" ? perturbation : Float64Array.from((await measure.execute({ r: perturbation })).image),
  };
}
