// Transforms of one short length, in registers.
import { rootsOfUnity } from "../../../../ops/fft2.ts";
import type { FunctionBuilder } from "../../encoder/function.ts";
import { v, type Local, type Operand } from "../../encoder/instructions.ts";

/** A complex vector. */
export interface Pair {
  readonly re: Local;
  readonly im: Local;
}
/** The r-th roots of unity, and the sign of their angles. */
export interface Roots {
  readonly r: number;
  readonly cosR: Float64Array;
  readonly sinR: Float64Array;
  readonly sign: number;
}
export function rootsOf(r: number, inverse: boolean): Roots {
  const [cosR, sinR] = rootsOfUnity(r);
  return { r, cosR, sinR, sign: inverse ? 1 : -1 };
}
export const product = (f: FunctionBuilder, a: Pair, b: Pair): Pair => ({
  re: f.v128(v.sub(v.mul(a.re, b.re), v.mul(a.im, b.im))),
  im: f.v128(v.add(v.mul(a.re, b.im), v.mul(a.im, b.re))),
});

/** Takes the u-th number of a transform. */
type Take = (u: number, y: Pair) => void;

/**
 * A transform of odd length r: x_t ± x_{r−t} first, so that y_u and y_{r−u} share their products.
 */
function oddButterfly(
  f: FunctionBuilder,
  x: readonly Pair[],
  { r, cosR, sinR, sign }: Roots,
  take: Take,
): void {
  const keep = (c: Operand): Local => f.v128(c);
  const half = (r - 1) / 2;
  const [sums, differences] = [v.add, v.sub].map((op) =>
    Array.from(
      { length: half },
      (_, i): Pair => ({
        re: keep(op(x[i + 1].re, x[r - 1 - i].re)),
        im: keep(op(x[i + 1].im, x[r - 1 - i].im)),
      }),
    ),
  );
  const total = (part: keyof Pair): Operand =>
    sums.reduce((sum: Operand, z) => v.add(sum, z[part]), x[0][part]);
  take(0, { re: keep(total("re")), im: keep(total("im")) });
  for (let u = 1; u <= half; u++) {
    const angle = (t: number): number => (t * u) % r;
    const even = (part: keyof Pair): Local =>
      keep(
        sums.reduce(
          (sum: Operand, z, i) => v.add(sum, v.mul(z[part], cosR[angle(i + 1)])),
          x[0][part],
        ),
      );
    const odd = (part: keyof Pair): Local =>
      keep(
        differences
          .map((z, i) => v.mul(z[part], sign * sinR[angle(i + 1)]))
          .reduce((sum, c) => v.add(sum, c)),
      );
    const [re, im, oddRe, oddIm] = [even("re"), even("im"), odd("re"), odd("im")];
    take(u, { re: keep(v.sub(re, oddIm)), im: keep(v.add(im, oddRe)) });
    take(r - u, { re: keep(v.add(re, oddIm)), im: keep(v.sub(im, oddRe)) });
  }
}

const plus = (f: FunctionBuilder, a: Pair, b: Pair): Pair => ({
  re: f.v128(v.add(a.re, b.re)),
  im: f.v128(v.add(a.im, b.im)),
});
const minus = (f: FunctionBuilder, a: Pair, b: Pair): Pair => ({
  re: f.v128(v.sub(a.re, b.re)),
  im: f.v128(v.sub(a.im, b.im)),
});

/** A transform of length 2 or 4, whose roots need no products. */
function evenButterfly(
  f: FunctionBuilder,
  x: readonly Pair[],
  { r, sign }: Roots,
  take: Take,
): void {
  if (r === 2) {
    take(0, plus(f, x[0], x[1]));
    take(1, minus(f, x[0], x[1]));
    return;
  }
  const [sum02, sum13] = [plus(f, x[0], x[2]), plus(f, x[1], x[3])];
  const [gap02, gap13] = [minus(f, x[0], x[2]), minus(f, x[1], x[3])];
  take(0, plus(f, sum02, sum13));
  take(2, minus(f, sum02, sum13));
  // a quarter turn of the second gap, one way and the other
  const [one, other] = sign > 0 ? [3, 1] : [1, 3];
  const keep = (c: Operand): Local => f.v128(c);
  take(one, { re: keep(v.add(gap02.re, gap13.im)), im: keep(v.sub(gap02.im, gap13.re)) });
  take(other, { re: keep(v.sub(gap02.re, gap13.im)), im: keep(v.add(gap02.im, gap13.re)) });
}

/** The transform of x, of length 2 to LARGEST_BUTTERFLY. */
export const butterfly = (f: FunctionBuilder, x: readonly Pair[], roots: Roots, take: Take): void =>
  (roots.r === 2 || roots.r === 4 ? evenButterfly : oddButterfly)(f, x, roots, take);
