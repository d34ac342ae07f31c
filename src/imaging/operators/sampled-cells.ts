// What a file of a mask or of k-space claims to have measured, and whether it can be so. The masks
// themselves: masks.ts.
import { FormatError, ShapeError } from "../../engine/index.ts";

/** Where the lowest frequency is taken to be; "judge" takes the centre where that is plausible. */
export type LowestFrequency = "centre" | "corner" | "judge";

/** What a file says about its sampling: plain facts, for people to check. */
export interface SamplingFacts {
  /** Share of the cells that are measured. */
  readonly measuredFraction: number;
  /** Largest value that was taken for not measured; 0 where exact zeros are. */
  readonly floor: number;
  /** Where the lowest frequency seems to lie in the file: row and column. */
  readonly seemsAt: readonly [number, number];
  /** What it was taken for. */
  readonly takenFor: "centre" | "corner";
  /** Whether the lowest frequency is measured. */
  readonly lowestMeasured: boolean;
}
export interface SampledCells {
  readonly shape: readonly [number, number];
  /** 1 where measured. */
  readonly data: Uint8Array;
  readonly facts: SamplingFacts;
}
export interface SamplingOptions {
  /** Values above it are measured; judged from the values where it is not given. */
  readonly threshold?: number;
  /** Where the lowest frequency is in the file ("centre"). What is at the corner is moved. */
  readonly lowest?: LowestFrequency;
  /** What a message calls it. */
  readonly name?: string;
}

/** Of the largest value: at most this is not measured, as 1 of 255 is. */
const NOTHING = 0.01;
/** Of the largest value: from this on it is measured. */
const SURE = 0.5;

/**
 * Cells of a mask [H,W] that are measured: those above `threshold`; without one, those of at least
 * half the largest value, where all others are at most a hundredth of it. A single row [1,W] stands
 * for every line. Throws FormatError for values in between, for negative ones, when nothing is
 * measured and when the lowest frequency is not where it is said to be or not measured, naming the
 * option that says how it is meant; ShapeError for another size than `expected`.
 */
export function cellsOfMask(
  given: ArrayLike<number>,
  shape: readonly [number, number],
  expected: readonly [number, number] = shape,
  options: SamplingOptions = {},
): SampledCells {
  const name = options.name ?? "mask";
  const values = spread(given, shape, expected, name);
  const threshold = options.threshold ?? maskThreshold(values, name);
  const data = Uint8Array.from({ length: values.length }, (_, i) =>
    values[i] > threshold ? 1 : 0,
  );
  return judged(data, expected, {
    ...options,
    name,
    floor: largestBelow(values, threshold),
    weight: data,
    full: 1,
  });
}

/**
 * Cells of k-space [2,H,W], of one or more slices of the same sampling, that are measured: those
 * whose magnitude is above `threshold` in some slice. Without one, what lies below a gap of at
 * least a factor 100 in the magnitudes is not measured, beside exact zeros. Throws as cellsOfMask.
 */
export function cellsOfKspace(
  slices: readonly ArrayLike<number>[],
  shape: readonly [number, number],
  options: SamplingOptions = {},
): SampledCells {
  const name = options.name ?? "k-space";
  const size = shape[0] * shape[1];
  const magnitudes = Float64Array.from({ length: size }, (_, i) =>
    slices.reduce((most, k) => Math.max(most, Math.hypot(k[i], k[size + i])), 0),
  );
  const threshold = options.threshold ?? gapBelow(magnitudes);
  const data = Uint8Array.from(magnitudes, (m) => (m > threshold ? 1 : 0));
  const energy = magnitudes.map((m) => m * m);
  return judged(data, shape, {
    ...options,
    name,
    floor: largestBelow(magnitudes, threshold),
    weight: energy,
  });
}

/** One row is every line's, one column every column's. */
function spread(
  values: ArrayLike<number>,
  [h, w]: readonly [number, number],
  [H, W]: readonly [number, number],
  name: string,
): Float64Array {
  if ((h !== H && h !== 1) || (w !== W && w !== 1) || (h === 1 && w === 1 && H * W > 1))
    throw new ShapeError(
      `${name}: it is ${h}×${w}, the images are ${H}×${W}; give a mask of the images' size`,
      { shape: [h, w], expected: [H, W] },
    );
  return Float64Array.from({ length: H * W }, (_, p) => {
    const [i, j] = [Math.floor(p / W), p % W];
    return values[(h === 1 ? 0 : i) * w + (w === 1 ? 0 : j)];
  });
}

function maskThreshold(values: Float64Array, name: string): number {
  const top = values.reduce((a, b) => Math.max(a, b), 0);
  const low = values.reduce((a, b) => Math.min(a, b), 0);
  const between = values.reduce((n, v) => n + (v > NOTHING * top && v < SURE * top ? 1 : 0), 0);
  if (low < -NOTHING * top || between > 0)
    throw new FormatError(
      `${name}: ${low < 0 ? `it has negative values (${low})` : `${between} of its cells are neither near 0 nor near its largest value, ${top}`}, so it does not say what is measured; say so with --mask-threshold (0: all that is above 0)`,
      { name, low, top, between },
    );
  return NOTHING * top;
}
function largestBelow(values: Float64Array, threshold: number): number {
  return values.reduce((most, v) => (v <= threshold && v > most ? v : most), 0);
}

