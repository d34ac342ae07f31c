// Where methods are measured: an image's scene, a method's objective and its clean reconstruction.
// What a test is given is in subject.ts, what one perturbation does in measure.ts.
import {
  ConfigError,
  GraphBuilder,
  ops,
  random,
  type Random,
  sizeOf,
  type Backend,
  type HostData,
  type Shape,
  type Value,
} from "../engine/index.ts";
import {
  besideModel,
  fullMask,
  magnitude,
  maximum,
  norm,
  psnr,
  type InverseProblem,
  type Operator,
  type Reconstructor,
} from "../imaging/index.ts";
import { compileObjective, type Domain, type Objective, type Scene } from "./attack/objective.ts";
import type { Ball } from "./attack/ascent.ts";
import { compileSearchStep, type SearchStep } from "./attack/step.ts";
import { compileUnderMasks, type UnderMask } from "./masked.ts";
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

export interface Laboratory {
  readonly problem: InverseProblem;
  readonly methods: readonly Reconstructor[];
  readonly seed: number;
  readonly backend: Backend;
  readonly imageCount: number;
  /** Whether the true images are known. */
  readonly known: boolean;
  view(image: number): Promise<View>;
  objective(method: Reconstructor, domain: Domain): Promise<Objective>;
  searchStep(method: Reconstructor, domain: Domain, ball: Ball): Promise<SearchStep>;
  /** f(y) without perturbation. */
  clean(method: Reconstructor, image: number): Promise<Float64Array>;
  /** x̂ under any mask by one plan, of a method that allows it. */
  underMasks(method: Reconstructor): Promise<UnderMask | undefined>;
  /** y ↦ f(y) of a method told that y is so many times as large; undefined of one told nothing. */
  inUnits(method: Reconstructor, factor: number): Promise<((y: Values) => Promise<HostData>) | undefined>;
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
async function compileApply(backend: Backend, shape: Shape, f: (b: GraphBuilder, v: Value) => Value): Promise<Apply> {
  const b = new GraphBuilder(ops);
  b.output("out", f(b, b.input("v", [1, ...shape])));
  const plan = await backend.compile(b);
  return async (v) => (await plan.execute({ v })).out;
}
function compileOperator(operator: Operator, which: "forward" | "adjoint", backend: Backend): Promise<Apply> {
  const shape = which === "forward" ? operator.domain : operator.range;
  return compileApply(backend, shape, operator[which].bind(operator));
}

/** Each value is made once, when it is first asked for. */
function remembered<Key, Value>(make: (key: Key) => Promise<Value>, name: (key: Key) => string) {
  const known = new Map<string, Promise<Value>>();
  return (key: Key): Promise<Value> => {
    const at = name(key);
    let value = known.get(at);
    if (!value) {
      value = make(key);
      known.set(at, value);
    }
    return value;
  };
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

export async function openLaboratory(options: {
  problem: InverseProblem;
  methods: readonly Reconstructor[];
  seed: number;
  backend: Backend;
  imageCount: number;
  measurements?: readonly Values[] | undefined;
}): Promise<Laboratory> {
  const { problem, seed, backend, measurements } = options;
  const { operator } = problem;
  const { sampling } = operator;
  const forward = await compileOperator(operator, "forward", backend);
  const adjoint = await compileOperator(operator, "adjoint", backend);
  const initial = operator.initial
    ? await compileOperator({ ...operator, adjoint: operator.initial }, "adjoint", backend)
    : adjoint;
  const whole = sampling?.under(fullMask(problem.images.shape));
  const spectrum = whole && (await compileOperator(whole, "forward", backend));

  const view = remembered<number, View>(async (i) => {
    const x = problem.images.image(i);
    const Ax = await forward(x);
    const noise = measurements ? measurements[i] : besideModel(problem, { image: i, seed, Ax });
    const y = Float64Array.from(Ax, (v, k) => v + noise[k]);
    const first = await initial(y);
    const image = measurements ? first : x;
    const truth = magnitude(image);
    const range = maximum(truth);
    const initialPsnr = measurements ? Number.NaN : psnr(truth, magnitude(first), range);
    const white = whiteOf(truth);
    const scene = { x, noise };
    return { scene, image, truth, range, white, y, xNorm: norm(image), yNorm: norm(y), initialPsnr };
  }, String);
  const objective = remembered<{ method: Reconstructor; domain: Domain }, Objective>(
    ({ method, domain }) => compileObjective(method, problem, domain, backend),
    ({ method, domain }) => `${domain} ${method.name}`,
  );
  const searchStep = remembered<{ method: Reconstructor; domain: Domain; ball: Ball }, SearchStep>(
    ({ method, domain, ball }) => compileSearchStep(method, problem, { domain, ball }, backend),
    ({ method, domain, ball }) => `${domain} ${ball} ${method.name}`,
  );
  const underMasks = remembered<Reconstructor, UnderMask | undefined>(
    (method) => compileUnderMasks(method, operator, backend),
    ({ name }) => name,
  );
  const inUnits = remembered<{ method: Reconstructor; factor: number }, Apply | undefined>(
    async ({ method, factor }) => {
      const told = method.inUnits?.(factor);
      return told && compileApply(backend, operator.range, (b, y) => told.apply(b, y, operator));
    },
    ({ method, factor }) => `${factor} ${method.name}`,
  );
  const clean = remembered<{ method: Reconstructor; i: number }, Float64Array>(
    async ({ method, i }) => {
      const { scene } = await view(i);
      const nothing = new Float64Array(sizeOf(operator.domain));
      const x = await (await objective({ method, domain: "image" })).reconstruct(scene, nothing);
      if (!x.every(Number.isFinite)) throw new ConfigError(`its reconstruction of image ${i + 1} is not finite`, {});
      return x;
    },
    ({ method, i }) => `${method.name} ${i}`,
  );
  const gaussian = (cells: Uint8Array, label: string): (() => Float64Array) =>
    gaussianIn(cells, random(seed).fork(label));
  const everywhere = new Uint8Array(sizeOf(operator.domain)).fill(1);

  return {
    ...options,
    known: measurements === undefined,
    view,
    objective: (method, domain) => objective({ method, domain }),
    searchStep: (method, domain, ball) => searchStep({ method, domain, ball }),
    underMasks,
    inUnits: (method, factor) => inUnits({ method, factor }),
    clean: (method, i) => clean({ method, i }),
    forward,
    adjoint,
    ...(spectrum ? { spectrum } : {}),
    randomPerturbation: (domain, label) => gaussian(domain === "image" ? everywhere : operator.measured, label),
    measuredNoise(domain, label) {
      const draw = gaussian(operator.measured, label);
      return async () => (domain === "measurement" ? draw() : Float64Array.from(await adjoint(draw())));
    },
  };
}
