// A mixed-radix Stockham transform of four lines at a time, in two buffers.
import { rootsOfUnity } from "../../../../ops/fft2.ts";
import type { FunctionBuilder } from "../../encoder/function.ts";
import { address, i32, v, type Local, type Operand } from "../../encoder/instructions.ts";

/** The factors of n, in the order in which they are taken. */
export function radices(n: number): number[] {
  const found: number[] = [];
  let rest = n;
  for (const p of [4, 2, 3, 5, 7])
    while (rest % p === 0) {
      found.push(p);
      rest /= p;
    }
  for (let p = 11; rest > 1; p += 2)
    while (rest % p === 0) {
      found.push(p);
      rest /= p;
    }
  return found;
}
interface Pair {
  readonly re: Local;
  readonly im: Local;
}
/** The r-th roots of unity, and the sign of their angles. */
interface Roots {
  readonly r: number;
  readonly cosR: Float64Array;
  readonly sinR: Float64Array;
  readonly sign: number;
}
/**
 * A transform of odd length r: x_t ± x_{r−t} first, so that y_u and y_{r−u} share their products.
 */
function oddButterfly(
  f: FunctionBuilder,
  x: readonly Pair[],
  { r, cosR, sinR, sign }: Roots,
  store: (u: number, re: Operand, im: Operand) => void,
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
  store(0, total("re"), total("im"));
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
    store(u, v.sub(re, oddIm), v.add(im, oddRe));
    store(r - u, v.add(re, oddIm), v.sub(im, oddRe));
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
  store: (u: number, re: Operand, im: Operand) => void,
): void {
  if (r === 2) {
    for (const [u, op] of [plus, minus].entries()) {
      const y = op(f, x[0], x[1]);
      store(u, y.re, y.im);
    }
    return;
  }
  const [sum02, sum13] = [plus(f, x[0], x[2]), plus(f, x[1], x[3])];
  const [gap02, gap13] = [minus(f, x[0], x[2]), minus(f, x[1], x[3])];
  store(0, v.add(sum02.re, sum13.re), v.add(sum02.im, sum13.im));
  store(2, v.sub(sum02.re, sum13.re), v.sub(sum02.im, sum13.im));
  // a quarter turn of the second gap, one way and the other
  store(sign > 0 ? 3 : 1, v.add(gap02.re, gap13.im), v.sub(gap02.im, gap13.re));
  store(sign > 0 ? 1 : 3, v.sub(gap02.re, gap13.im), v.add(gap02.im, gap13.re));
}

/** A complex number in all lanes. */
const splatted = (f: FunctionBuilder, at: Operand, offset: number): Pair => ({
  re: f.v128(v.loadSplat(at, offset)),
  im: f.v128(v.loadSplat(at, offset + 4)),
});

/** Writes (re, im), and with `w` its product with that. */
function storeTwiddled(f: FunctionBuilder, at: Operand, re: Operand, im: Operand, w?: Pair): void {
  if (!w) {
    const target = f.i32(at);
    f.do(v.store(target, re));
    f.do(v.store(target, im, 16));
    return;
  }
  const [a, b, target] = [f.v128(re), f.v128(im), f.i32(at)];
  f.do(v.store(target, v.sub(v.mul(a, w.re), v.mul(b, w.im))));
  f.do(v.store(target, v.add(v.mul(a, w.im), v.mul(b, w.re)), 16));
}

/** Keeps constant numbers; gives their address. */
export type Table = (values: Float32Array) => number;
/** Above this radix a butterfly would be too much code: the definition, in a loop. */
const LARGEST_BUTTERFLY = 7;

/**
 * One Stockham stage: to[q + s(r·p + u)] = w^{pu}·Σ_t from[q + s(p + t·m)]·ω^{tu}; an element is
 * four re, four im: 32 bytes.
 */
