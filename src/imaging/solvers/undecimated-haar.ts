// The undecimated Haar frame: details of every scale at every pixel, so that nothing depends on
// where a grid lies. The orthonormal transforms are in wavelet-sparsity.ts.
import { arithmetic, type GraphBuilder, type Value } from "../../engine/index.ts";

/** Sum and difference of pixels `distance` apart along an axis, halved; periodic. */
function split(b: GraphBuilder, x: Value, axis: number, distance: number): [Value, Value] {
  const { add, mul, roll, sub } = arithmetic(b);
  const half = mul(x, 0.5);
  const other = roll(half, axis, -distance);
  return [add(half, other), sub(half, other)];
}
/** The adjoint of `split`; a coarse image that is left out is 0. */
function join(
  b: GraphBuilder,
  sum: Value | undefined,
  difference: Value,
  axis: number,
  distance: number,
): Value {
  const { add, mul, roll, sub } = arithmetic(b);
  const here = sum ? add(sum, difference) : difference;
  const there = sum ? sub(sum, difference) : mul(difference, -1);
  return mul(add(here, roll(there, axis, distance)), 0.5);
}

/** Details of one scale: of rows, of columns, of both; each of the image's shape. */
export type Details = readonly [Value, Value, Value];

/**
 * D x of images [N,C,H,W]: the details of `levels` scales, the finest first, those of scale j
 * between means over squares of 2^(j−1) pixels. Together with the coarse image, which is left out,
 * they are a tight frame: ‖Dx‖² + ‖coarse‖² = ‖x‖². Periodic; any size. Source: Coifman & Donoho
 * 1995; Starck, Fadili, Murtagh 2007.
 */
export function haarDetails(b: GraphBuilder, x: Value, levels: number): Details[] {
  const details: Details[] = [];
  let coarse = x;
  for (let j = 0; j < levels; j++) {
    const distance = 2 ** j;
    const [low, high] = split(b, coarse, 2, distance);
    const [next, columns] = split(b, low, 3, distance);
    const [rows, both] = split(b, high, 3, distance);
    details.push([rows, columns, both]);
    coarse = next;
  }
  return details;
}

/** D* of details, as haarDetails gives them: an image [N,C,H,W]. */
export function haarAdjoint(b: GraphBuilder, details: readonly Details[]): Value {
  let coarse: Value | undefined;
  for (let j = details.length - 1; j >= 0; j--) {
    const distance = 2 ** j;
    const [rows, columns, both] = details[j];
    const low = join(b, coarse, columns, 3, distance);
    const high = join(b, rows, both, 3, distance);
    coarse = join(b, low, high, 2, distance);
  }
  return coarse!;
}
