// Line integrals of an image: Joseph's coefficients, and the operator that any set of lines makes.
// Which lines a beam has: parallel-beam.ts, fan-beam.ts.
import { SparseMatrix } from "../../engine/index.ts";
import type { Operator } from "./operator.ts";
import { checkValue } from "./sizes.ts";

type Size = readonly [height: number, width: number];

/**
 * Straight lines X·cos θ + Y·sin θ = t, three numbers each: cos θ, sin θ, t. X = column − (W −
 * 1)/2, Y = (H − 1)/2 − row, in pixels.
 */
export type Lines = Float64Array;

/** Where |cos θ| and |sin θ| are equal to rounding, rows are stepped over. */
const TIE = 1 - 1e-12;

/**
 * Joseph's coefficients of one line: it crosses every row (or column, where it is flatter than 45°)
 * between two pixels, which share the length of the step linearly. Source: Joseph, IEEE TMI 1982.
 */
function joseph(
  [H, W]: Size,
  cos: number,
  sin: number,
  t: number,
  put: (pixel: number, value: number) => void,
): void {
  const [right, top] = [(W - 1) / 2, (H - 1) / 2];
  const steep = Math.abs(cos) >= Math.abs(sin) * TIE;
  const length = 1 / Math.abs(steep ? cos : sin);
  const [steps, across] = steep ? [H, W] : [W, H];
  for (let i = 0; i < steps; i++) {
    const at = steep ? (t - (top - i) * sin) / cos + right : top - (t - (i - right) * cos) / sin;
    const k = Math.floor(at);
    const pixel = (j: number): number => (steep ? i * W + j : j * W + i);
    const second = at - k;
    if (k >= 0 && k < across) put(pixel(k), (1 - second) * length);
    if (second > 0 && k >= -1 && k < across - 1) put(pixel(k + 1), second * length);
  }
}

/**
 * The matrix [lines, H·W] of Joseph's line integrals, in pixels. Throws ShapeError for too many.
 */
export function josephMatrix(shape: Size, lines: Lines): SparseMatrix {
  return SparseMatrix.byRows([lines.length / 3, shape[0] * shape[1]], (r, put) =>
    joseph(shape, lines[3 * r], lines[3 * r + 1], lines[3 * r + 2], put),
  );
}

/** The two bounds of ‖A‖ may differ by this much, relatively. */
const CLOSE = 1e-3;
/**
 * An upper bound of ‖A‖ for a matrix without negative entries, by power iteration: for every
 * positive v, the largest (A*Av)ᵢ/vᵢ is at least ‖A‖². Source: Collatz 1942; Wielandt 1950.
 */
export function normOfNonNegative(matrix: SparseMatrix): number {
  const back = matrix.transposed;
  let v = new Float64Array(matrix.columns).fill(1);
  let bound = Number.POSITIVE_INFINITY;
  for (let k = 0; k < 60; k++) {
    const next = back.times(matrix.times(v));
    const ratios = next.map((value, i) => (v[i] > 0 ? value / v[i] : 0));
    bound = Math.min(
      bound,
      ratios.reduce((p, q) => Math.max(p, q), 0),
    );
    const squares = (values: Float64Array): number =>
      values.reduce((sum, value) => sum + value * value, 0);
    // ‖A*Av‖/‖v‖ is at most ‖A‖²
    const reached = Math.sqrt(squares(next) / squares(v));
    if (bound <= reached * (1 + CLOSE)) break;
    const top = next.reduce((p, q) => Math.max(p, q), 0);
    v = next.map((value) => value / top);
  }
  return Math.sqrt(bound);
}

/**
 * y = Ax by line integrals along `lines` of complex images [2,H,W], real and imaginary part alike:
 * [2,…counts]; A* is the transpose of the same coefficients. A line that misses the image measures
 * nothing.
 */
export function lineOperator(options: {
  readonly name: string;
  readonly shape: Size;
  readonly counts: readonly [views: number, detectors: number];
  readonly lines: Lines;
}): Pick<
  Operator,
  "name" | "domain" | "range" | "measured" | "norm" | "meanSquare" | "lines" | "forward" | "adjoint"
> {
  const { name, shape, counts, lines } = options;
  const matrix = josephMatrix(shape, lines);
  const { rows, columns, starts, values } = matrix;
  const [domain, range] = [
    [2, ...shape],
    [2, ...counts],
  ];
  return {
    name,
    domain,
    range,
    lines: () => lines,
    measured: Uint8Array.from({ length: 2 * rows }, (_, k) =>
      starts[(k % rows) + 1] > starts[k % rows] ? 1 : 0,
    ),
    norm: normOfNonNegative(matrix),
    meanSquare: values.reduce((sum, v) => sum + v * v, 0) / columns,
    forward(b, x) {
      checkValue(name, "image", x, domain);
      const flat = b.emit("reshape", { x }, { shape: [x.shape[0], 2, columns] });
      const y = b.emit("sparse_matmul", { x: flat }, { matrix });
      return b.emit("reshape", { x: y }, { shape: [x.shape[0], ...range] });
    },
    adjoint(b, y) {
      checkValue(name, "measurement", y, range);
      const flat = b.emit("reshape", { x: y }, { shape: [y.shape[0], 2, rows] });
      const x = b.emit("sparse_matmul", { x: flat }, { matrix: matrix.transposed });
      return b.emit("reshape", { x }, { shape: [y.shape[0], ...domain] });
    },
  };
}
