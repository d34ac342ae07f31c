// Interpolation between a finer Cartesian grid and samples anywhere, by Kaiser and Bessel's kernel.
import { exp, PI, sinCos, SparseMatrix } from "../../engine/index.ts";
import type { Frequencies } from "./operator.ts";

/** I₀ by its series of positive terms. */
function besselI0(x: number): number {
  const quarter = (x / 2) ** 2;
  let [term, sum] = [1, 1];
  for (let k = 1; term > 1e-17 * sum; k++) {
    term *= quarter / (k * k);
    sum += term;
  }
  return sum;
}
/** a/sinh a of a², which may be negative. */
function overSinh(square: number): number {
  const a = Math.sqrt(Math.abs(square));
  if (a < 1e-8) return 1;
  return square > 0 ? (2 * a) / (exp(a) - exp(-a)) : a / sinCos(a)[0];
}

export interface KaiserBessel {
  /** The finer grid's sizes. */
  readonly grid: readonly [number, number];
  /** [samples, grid], the kernel at every cell within its width. */
  readonly matrix: SparseMatrix;
  /** [H,W], what the pixels are multiplied by so that the kernel's own shape is undone. */
  readonly apodisation: Float64Array;
}

/**
 * The kernel I₀(β√(1 − u²)) over `width` cells of a grid `oversampling` times as fine, β =
 * π√((width/σ·(σ − ½))² − 0.8), and a/sinh a in the image. Source: Beatty, Nishimura, Pauly, IEEE
 * TMI 2005; the same as SigPy's and BART's.
 */
export function kaiserBessel(
  shape: readonly [number, number],
  frequencies: Frequencies,
  { oversampling, width }: { readonly oversampling: number; readonly width: number },
): KaiserBessel {
  const [H, W] = shape;
  const beta = PI * Math.sqrt(((width / oversampling) * (oversampling - 0.5)) ** 2 - 0.8);
  const grid = [Math.ceil(oversampling * H), Math.ceil(oversampling * W)] as const;
  /** Cells about one coordinate of a sample: the first one, and the kernel from there on. */
  const near = (frequency: number, axis: 0 | 1): { first: number; weights: number[] } => {
    const at = frequency * (grid[axis] / shape[axis]) + Math.floor(grid[axis] / 2);
    const first = Math.ceil(at - width / 2);
    const count = Math.floor(at + width / 2) - first + 1;
    const inside = (cell: number): number => Math.max(0, 1 - ((cell - at) / (width / 2)) ** 2);
    return {
      first,
      weights: Array.from({ length: count }, (_, i) =>
        besselI0(beta * Math.sqrt(inside(first + i))),
      ),
    };
  };
  const wrapped = (cell: number, size: number): number => ((cell % size) + size) % size;
  const matrix = SparseMatrix.byRows([frequencies.length / 2, grid[0] * grid[1]], (m, put) => {
    const [down, across] = [near(frequencies[2 * m], 0), near(frequencies[2 * m + 1], 1)];
    down.weights.forEach((wy, i) => {
      const row = wrapped(down.first + i, grid[0]) * grid[1];
      across.weights.forEach((wx, j) => put(row + wrapped(across.first + j, grid[1]), wy * wx));
    });
  });
  const along = (n: number, size: number): Float64Array =>
    Float64Array.from(
      { length: n },
      (_, i) => overSinh(beta ** 2 - ((PI * width * (i - Math.floor(n / 2))) / size) ** 2) / width,
    );
  const [vertical, horizontal] = [along(H, grid[0]), along(W, grid[1])];
  const apodisation = Float64Array.from(
    { length: H * W },
    (_, k) => vertical[Math.floor(k / W)] * horizontal[k % W],
  );
  return { grid, matrix, apodisation };
}

/**
 * The area of k-space, in cells, that every sample stands for: w ← w/(SSᵀw), `rounds` times.
 * Source:
 * Pipe & Menon, MRM 1999.
 */
export function densityCompensation(
  { matrix }: KaiserBessel,
  oversampling: number,
  rounds = 20,
): Float64Array {
  const back = matrix.transposed;
  const ones = new Float64Array(matrix.columns).fill(1);
  const sums = matrix.times(ones);
  // the kernel's integral, for the weights are to be areas
  const integral = (sums.reduce((p, q) => p + q, 0) / sums.length) ** 2 / oversampling ** 2;
  let weights = new Float64Array(matrix.rows).fill(1);
  for (let k = 0; k < rounds; k++) {
    const density = matrix.times(back.times(weights));
    weights = weights.map((w, m) => w / density[m]);
  }
  return weights.map((w) => w * integral);
}
