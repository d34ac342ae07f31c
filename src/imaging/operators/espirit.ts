// Coil sensitivities from the fully sampled middle of k-space: ESPIRiT.
import type { Matrix } from "ml-matrix";
import {
  ConfigError,
  FormatError,
  formatShape,
  PI,
  ShapeError,
  sinCos,
} from "../../engine/index.ts";
import { coilsFrom, type Coils } from "./coils.ts";

export interface EspiritOptions {
  /** Side of the calibration region and of a kernel, in cells of k-space. */
  readonly calibration: number;
  readonly kernel: number;
  /** Singular values above this share of the largest are signal. */
  readonly threshold: number;
  /** Pixels with an eigenvalue above it have a map; elsewhere it is 0. */
  readonly crop: number;
  /** What the maps' own phase, which no measurement tells, is taken from. */
  readonly phase: "first coil" | "principal component";
}
/** Source: SigPy, mri/app.py; BART, ecalib.c and calib.c (one map of its two, power iteration). */
export const espiritPresets: Readonly<Record<"sigpy" | "bart", EspiritOptions>> = {
  sigpy: { calibration: 24, kernel: 6, threshold: 0.02, crop: 0.95, phase: "first coil" },
  bart: { calibration: 24, kernel: 6, threshold: 0.001, crop: 0.8, phase: "principal component" },
};

export interface Sensitivities {
  readonly coils: Coils;
  /** Of every pixel [H,W], at most 1: how far the data agree with one map. */
  readonly eigenvalues: Float64Array;
  /** Of the calibration matrix, over the largest, falling. */
  readonly singularValues: Float64Array;
}

/** Complex numbers, [rows,columns]. */
interface Complex {
  readonly rows: number;
  readonly columns: number;
  readonly re: Float64Array;
  readonly im: Float64Array;
}
const zeros = (rows: number, columns: number): Complex => ({
  rows,
  columns,
  re: new Float64Array(rows * columns),
  im: new Float64Array(rows * columns),
});
/** Powers of 100 iterations, as SigPy's. */
const ITERATIONS = 100;

type Kspace = (coil: number, row: number, column: number) => readonly [re: number, im: number];

/** Every kernel-sized block of the calibration region as a row, coil after coil. */
function calibrationMatrix(
  k: Kspace,
  [C, H, W]: readonly number[],
  { calibration: n, kernel }: EspiritOptions,
): Complex {
  const places = n - kernel + 1;
  const [top, left] = [
    Math.floor(H / 2) - Math.floor(n / 2),
    Math.floor(W / 2) - Math.floor(n / 2),
  ];
  const blocks = zeros(places ** 2, C * kernel ** 2);
  for (let row = 0; row < blocks.rows; row++)
    for (let column = 0; column < blocks.columns; column++) {
      const [coil, within] = [Math.floor(column / kernel ** 2), column % kernel ** 2];
      const i = Math.floor(row / places) + Math.floor(within / kernel);
      const j = (row % places) + (within % kernel);
      [blocks.re[row * blocks.columns + column], blocks.im[row * blocks.columns + column]] = k(
        coil,
        top + i,
        left + j,
      );
    }
  return blocks;
}

/** Loaded when it is needed: it takes longer than the rest of this part together. */
const eigenLibrary = () => import("ml-matrix");
type EigenLibrary = Awaited<ReturnType<typeof eigenLibrary>>;

/** AᴴA, Hermitian, as the real symmetric matrix [[Re, −Im], [Im, Re]]. */
function gram(library: EigenLibrary, { rows, columns, re, im }: Complex): Matrix {
  const matrix = library.Matrix.zeros(2 * columns, 2 * columns);
  for (let p = 0; p < columns; p++)
    for (let q = 0; q <= p; q++) {
      let [a, b] = [0, 0];
      for (let r = 0; r < rows * columns; r += columns) {
        a += re[r + p] * re[r + q] + im[r + p] * im[r + q];
        b += re[r + p] * im[r + q] - im[r + p] * re[r + q];
      }
      const blocks = [
        [p, q, a],
        [p + columns, q + columns, a],
        [p, q + columns, -b],
        [q, p + columns, b],
      ];
      for (const [i, j, v] of blocks) {
        matrix.set(i, j, v);
        matrix.set(j, i, v);
      }
    }
  return matrix;
}
const conjugateTranspose = ({ rows, columns, re, im }: Complex): Complex => {
  const turned = zeros(columns, rows);
  for (let k = 0; k < re.length; k++) {
    const to = (k % columns) * rows + Math.floor(k / columns);
    turned.re[to] = re[k];
    turned.im[to] = -im[k];
  }
  return turned;
};

