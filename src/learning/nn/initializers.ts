// How fresh parameters are drawn.
import { sizeOf, type Random, type Shape } from "../../engine/index.ts";

/**
 * The values of one parameter. `fanIn` is the number of terms in one weighted sum; a bias has its
 * layer's.
 */
export type Initializer = (
  rng: Random,
  parameter: { readonly name: string; readonly shape: Shape; readonly fanIn: number },
) => Float32Array;
const isBias = (name: string): boolean => name.endsWith(".bias");
/** One value after the other. */
function drawn(shape: Shape, draw: () => number): Float32Array {
  const values = new Float32Array(sizeOf(shape));
  for (let i = 0; i < values.length; i++) values[i] = draw();
  return values;
}
/** The same, or zeros for a bias. */
const unlessBias = (name: string, shape: Shape, draw: () => number): Float32Array =>
  isBias(name) ? new Float32Array(sizeOf(shape)) : drawn(shape, draw);

/**
 * Uniform in ±1/√fanIn, weights and biases: PyTorch's default for convolutions and linear layers.
 */
export function fanInUniform(): Initializer {
  return (rng, { shape, fanIn }) => {
    const bound = 1 / Math.sqrt(fanIn);
    return drawn(shape, () => (2 * rng.uniform() - 1) * bound);
  };
}
/**
 * Normal with variance 2/fanIn, biases 0: for ReLU. Source: He et al. 2015. `linear`, where given,
 * is the standard deviation of linear layers' weights instead: with 0.01 (torchvision's VGG) logits
 * begin near 0 and the loss near ln(classes), however wide the layers before them.
 */
export function kaimingNormal(options: { linear?: number } = {}): Initializer {
  const { linear } = options;
  return (rng, { name, shape, fanIn }) => {
    const deviation = linear !== undefined && shape.length === 2 ? linear : Math.sqrt(2 / fanIn);
    return unlessBias(name, shape, () => rng.normal() * deviation);
  };
}
/**
 * Normal with a standard deviation that is given, biases 0; `within`, where given, draws again what
 * is further from 0 than so many deviations.
 */
export function normal(options: { deviation: number; within?: number }): Initializer {
  const { deviation, within = Number.POSITIVE_INFINITY } = options;
  return (rng, { name, shape }) => {
    const draw = (): number => {
      let z = rng.normal();
      while (Math.abs(z) > within) z = rng.normal();
      return deviation * z;
    };
    return unlessBias(name, shape, draw);
  };
}
/**
 * A weight [out, in, …] has fanIn = in·window, fanOut = out·window; a transposed convolution's
 * [in, out, …] the same the other way round.
 */
function fanOutOf(shape: Shape, fanIn: number): number {
  if (shape.length < 2) return fanIn;
  const [first, second] = shape;
  const window = sizeOf(shape.slice(2));
  return fanIn === second * window ? first * window : second * window;
}
/** Uniform with variance 2/(fanIn + fanOut), biases 0. Source: Glorot & Bengio 2010. */
export function xavierUniform(): Initializer {
  return (rng, { name, shape, fanIn }) => {
    const bound = Math.sqrt(6 / (fanIn + fanOutOf(shape, fanIn)));
    return unlessBias(name, shape, () => (2 * rng.uniform() - 1) * bound);
  };
}
