// An inverse problem: what is imaged, how it is measured, and how noisy the measurement is.
import {
  ConfigError,
  random,
  type Backend,
  type GraphBuilder,
  type Value,
} from "../engine/index.ts";
import { applyOperator, type Operator } from "./operators/operator.ts";
import type { ImageSet } from "./phantoms/brain.ts";

/**
 * Independent Gaussian noise of standard deviation sigma on the real and the imaginary part of
 * every measured cell.
 */
export interface Noise {
  readonly kind: "gaussian";
  readonly sigma: number;
}
export function gaussianNoise(options: { sigma: number }): Noise {
  return { kind: "gaussian", sigma: options.sigma };
}

export interface InverseProblem {
  readonly operator: Operator;
  readonly noise: Noise;
  readonly images: ImageSet;
  /** Keeps what lies where something is measured. */
  sampled(b: GraphBuilder, y: Value): Value;
  /** The noise of image i, of the range's shape, zero where nothing is measured. */
  draw(seed: number, i: number): Float64Array;
}

/**
 * Throws ConfigError for an operator without A or A*, and for images that bring their own
 * measurement where the operator has no formula of it.
 */
export function inverseProblem(options: {
  operator: Operator;
  noise: Noise;
  images: ImageSet;
}): InverseProblem {
  const { operator, noise } = options;
  for (const part of ["forward", "adjoint"] as const)
    if (typeof operator[part] !== "function")
      throw new ConfigError(
        `inverseProblem: the operator ${operator.name} has no ${part}; a reconstruction and its attacks need A and A*`,
        { part },
      );
  if (options.images.measurement && !operator.lines && !operator.frequencies)
    throw new ConfigError(
      `inverseProblem: these phantoms are measured from their formulas, and ${operator.name} measures neither line integrals nor frequencies; measure pixels instead`,
      { operator: operator.name },
    );
  const { measured, range } = operator;
  return {
    ...options,
    sampled: (b, y) =>
      b.emit("mul", { a: y, b: b.constant(Float32Array.from(measured), range) }, {}),
    draw(seed, i) {
      const rng = random(seed).fork(`noise ${i}`);
      return Float64Array.from(measured, (there) => {
        const v = noise.sigma * rng.normal();
        return there ? v : 0;
      });
    },
  };
}

/**
 * y − Ax for image i: the noise that an audit with this seed adds and, where the object brings its
 * own measurement, what its pixels miss of that.
 */
export function besideModel(
  { images, operator, draw }: InverseProblem,
  {
    image,
    seed,
    Ax,
  }: { readonly image: number; readonly seed: number; readonly Ax: ArrayLike<number> },
): Float64Array {
  const noise = draw(seed, image);
  const own = images.measurement?.(image, operator);
  return own ? noise.map((v, k) => v + (own[k] - Ax[k])) : noise;
}

/**
 * y = Ax + e for image i of the problem, of the range's shape; the noise is the one that an audit
 * with this seed adds. What an object brings is measured as it says, not from its pixels.
 */
export async function measure(
  problem: InverseProblem,
  options: { image: number; seed: number; backend: Backend },
): Promise<Float64Array> {
  const { image, seed, backend } = options;
  const Ax = await applyOperator(problem.operator, "forward", problem.images.image(image), backend);
  const beside = besideModel(problem, { image, seed, Ax });
  return Ax.map((v, k) => v + beside[k]);
}