/**
 * The singular values of A over the largest, and rows that span its signal, orthonormal but for the
 * factor √2: each singular vector is there twice, the second time times i, as the real matrix has
 * it.
 */
function signalSpace(
  library: EigenLibrary,
  blocks: Complex,
  threshold: number,
): { values: Float64Array; space: Complex } {
  const { rows, columns } = blocks;
  // of AᴴA and AAᴴ the smaller one
  const wide = columns > rows;
  const of = wide ? conjugateTranspose(blocks) : blocks;
  const { realEigenvalues, eigenvectorMatrix } = new library.EigenvalueDecomposition(
    gram(library, of),
    { assumeSymmetric: true },
  );
  const n = of.columns;
  const falling = Array.from(realEigenvalues.keys()).sort(
    (a, b) => realEigenvalues[b] - realEigenvalues[a],
  );
  const largest = realEigenvalues[falling[0]];
  const share = (i: number): number => Math.sqrt(Math.max(0, realEigenvalues[i]) / largest);
  const kept = falling.filter((i) => share(i) > threshold);
  const space = zeros(kept.length, columns);
  kept.forEach((i, to) => {
    const vector = {
      re: eigenvectorMatrix.getColumn(i).slice(0, n),
      im: eigenvectorMatrix.getColumn(i).slice(n),
    };
    const row = wide ? backTo(blocks, vector, Math.sqrt(realEigenvalues[i])) : vector;
    space.re.set(row.re, to * columns);
    space.im.set(row.im, to * columns);
  });
  return {
    values: Float64Array.from(
      falling.filter((_, k) => k % 2 === 0),
      share,
    ),
    space,
  };
}
/** v = Aᴴu/σ */
function backTo(
  { rows, columns, re, im }: Complex,
  u: { re: ArrayLike<number>; im: ArrayLike<number> },
  sigma: number,
): { re: Float64Array; im: Float64Array } {
  const v = { re: new Float64Array(columns), im: new Float64Array(columns) };
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++) {
      const [a, b] = [re[r * columns + c], im[r * columns + c]];
      v.re[c] += (a * u.re[r] + b * u.im[r]) / sigma;
      v.im[c] += (a * u.im[r] - b * u.re[r]) / sigma;
    }
  return v;
}

/**
 * Σ over pairs of kernel places δ apart of the signal's projector, [C·C, (2k − 1)²], over k²: the
 * coefficients of the trigonometric polynomial that every pixel's matrix is.
 */
function correlations({ rows, columns, re, im }: Complex, coils: number, kernel: number): Complex {
  const side = 2 * kernel - 1;
  const sums = zeros(coils ** 2, side ** 2);
  const place = (column: number): readonly [number, number, number] => {
    const within = column % kernel ** 2;
    return [Math.floor(column / kernel ** 2), Math.floor(within / kernel), within % kernel];
  };
  for (let p = 0; p < columns; p++)
    for (let q = 0; q < columns; q++) {
      let [a, b] = [0, 0];
      // conj(v_p)·v_q
      for (let r = 0; r < rows * columns; r += columns) {
        a += re[r + p] * re[r + q] + im[r + p] * im[r + q];
        b += re[r + p] * im[r + q] - im[r + p] * re[r + q];
      }
      const [[c, i, j], [d, k, l]] = [place(p), place(q)];
      const to = (c * coils + d) * side ** 2 + (i - k + kernel - 1) * side + (j - l + kernel - 1);
      // every vector is there twice
      sums.re[to] += a / (2 * kernel ** 2);
      sums.im[to] += b / (2 * kernel ** 2);
    }
  return sums;
}

