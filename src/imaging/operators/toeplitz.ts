// A*A of Fourier samples as a convolution: its kernel depends on the difference of two pixels
// alone.
// On the host and in float64, for what is asked of an operator before any graph is compiled.
import { PI, random, sinCos } from "../../engine/index.ts";
import { kaiserBessel } from "./kaiser-bessel.ts";
import type { Frequencies } from "./operator.ts";

interface Complex {
  readonly re: Float64Array;
  readonly im: Float64Array;
}
const zeros = (size: number): Complex => ({
  re: new Float64Array(size),
  im: new Float64Array(size),
});
const powerOfTwo = (least: number): number => 2 ** Math.ceil(Math.log2(least));

/** sin and cos of 2πj/n, and the places of 0 … n − 1 with their bits reversed. */
interface Plan {
  readonly sin: Float64Array;
  readonly cos: Float64Array;
  readonly reversed: Int32Array;
}
const plans = new Map<number, Plan>();
function planOf(n: number): Plan {
  const known = plans.get(n);
  if (known) return known;
  const roots = Array.from({ length: n / 2 }, (_, j) => sinCos((2 * PI * j) / n));
  const reversed = new Int32Array(n);
  for (let i = 1; i < n; i++) reversed[i] = (reversed[i >> 1] >> 1) | (i & 1 ? n >> 1 : 0);
  const made = {
    sin: Float64Array.from(roots, ([s]) => s),
    cos: Float64Array.from(roots, ([, c]) => c),
    reversed,
  };
  plans.set(n, made);
  return made;
}
/** The unscaled transform of n = 2ᵏ elements whose bits are reversed, in place. */
function butterflies(re: Float64Array, im: Float64Array, { sin, cos }: Plan, sign: number): void {
  const n = re.length;
  for (let half = 1; half < n; half *= 2) {
    const step = n / (2 * half);
    for (let block = 0; block < n; block += 2 * half)
      for (let j = 0; j < half; j++) {
        const c = cos[j * step];
        const s = sign * sin[j * step];
        const low = block + j;
        const high = low + half;
        const tr = re[high] * c - im[high] * s;
        const ti = im[high] * c + re[high] * s;
        re[high] = re[low] - tr;
        im[high] = im[low] - ti;
        re[low] += tr;
        im[low] += ti;
      }
  }
}
/** Transforms `count` lines of n elements, `step` apart, `between` from one to the next. */
function transformLines(
  { re, im }: Complex,
  n: number,
  {
    step,
    count,
    between,
  }: { readonly step: number; readonly count: number; readonly between: number },
  sign: number,
): void {
  const plan = planOf(n);
  const [lineRe, lineIm] = [new Float64Array(n), new Float64Array(n)];
  for (let line = 0; line < count; line++) {
    const start = line * between;
    for (let i = 0; i < n; i++) {
      lineRe[plan.reversed[i]] = re[start + i * step];
      lineIm[plan.reversed[i]] = im[start + i * step];
    }
    butterflies(lineRe, lineIm, plan, sign);
    for (let i = 0; i < n; i++) {
      re[start + i * step] = lineRe[i];
      im[start + i * step] = lineIm[i];
    }
  }
}
/** The unscaled 2-D transform of [h,w], powers of two, from corner to corner. */
function transform(values: Complex, h: number, w: number, sign: 1 | -1): void {
  transformLines(values, w, { step: 1, count: h, between: w }, sign);
  transformLines(values, h, { step: w, count: w, between: 1 }, sign);
}

/** A*A of complex images of one shape, [H,W]. */
export interface Normal {
  times(x: Complex): Complex;
}

/**
 * A*A x of A's unscaled samples at `frequencies`, over H·W: the kernel Σ e^(2πi k·d/N)/HW by
 * gridding, then a circular convolution of twice the size. Gridding over `width` cells makes it as
 * near as 1e-6 with the 6 that are usual, and as float64 allows with 16. Source: Wajer & Pruessmann
 * 2001; Fessler, Lee, Olafsson, Shi, Noll, IEEE TSP 2005.
 */
export function normalOf(
  [H, W]: readonly [number, number],
  frequencies: Frequencies,
  width = 6,
): Normal {
  const [P, Q] = [powerOfTwo(2 * H), powerOfTwo(2 * W)];
  const kernel = kernelOf([H, W], [P, Q], frequencies, width);
  transform(kernel, P, Q, -1);
  return {
    times(x) {
      const padded = zeros(P * Q);
      for (let i = 0; i < H; i++)
        for (const part of ["re", "im"] as const)
          padded[part].set(x[part].subarray(i * W, (i + 1) * W), i * Q);
      transform(padded, P, Q, -1);
      for (let k = 0; k < P * Q; k++) {
        const [re, im] = [padded.re[k], padded.im[k]];
        padded.re[k] = re * kernel.re[k] - im * kernel.im[k];
        padded.im[k] = re * kernel.im[k] + im * kernel.re[k];
      }
      transform(padded, P, Q, 1);
      const out = zeros(H * W);
      for (let i = 0; i < H; i++)
        for (const part of ["re", "im"] as const)
          out[part].set(
            padded[part].subarray(i * Q, i * Q + W).map((v) => v / (P * Q)),
            i * W,
          );
      return out;
    },
  };
}

