// What every search looks at: f(y(r)), through the reconstruction and the sampling operator; and of
// a graph what it climbs, ½‖f(y(r)) − p‖² with its exact gradient.
import {
  arithmetic,
  formatShape,
  GraphBuilder,
  gradients,
  ops,
  ShapeError,
  sizeOf,
  type Backend,
  type Value,
} from "../../engine/index.ts";
import {
  inGroups,
  openReconstruct,
  type BlackBox,
  type InverseProblem,
  type Reconstructor,
} from "../../imaging/index.ts";

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

/** What a method makes of perturbed measurements. */
export interface Looking {
  readonly domain: Domain;
  /** How many perturbations are best looked at together. */
  readonly together: number;
  /** x̂ = f(y(r)) */
  reconstruct(scene: Scene, r: Values): Promise<Float64Array>;
  reconstructAll(scene: Scene, rs: readonly Values[]): Promise<Float64Array[]>;
  /** The change y(r) − y(0) of the measurement. */
  measured(r: Values): Promise<Float64Array>;
  /** r as an image: itself, or A*r. */
  asImage(r: Float64Array): Promise<Float64Array>;
}
/** The same of a method that is a graph, and its slope. */
export interface Objective extends Looking {
  /**
   * x̂, and the gradient to r of ½‖w(x̂ − p)‖², w (of an image's size [H,W]) being 1 everywhere
   * unless given.
   */
  climb(
    scene: Scene,
    r: Values,
    p: Values,
    window?: Values,
  ): Promise<{ x: Float64Array; gradient: Float64Array }>;
}

/** Makes a value when it is first asked for. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

/** y(r), from the inputs x, noise and r. */
function perturbed(
  b: GraphBuilder,
  problem: InverseProblem,
  domain: Domain,
): { r: Value; y: Value } {
  const { operator } = problem;
  const { add } = arithmetic(b);
  const [shape, range] = [operator.domain, operator.range].map((axes) => [1, ...axes]);
  const [x, noise] = [b.input("x", shape), b.input("noise", range)];
  const r = b.input("r", domain === "image" ? shape : range);
  const y =
    domain === "image"
      ? add(operator.forward(b, add(x, r)), noise)
      : add(add(operator.forward(b, x), noise), problem.sampled(b, r));
  return { r, y };
}

/** What a perturbation is to the measurement and to the image, whatever the method. */
async function compileChange(
  { operator, sampled }: InverseProblem,
  domain: Domain,
  backend: Backend,
): Promise<Pick<Looking, "domain" | "measured" | "asImage">> {
  const b = new GraphBuilder(ops);
  const r = b.input("r", [1, ...(domain === "image" ? operator.domain : operator.range)]);
  b.output("y", domain === "image" ? operator.forward(b, r) : sampled(b, r));
  if (domain === "measurement") b.output("image", operator.adjoint(b, r));
  const plan = await backend.compile(b);
  return {
    domain,
    measured: async (perturbation) =>
      Float64Array.from((await plan.execute({ r: perturbation })).y),
    asImage: async (perturbation) =>
      domain === "image"
        ? perturbation
        : Float64Array.from((await plan.execute({ r: perturbation })).image),
  };
}

/**
 * A method's objective, its slope on the backend `searching`. Its three plans are reused for every
 * image and every step, and each is compiled when it is first needed: a test without a search needs
 * no gradient.
 */
export async function compileObjective(
  method: Reconstructor,
  problem: InverseProblem,
  domain: Domain,
  on: Backend | { readonly backend: Backend; readonly searching: Backend },
): Promise<Objective> {
  const { backend, searching } = "compile" in on ? { backend: on, searching: on } : on;
  const { operator } = problem;
  const shape = [1, ...operator.domain];
  const build = (differentiate: boolean): GraphBuilder => {
    const b = new GraphBuilder(ops);
    const { square, sub, sum, mul } = arithmetic(b);
    const { r, y } = perturbed(b, problem, domain);
    const xHat = method.apply(b, y, operator);
    if (formatShape(xHat.shape) !== formatShape(shape))
      throw new ShapeError(
        `it gives ${formatShape(xHat.shape)}, an image is ${formatShape(shape)}`,
        { shape: xHat.shape },
      );
    b.output("x", xHat);
    if (!differentiate) return b;
    const weighted = mul(sub(xHat, b.input("p", shape)), b.input("window", shape.slice(-2)));
    b.output("gradient", gradients(b, mul(sum(square(weighted)), 0.5), [r])[0]);
    return b;
  };
  const look = await backend.compile(build(false));
  const climb = once(() => searching.compile(build(true)));
  const everywhere = new Float32Array(sizeOf(shape.slice(-2))).fill(1);
  const reconstruct = async ({ x, noise }: Scene, r: Values): Promise<Float64Array> =>
    Float64Array.from((await look.execute({ x, noise, r })).x);
  return {
    ...(await compileChange(problem, domain, backend)),
    together: 1,
    reconstruct,
    reconstructAll: (scene, rs) => inGroups(rs, 1, async ([r]) => [await reconstruct(scene, r)]),
    async climb({ x, noise }, perturbation, p, window = everywhere) {
      const out = await (await climb()).execute({ x, noise, r: perturbation, p, window });
      return { x: Float64Array.from(out.x), gradient: Float64Array.from(out.gradient) };
    },
  };
}

/** The same of a program, which is asked and has no slope. */
export async function openLooking(
  method: BlackBox,
  problem: InverseProblem,
  domain: Domain,
  backend: Backend,
): Promise<Looking> {
  const b = new GraphBuilder(ops);
  b.output("y", perturbed(b, problem, domain).y);
  const measure = await backend.compile(b);
  const answer = await openReconstruct(method, problem.operator, backend);
  const reconstructAll = async (
    { x, noise }: Scene,
    rs: readonly Values[],
  ): Promise<Float64Array[]> =>
    inGroups(rs, method.together, async (group) => {
      const ys: Float64Array[] = [];
      for (const r of group) ys.push(Float64Array.from((await measure.execute({ x, noise, r })).y));
      return answer(ys);
    });
  return {
    ...(await compileChange(problem, domain, backend)),
    together: method.together,
    reconstruct: async (scene, r) => (await reconstructAll(scene, [r]))[0],
    reconstructAll,
  };
}