/** e^(2πi δ·(x − ⌊n/2⌋)/n) for |δ| < kernel, [n, 2·kernel − 1]. */
function waves(n: number, kernel: number): Complex {
  const side = 2 * kernel - 1;
  const table = zeros(n, side);
  for (let x = 0; x < n; x++)
    for (let d = 0; d < side; d++) {
      const turns = ((d - kernel + 1) * (x - Math.floor(n / 2))) % n;
      [table.im[x * side + d], table.re[x * side + d]] = sinCos((2 * PI * turns) / n);
    }
  return table;
}
/** out[r] = Σ_d values[r, d]·wave[d] for rows `length` long, `step` between the d. */
function along(values: Complex, length: number, wave: Complex, x: number): Complex {
  const side = wave.columns;
  const inner = length / side;
  const out = zeros(values.re.length / length, inner);
  for (let r = 0; r < out.rows; r++)
    for (let d = 0; d < side; d++) {
      const [c, s] = [wave.re[x * side + d], wave.im[x * side + d]];
      for (let k = 0; k < inner; k++) {
        const [a, b] = [
          values.re[r * length + d * inner + k],
          values.im[r * length + d * inner + k],
        ];
        out.re[r * inner + k] += a * c - b * s;
        out.im[r * inner + k] += a * s + b * c;
      }
    }
  return out;
}

/** The leading eigenvector of a Hermitian matrix [C,C], by power iteration from ones. */
function leading(
  { re, im }: Complex,
  C: number,
): { re: Float64Array; im: Float64Array; value: number } {
  let v = { re: new Float64Array(C).fill(1), im: new Float64Array(C), value: 0 };
  for (let k = 0; k < ITERATIONS; k++) {
    const next = { re: new Float64Array(C), im: new Float64Array(C), value: 0 };
    for (let c = 0; c < C; c++)
      for (let d = 0; d < C; d++) {
        next.re[c] += re[c * C + d] * v.re[d] - im[c * C + d] * v.im[d];
        next.im[c] += re[c * C + d] * v.im[d] + im[c * C + d] * v.re[d];
      }
    next.value = Math.sqrt(next.re.reduce((sum, a, c) => sum + a * a + next.im[c] ** 2, 0));
    if (next.value === 0) return next;
    for (const part of [next.re, next.im]) for (let c = 0; c < C; c++) part[c] /= next.value;
    v = next;
  }
  return v;
}

/** Weights of the coils whose sum's phase is taken off: the first alone, or the principal ones. */
function reference(
  blocks: Complex,
  coils: number,
  { kernel, phase }: EspiritOptions,
): Pick<Complex, "re" | "im"> {
  if (phase === "first coil")
    return {
      re: Float64Array.from({ length: coils }, (_, c) => (c === 0 ? 1 : 0)),
      im: new Float64Array(coils),
    };
  const { rows, columns, re, im } = blocks;
  const covariance = zeros(coils, coils);
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < coils; c++)
      for (let d = 0; d < coils; d++) {
        const [p, q] = [r * columns + c * kernel ** 2, r * columns + d * kernel ** 2];
        covariance.re[c * coils + d] += re[p] * re[q] + im[p] * im[q];
        covariance.im[c * coils + d] += im[p] * re[q] - re[p] * im[q];
      }
  return leading(covariance, coils);
}