/** The kernel at differences below H and W, the negative ones at the end, [P,Q]. */
function kernelOf(
  [H, W]: readonly [number, number],
  size: readonly [number, number],
  frequencies: Frequencies,
  width: number,
): Complex {
  const [P, Q] = size;
  // a sample at frequency k of H pixels is at k·P/H of P
  const spread = Float64Array.from(frequencies, (v, k) => (v * size[k % 2]) / [H, W][k % 2]);
  const { grid, matrix, apodisation } = kaiserBessel(size, spread, { oversampling: 2, width });
  const re = matrix.transposed.times(new Float64Array(matrix.rows).fill(1));
  const fine: Complex = { re: new Float64Array(re.length), im: new Float64Array(re.length) };
  const [G, L] = grid;
  for (let i = 0; i < G; i++)
    for (let j = 0; j < L; j++) fine.re[((i + G / 2) % G) * L + ((j + L / 2) % L)] = re[i * L + j];
  transform(fine, G, L, 1);
  const kernel = zeros(P * Q);
  for (let i = -H + 1; i < H; i++)
    for (let j = -W + 1; j < W; j++) {
      const from = ((i + G) % G) * L + ((j + L) % L);
      const to = ((i + P) % P) * Q + ((j + Q) % Q);
      const factor = apodisation[(i + P / 2) * Q + j + Q / 2] / (H * W);
      kernel.re[to] = fine.re[from] * factor;
      kernel.im[to] = fine.im[from] * factor;
    }
  return kernel;
}

/** What Lanczos' iteration may still lack of the norm, relatively; it is added. */
const MARGIN = 1e-3;
const MOST_STEPS = 100;

/** The largest eigenvalue of the symmetric tridiagonal matrix, by bisection. */
function largestEigenvalue(diagonal: readonly number[], beside: readonly number[]): number {
  const reach = (i: number): number => diagonal[i] + (beside[i - 1] ?? 0) + (beside[i] ?? 0);
  let [low, high] = [0, Math.max(...diagonal.map((_, i) => reach(i)))];
  for (let k = 0; k < 60; k++) {
    const middle = (low + high) / 2;
    // Sturm: some pivot of T − middle is positive while an eigenvalue lies above
    let pivot = diagonal[0] - middle;
    let above = pivot > 0;
    for (let i = 1; i < diagonal.length && !above; i++) {
      pivot = diagonal[i] - middle - beside[i - 1] ** 2 / pivot;
      above = !(pivot <= 0);
    }
    if (above) low = middle;
    else high = middle;
  }
  return high;
}

/**
 * ‖A‖ by Lanczos' iteration on A*A from a random start, until its square moves by less than 1e-6,
 * with a margin of 1e-3 above. Source: Kuczyński & Woźniakowski 1992.
 */
export function normByLanczos({ times }: Normal, size: number): number {
  const rng = random(1);
  const normal = (): Float64Array => Float64Array.from({ length: size }, () => rng.normal());
  const inner = (x: Complex, y: Complex): number =>
    x.re.reduce((s, r, i) => s + r * y.re[i] + x.im[i] * y.im[i], 0);
  const scaled = ({ re, im }: Complex, by: number): Complex => ({
    re: re.map((v) => v * by),
    im: im.map((v) => v * by),
  });
  const start = { re: normal(), im: normal() };
  let v = scaled(start, 1 / Math.sqrt(inner(start, start)));
  let before = zeros(size);
  const [diagonal, beside]: [number[], number[]] = [[], []];
  let square = 0;
  for (let k = 0; k < Math.min(MOST_STEPS, 2 * size); k++) {
    const next = times(v);
    const own = inner(v, next);
    const last = beside[k - 1] ?? 0;
    for (const part of ["re", "im"] as const)
      for (let i = 0; i < size; i++) next[part][i] -= own * v[part][i] + last * before[part][i];
    diagonal.push(own);
    const found = largestEigenvalue(diagonal, beside);
    const length = Math.sqrt(inner(next, next));
    if ((k >= 10 && found - square < 1e-6 * found) || length < 1e-12 * found)
      return Math.sqrt(found) * (1 + MARGIN);
    square = found;
    beside.push(length);
    [before, v] = [v, scaled(next, 1 / length)];
  }
  return Math.sqrt(square) * (1 + MARGIN);
}