/** A gap is believed when at least a hundredth of the cells lie below it, far below the largest. */
const GAP = 100;
const FAR_BELOW = 1e-4;
function gapBelow(magnitudes: Float64Array): number {
  const sorted = magnitudes.filter((m) => m > 0).sort();
  if (sorted.length === 0) return 0;
  const top = sorted[sorted.length - 1];
  let [widest, threshold] = [GAP, 0];
  for (
    let i = Math.ceil(sorted.length / 100);
    i < sorted.length && sorted[i - 1] < FAR_BELOW * top;
    i++
  )
    if (sorted[i] / sorted[i - 1] >= widest)
      [widest, threshold] = [sorted[i] / sorted[i - 1], sorted[i - 1]];
  return threshold;
}

interface Judging extends SamplingOptions {
  readonly name: string;
  readonly floor: number;
  /** What is largest about the lowest frequency; `full` is the most that it can be. */
  readonly weight: ArrayLike<number>;
  readonly full?: number;
}
function judged(
  data: Uint8Array,
  shape: readonly [number, number],
  options: Judging,
): SampledCells {
  const { name, lowest = "centre", floor } = options;
  if (!data.includes(1))
    throw new FormatError(
      `${name}: it samples nothing; at least one cell must not be 0 (--mask-threshold)`,
      { name },
    );
  const [i, j] = centreOf(shape);
  const [row, column] = lowestFrequency(shape, options);
  const cells = lowest === "corner" ? shifted(data, shape) : data;
  const lowestMeasured = cells[i * shape[1] + j] === 1;
  if (lowest === "judge" && !(row === i && column === j))
    throw new FormatError(
      `${name}: its lowest frequency seems to be at row ${row}, column ${column} and not at the centre (${i}, ${j}); say --lowest-frequency corner where it is at the corner, or centre where it is right as it is`,
      { name, row, column },
    );
  if (lowest === "judge" && !lowestMeasured)
    throw new FormatError(
      `${name}: the lowest frequency (row ${i}, column ${j}) is not measured, as it is in every scan; say --lowest-frequency centre where it is right as it is`,
      { name },
    );
  const facts: SamplingFacts = {
    measuredFraction: data.reduce((n, v) => n + v, 0) / data.length,
    floor,
    seemsAt: [row, column],
    takenFor: lowest === "corner" ? "corner" : "centre",
    lowestMeasured,
  };
  return { shape, data: cells, facts };
}

const centreOf = ([H, W]: readonly [number, number]): [number, number] => [
  Math.floor(H / 2),
  Math.floor(W / 2),
];

/** The corner moves to the centre: ⌊N/2⌋ further, cyclically, along the last two axes. */
export function shifted<T extends Uint8Array | Float32Array>(
  cells: T,
  [H, W]: readonly [number, number],
): T {
  const out = cells.slice() as T;
  for (let p = 0; p < cells.length; p++) {
    const [plane, i, j] = [Math.floor(p / (H * W)), Math.floor(p / W) % H, p % W];
    out[(plane * H + ((i + Math.floor(H / 2)) % H)) * W + ((j + Math.floor(W / 2)) % W)] = cells[p];
  }
  return out;
}

/**
 * The centre, unless the corner, or the middle of an edge, holds clearly more: its surroundings
 * (2 % of k-space each way) are full where the centre's are not, or weigh twice as much.
 */
function lowestFrequency(
  shape: readonly [number, number],
  { weight, full = Number.POSITIVE_INFINITY }: Judging,
): readonly [number, number] {
  const [i, j] = centreOf(shape);
  const edges = [
    [0, 0],
    [0, j],
    [i, 0],
  ] as const;
  const centre = around(weight, shape, [i, j]);
  const there = edges.map((place) => around(weight, shape, place));
  const best = there.reduce((most, v, k) => (v > there[most] ? k : most), 0);
  const fuller = there[best] >= 0.9 * full && centre < 0.9 * full;
  return fuller || there[best] > 2 * centre ? edges[best] : [i, j];
}
/** Mean weight about a place, cyclically. */
function around(
  weight: ArrayLike<number>,
  [H, W]: readonly [number, number],
  [row, column]: readonly [number, number],
): number {
  const [up, across] = [H, W].map((n) =>
    Math.min(Math.floor((n - 1) / 2), Math.max(1, Math.round(0.02 * n))),
  );
  let sum = 0;
  for (let i = -up; i <= up; i++)
    for (let j = -across; j <= across; j++)
      sum += weight[((row + i + H) % H) * W + ((column + j + W) % W)];
  return sum / ((2 * up + 1) * (2 * across + 1));
}