function checkOptions([, C, H, W]: readonly number[], size: number, options: EspiritOptions): void {
  const { calibration, kernel, threshold, crop } = options;
  const whole = [calibration, kernel].every((n) => Number.isInteger(n) && n >= 1);
  if (!(C >= 1 && H >= 1 && W >= 1) || size !== 2 * C * H * W)
    throw new ShapeError(`espirit: ${size} numbers are not k-space [2×coils×height×width]`, {
      size,
    });
  if (!whole || kernel > calibration || calibration > Math.min(H, W))
    throw new ConfigError(
      `espirit: a calibration of ${calibration} with kernels of ${kernel} does not fit k-space of ${H}×${W}; give whole numbers, kernel ≤ calibration ≤ ${Math.min(H, W)}`,
      { calibration, kernel },
    );
  if (!(threshold > 0 && threshold < 1) || !(crop >= 0 && crop < 1))
    throw new ConfigError(
      `espirit: threshold ${threshold} and crop ${crop} must be between 0 and 1`,
      { threshold, crop },
    );
}

/**
 * Sensitivities of the coils from k-space [2,coils,H,W] (real parts first, its lowest frequency at
 * ⌊N/2⌋) whose middle is measured: the eigenvectors of eigenvalue 1 of the calibration's signal
 * space, pixel by pixel. SigPy's settings unless others are given. Throws ShapeError for another
 * shape, ConfigError for settings out of range, FormatError where the calibration region is not
 * measured.
 * Source: Uecker et al., MRM 2014; SigPy, mri/app.py, EspiritCalib.
 */
export async function espirit(
  kspace: ArrayLike<number>,
  shape: readonly number[],
  options: EspiritOptions = espiritPresets.sigpy,
): Promise<Sensitivities> {
  const [parts, C, H, W] = shape;
  if (shape.length !== 4 || parts !== 2)
    throw new ShapeError(`espirit: k-space is ${formatShape(shape)}, not [2×coils×height×width]`, {
      shape,
    });
  checkOptions(shape, kspace.length, options);
  const at: Kspace = (c, i, j) => [kspace[(c * H + i) * W + j], kspace[((C + c) * H + i) * W + j]];
  const blocks = calibrationMatrix(at, [C, H, W], options);
  requireMeasured(blocks, C, options);
  const { values, space } = signalSpace(await eigenLibrary(), blocks, options.threshold);
  const sums = correlations(space, C, options.kernel);
  const own = reference(blocks, C, options);
  const maps = new Float64Array(C * 2 * H * W);
  const eigenvalues = new Float64Array(H * W);
  const [vertical, horizontal] = [waves(H, options.kernel), waves(W, options.kernel)];
  const side = 2 * options.kernel - 1;
  for (let i = 0; i < H; i++) {
    const row = along(sums, side ** 2, vertical, i);
    for (let j = 0; j < W; j++) {
      const { re, im, value } = leading(along(row, side, horizontal, j), C);
      eigenvalues[i * W + j] = value;
      if (value <= options.crop) continue;
      // conj(own)·map, whose phase is taken off
      const a = own.re.reduce((sum, r, c) => sum + r * re[c] + own.im[c] * im[c], 0);
      const b = own.re.reduce((sum, r, c) => sum + r * im[c] - own.im[c] * re[c], 0);
      const size = Math.sqrt(a * a + b * b);
      const [cos, sin] = size > 0 ? [a / size, b / size] : [1, 0];
      for (let c = 0; c < C; c++) {
        maps[2 * c * H * W + i * W + j] = re[c] * cos + im[c] * sin;
        maps[(2 * c + 1) * H * W + i * W + j] = im[c] * cos - re[c] * sin;
      }
    }
  }
  return { coils: coilsFrom(maps, [C, 2, H, W]), eigenvalues, singularValues: values };
}

/** A cell that is 0 in every coil was not measured. */
function requireMeasured(
  { rows, columns, re, im }: Complex,
  coils: number,
  { calibration, kernel }: EspiritOptions,
): void {
  const each = kernel ** 2;
  for (let k = 0; k < rows * each; k++) {
    const first = Math.floor(k / each) * columns + (k % each);
    const isMeasured = Array.from({ length: coils }, (_, c) => first + c * each).some(
      (at) => re[at] !== 0 || im[at] !== 0,
    );
    if (!isMeasured)
      throw new FormatError(
        `espirit: the middle ${calibration}×${calibration} of k-space is not measured throughout; give a smaller calibration`,
        { calibration },
      );
  }
}
