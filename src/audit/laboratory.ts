// Where methods are measured: an image's scene, a method's objective and its clean reconstruction.
// What a test is given is in subject.ts, what one perturbation does in measure.ts.
import {
  ConfigError,
  GraphBuilder,
  ops,
  present,
  random,
  type Random,
  sizeOf,
  type Backend,
  type HostData,
} from "../engine/index.ts";
import {
  besideModel,
  fullMask,
  magnitude,
  maximum,
  norm,
  psnr,
  type InverseProblem,
  type Method,
  type Operator,
} from "../imaging/index.ts";
import type { Domain, Scene } from "./attack/objective.ts";
import { openEither, remembered, type EitherMethod } from "./either-method.ts";
import { whiteOf } from "./pictures.ts";
import type { Transfer } from "./schema.ts";

type Values = ArrayLike<number>;

/** An image, what is measured of it, and the figures that everything about it refers to. */
export interface View {
  /** Of a measurement without a known truth: nothing, with what was measured as its noise. */
  readonly scene: Scene;
  /**
   * What places, sizes and pictures refer to: x, or, where no truth is known, the first image from
   * the data.
   */
  readonly image: Values;
  /** |image| */
  readonly truth: Float64Array;
  /** The largest |x|. */
  readonly range: number;
  /** The |x| that pictures show as white. */
  readonly white: number;
  readonly y: Float64Array;
  readonly xNorm: number;
  readonly yNorm: number;
  /**
   * PSNR of the first image from y, zero-filling for k-space: what every method must do better
   * than. NaN where no truth is known.
   */
  readonly initialPsnr: number;
}
/**
 * What a test leaves beside its findings: pictures, and the maps that are coloured once all of the
 * image are known: |x̂ − x| and |x̂(r) − x̂(0)|.
 */
export interface Collected {
  readonly pictures: Record<string, string>;
  readonly errors: Record<string, Float64Array>;
  readonly changes: Record<string, Float64Array>;
  readonly transfers: Transfer[];
}

export interface Laboratory extends EitherMethod {
  readonly problem: InverseProblem;
  readonly methods: readonly Method[];
  readonly seed: number;
  readonly backend: Backend;
  /** What searches take their gradients on, where it is another: a graphics card. */
  readonly searching?: Backend;
  readonly imageCount: number;
  /** Whether the true images are known. */
  readonly known: boolean;
  view(image: number): Promise<View>;
  /** f(y) without perturbation. */
  clean(method: Method, image: number): Promise<Float64Array>;
  /** x ↦ Ax, without noise */
  forward(x: Values): Promise<HostData>;
  /** y ↦ A*y */
  adjoint(y: Values): Promise<HostData>;
  /** The whole k-space of an image, where the operator samples one. */
  readonly spectrum?: (x: Values) => Promise<HostData>;
  /** Gaussian perturbations: in the measured cells, or of the whole image. */
  randomPerturbation(domain: Domain, label: string): () => Float64Array;
  /** Gaussian perturbations that are measured as a whole: A*n in the image domain. */
  measuredNoise(domain: Domain, label: string): () => Promise<Float64Array>;
}

type Apply = (v: Values) => Promise<HostData>;
async function compileOperator(
  operator: Operator,
  which: "forward" | "adjoint",
  backend: Backend,
): Promise<Apply> {
  const b = new GraphBuilder(ops);
  const shape = which === "forward" ? operator.domain : operator.range;
  b.output("out", operator[which](b, b.input("v", [1, ...shape])));
  const plan = await backend.compile(b);
  return async (v) => (await plan.execute({ v })).out;
}

/** Draws that are 0 but in the cells. */
const gaussianIn =
  (cells: Uint8Array, rng: Random): (() => Float64Array) =>
  () => {
    const out = new Float64Array(cells.length);
    for (let k = 0; k < cells.length; k++) {
      const v = rng.normal();
      if (cells[k]) out[k] = v;
    }
    return out;
  };

/** What the problem's operator does: A, A*, its first image from y, and all of k-space. */
async function compileOperators({ operator, images }: InverseProblem, backend: Backend) {
  const forward = await compileOperator(operator, "forward", backend);
  const adjoint = await compileOperator(operator, "adjoint", backend);
  const initial = operator.initial
    ? await compileOperator({ ...operator, adjoint: operator.initial }, "adjoint", backend)
    : adjoint;
  const whole = operator.sampling?.under(fullMask(images.shape));
  const spectrum = whole && (await compileOperator(whole, "forward", backend));
  return { forward, adjoint, initial, spectrum };
}

interface LaboratoryOptions {
  problem: InverseProblem;
  methods: readonly Method[];
  seed: number;
  backend: Backend;
  searching?: Backend;
  imageCount: number;
  measurements?: readonly Values[] | undefined;
}

/** An image as it is measured, or a measurement as it is. */
async function viewOf(
  i: number,
  { problem, seed, measurements }: LaboratoryOptions,
  { forward, initial }: { forward: Apply; initial: Apply },
): Promise<View> {
  const x = problem.images.image(i);
  const Ax = await forward(x);
  const noise = measurements ? measurements[i] : besideModel(problem, { image: i, seed, Ax });
  const y = Float64Array.from(Ax, (v, k) => v + noise[k]);
  const first = await initial(y);
  const image = measurements ? first : x;
  const truth = magnitude(image);
  const range = maximum(truth);
  return {
    scene: { x, noise },
    image,
    truth,
    range,
    white: whiteOf(truth),
    y,
    xNorm: norm(image),
    yNorm: norm(y),
    initialPsnr: measurements ? Number.NaN : psnr(truth, magnitude(first), range),
  };
}

export async function openLaboratory(options: LaboratoryOptions): Promise<Laboratory> {
  const { problem, seed, backend, searching, measurements } = options;
  const { operator } = problem;
  const { spectrum, ...operators } = await compileOperators(problem, backend);
  const { forward, adjoint } = operators;
  const view = remembered<number, View>((i) => viewOf(i, options, operators), String);
  const either = openEither(problem, backend, searching);
  const size = sizeOf(operator.domain);
  const clean = remembered<{ method: Method; i: number }, Float64Array>(
    async ({ method, i }) => {
      const { scene } = await view(i);
      const looking = await either.looking(method, "image");
      const x = await looking.reconstruct(scene, new Float64Array(size));
      if (!x.every(Number.isFinite))
        throw new ConfigError(`its reconstruction of image ${i + 1} is not finite`, {});
      return x;
    },
    ({ method, i }) => `${method.name} ${i}`,
  );
  const gaussian = (cells: Uint8Array, label: string): (() => Float64Array) =>
    gaussianIn(cells, random(seed).fork(label));
  const everywhere = new Uint8Array(size).fill(1);

  return {
    ...options,
    known: measurements === undefined,
    view,
    ...either,
    clean: (method, i) => clean({ method, i }),
    forward,
    adjoint,
    ...present({ spectrum }),
    randomPerturbation: (domain, label) =>
      gaussian(domain === "image" ? everywhere : operator.measured, label),
    measuredNoise(domain, label) {
      const draw = gaussian(operator.measured, label);
      if (domain === "measurement") return async () => draw();
      return async () => Float64Array.from(await adjoint(draw()));
    },
  };
}
