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
const zeros = (size: number): Complex => ({ re: new Float64Array(size), im: new Float64Array(size) });
const powerOfTwo = (least: number): number => 2 ** Math.ceil(Math.log2(least));

/** Unscaled transforms of the lines of n = 2ᵏ elements, `step` apart, in place. */
function transformLines({ re, im }: Complex, n: number, step: number, lines: readonly number[], sign: number): void {
  const roots = Array.from({ length: n / 2 }, (_, j) => sinCos((2 * PI * j) / n));
  const reversed = new Int32Array(n);
  for (let i = 1; i < n; i++) reversed[i] = (reversed[i >> 1] >> 1) | (i & 1 ? n >> 1 : 0);
  const [lineRe, lineIm] = [new Float64Array(n), new Float64Array(n)];
  for (const start of lines) {
    for (let i = 0; i < n; i++) {
      lineRe[reversed[i]] = re[start + i * step];
      lineIm[reversed[i]] = im[start + i * step];
    }
    for (let half = 1; half < n; half *= 2)
      for (let block = 0; block < n; block += 2 * half)
        for (let j = 0; j < half; j++) {
          const [s, c] = roots[(j * n) / (2 * half)];
          const [low, high] = [block + j, block + j + half];
          const tr = lineRe[high] * c - sign * lineIm[high] * s;
          const ti = lineIm[high] * c + sign * lineRe[high] * s;
          [lineRe[high], lineIm[high]] = [lineRe[low] - tr, lineIm[low] - ti];
          lineRe[low] += tr;
          lineIm[low] += ti;
        }
    for (let i = 0; i < n; i++) {
      re[start + i * step] = lineRe[i];
      im[start + i * step] = lineIm[i];
    }
  }
}
/** The unscaled 2-D transform of [h,w], powers of two, from corner to corner. */
function transform(values: Complex, h: number, w: number, sign: 1 | -1): void {
  const counted = (n: number, step: number): number[] => Array.from({ length: n }, (_, i) => i * step);
  transformLines(values, w, 1, counted(h, w), sign);
  transformLines(values, h, w, counted(w, 1), sign);
}

/** A*A of complex images of one shape, [H,W]. */
export interface Normal {
  times(x: Complex): Complex;
}

/**
 * A*A x of A's unscaled samples at `frequencies`, over H·W: the kernel Σ e^(2πi k·d/N)/HW by
 * gridding (about 2e-6), then a circular convolution of twice the size. Source: Wajer & Pruessmann
 * 2001; Fessler, Lee, Olafsson, Shi, Noll, IEEE TSP 2005.
 */
export function normalOf([H, W]: readonly [number, number], frequencies: Frequencies): Normal {
  const [P, Q] = [powerOfTwo(2 * H), powerOfTwo(2 * W)];
  const kernel = kernelOf([H, W], [P, Q], frequencies);
  transform(kernel, P, Q, -1);
  return {
    times(x) {
      const padded = zeros(P * Q);
      for (let i = 0; i < H; i++)
        for (const part of ["re", "im"] as const) padded[part].set(x[part].subarray(i * W, (i + 1) * W), i * Q);
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
): Complex {
  const [P, Q] = size;
  // a sample at frequency k of H pixels is at k·P/H of P
  const spread = Float64Array.from(frequencies, (v, k) => (v * size[k % 2]) / [H, W][k % 2]);
  const { grid, matrix, apodisation } = kaiserBessel(size, spread, { oversampling: 2, width: 6 });
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

/** What power iteration may still lack of the norm, relatively; it is added. */
const MARGIN = 1e-3;
/** ‖A‖ by power iteration on A*A from a random start, with a margin of 1e-3 above. */
export function normByPowerIteration({ times }: Normal, size: number): number {
  const rng = random(1);
  const normal = (): Float64Array => Float64Array.from({ length: size }, () => rng.normal());
  let v: Complex = { re: normal(), im: normal() };
  let square = 0;
  for (let k = 0; k < 200; k++) {
    const next = times(v);
    const length = (x: Complex): number => Math.sqrt(x.re.reduce((s, r, i) => s + r * r + x.im[i] * x.im[i], 0));
    const before = square;
    square = length(next) / length(v);
    const scale = 1 / length(next);
    v = { re: next.re.map((x) => x * scale), im: next.im.map((x) => x * scale) };
    if (k >= 10 && square - before < 1e-2 * MARGIN * square) break;
  }
  return Math.sqrt(square) * (1 + MARGIN);
}