function stage(
  f: FunctionBuilder,
  { n, s, r, inverse }: { n: number; s: number; r: number; inverse: boolean },
  from: Local,
  to: Local,
  table: Table,
): void {
  const m = n / r;
  const [cosN, sinN] = rootsOfUnity(n);
  const [cosR, sinR] = rootsOfUnity(r);
  const sign = inverse ? 1 : -1;
  const roots = { r, cosR, sinR, sign };
  const twiddles = new Float32Array(m * r * 2);
  for (let p = 0; p < m; p++)
    for (let u = 0; u < r; u++)
      twiddles.set([cosN[(p * u) % n], sign * sinN[(p * u) % n]], (p * r + u) * 2);
  const w = f.i32(table(twiddles));
  const source = f.i32(from);
  const target = f.i32(to);
  const isLong = r > LARGEST_BUTTERFLY;
  const rootsAt = isLong ? table(rootTable(roots)) : 0;
  const element = (q: Local, turns: readonly Pair[]): void => {
    const a = f.i32(i32.add(source, q));
    const y = f.i32(i32.add(target, q));
    if (isLong) {
      longButterfly(f, a, { r, stride: m * s * 32, rootsAt }, (u, re, im) =>
        storeTwiddled(
          f,
          address(y, [u, s * 4]),
          re,
          im,
          m > 1 ? splatted(f, i32.add(w, u), 0) : undefined,
        ),
      );
      return;
    }
    const x = Array.from({ length: r }, (_, t): Pair => {
      const at = t * m * s * 32;
      return { re: f.v128(v.load(a, at)), im: f.v128(v.load(a, at + 16)) };
    });
    const butterfly = r === 2 || r === 4 ? evenButterfly : oddButterfly;
    butterfly(f, x, roots, (u, re, im) =>
      storeTwiddled(f, i32.add(y, u * s * 32), re, im, u === 0 ? undefined : turns[u - 1]),
    );
  };
  f.for(m, () => {
    // the same for all elements
    const turns =
      isLong || m === 1 ? [] : Array.from({ length: r - 1 }, (_, u) => splatted(f, w, (u + 1) * 8));
    f.for(s * 32, (q) => element(q, turns), 32);
    f.advance(w, r * 8);
    f.advance(source, s * 32);
    f.advance(target, r * s * 32);
  });
}

const rootTable = ({ r, cosR, sinR, sign }: Roots): Float32Array =>
  Float32Array.from({ length: 2 * r }, (_, i) =>
    i % 2 === 0 ? cosR[i >> 1] : sign * sinR[i >> 1],
  );

/** A large prime: the definition, with the root's index u·t mod r (here times 8) stepped along. */
function longButterfly(
  f: FunctionBuilder,
  from: Local,
  { r, stride, rootsAt }: { r: number; stride: number; rootsAt: number },
  store: (u: Local, re: Local, im: Local) => void,
): void {
  const output = (u: Local): void => {
    const [re, im] = [f.v128(0), f.v128(0)];
    const index = f.i32(0);
    const x = f.i32(from);
    f.for(r, () => {
      const c = f.v128(v.loadSplat(index, rootsAt));
      const d = f.v128(v.loadSplat(index, rootsAt + 4));
      const [xr, xi] = [f.v128(v.load(x)), f.v128(v.load(x, 16))];
      f.set(re, v.add(re, v.sub(v.mul(xr, c), v.mul(xi, d))));
      f.set(im, v.add(im, v.add(v.mul(xr, d), v.mul(xi, c))));
      f.advance(x, stride);
      f.set(index, i32.add(index, u));
      f.if(i32.geU(index, r * 8), () => f.advance(index, -r * 8));
    });
    store(u, re, im);
  };
  f.for(r * 8, output, 8);
}

/** All stages of a transform of length n; gives the buffer that holds the result. */
export function stages(
  f: FunctionBuilder,
  { n, inverse }: { n: number; inverse: boolean },
  buffers: readonly [Local, Local],
  table: Table,
): Local {
  let [a, b] = buffers;
  let rest = n;
  for (const r of radices(n)) {
    stage(f, { n: rest, s: n / rest, r, inverse }, a, b, table);
    rest /= r;
    [a, b] = [b, a];
  }
  return a;
}
