// The scale by which a reconstructor makes its work independent of the scanner's units.
import { arithmetic, type GraphBuilder, type Value } from "../engine/index.ts";

/** Squares of numbers between 2⁻⁴⁰ and 2⁴⁰ times 2^±60 stay in float32's range. */
const FACTOR = 2 ** 60;
const EDGE = 2 ** 80;

/**
 * The root mean square of every sample of x [N, …], as [N], 1 where x is 0, and whether it is
 * anything else, as 1 or 0. No constant is added to it, so s·x has s times the scale, and what is
 * very small or large is squared after a power of two has been taken out, which rounds nothing. The
 * gradient of 0 is finite.
 */
export function unitScale(b: GraphBuilder, x: Value): { scale: Value; something: Value } {
  const { add, div, mean, mul, reshape, sqrt, square, sub } = arithmetic(b);
  const own = x.shape.map((_, i) => i).slice(1);
  const above = (p: Value, q: Value): Value => b.emit("greater", { a: p, b: q }, {});
  const rough = mean(square(x), own);
  const small = above(b.scalar(1 / EDGE), rough);
  const large = above(rough, b.scalar(EDGE));
  // exactly one of the three counts
  const factor = add(add(mul(small, FACTOR), mul(large, 1 / FACTOR)), sub(sub(1, small), large));
  const like = reshape(factor, [x.shape[0], ...own.map(() => 1)]);
  // two products and not one squared: x's gradient is then summed in the order of x²'s
  const power = mean(mul(mul(x, like), mul(x, like)), own);
  const something = above(power, b.scalar(0));
  const nothing = sub(1, something);
  const scale = div(sqrt(add(power, nothing)), factor);
  // of nothing it is 1, not the factor's
  return { scale: add(mul(scale, something), nothing), something };
}
