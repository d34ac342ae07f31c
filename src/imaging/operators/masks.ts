// Which cells of k-space are measured. Column masks sample whole phase-encoding lines, as fastMRI's
// do.
import { ConfigError, PI, random, sinCos } from "../../engine/index.ts";
import type { MaskSpec } from "./mask-spec.ts";
import { arrayHash } from "./spec.ts";
import {
  cellsOfKspace,
  cellsOfMask,
  type SamplingFacts,
  type SamplingOptions,
} from "./sampled-cells.ts";

/** 1 where k-space is measured; DC is at (⌊H/2⌋, ⌊W/2⌋). */
export interface Mask {
  readonly shape: readonly [number, number];
  readonly data: Uint8Array;
  /** What it is, as plain data; openMask makes it again. */
  readonly spec: MaskSpec;
}
interface ColumnOptions {
  readonly shape: readonly [number, number];
  readonly acceleration: number;
  readonly centerFraction: number;
}

/** numpy's rounding: half to even. */
const roundHalfEven = (x: number): number =>
  Math.abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x);

function lowFrequencies({ shape: [, W], acceleration, centerFraction }: ColumnOptions): {
  count: number;
  pad: number;
} {
  const count = roundHalfEven(W * centerFraction);
  if (
    !(acceleration >= 1 && Number.isFinite(acceleration)) ||
    !(centerFraction >= 0 && centerFraction <= 1)
  )
    throw new ConfigError(
      `mask: acceleration ${acceleration} must be at least 1, centerFraction ${centerFraction} in [0, 1]`,
      { acceleration, centerFraction },
    );
  if (count * acceleration > W)
    throw new ConfigError(
      `mask: the centre alone is ${count} of ${W} columns, more than 1/${acceleration} of them; lower centerFraction or the acceleration`,
      { count, W, acceleration },
    );
  return { count, pad: Math.floor((W - count + 1) / 2) };
}
function fromColumns(columns: Uint8Array, [H, W]: readonly [number, number], spec: MaskSpec): Mask {
  const data = new Uint8Array(H * W);
  for (let i = 0; i < H; i++) data.set(columns, i * W);
  return { shape: [H, W], data, spec };
}
function withCenter(columns: Uint8Array, { count, pad }: { count: number; pad: number }): void {
  columns.fill(1, pad, pad + count);
}

/**
 * fastMRI's random mask: the centre, and every other column with p = (W/R − n_low)/(W − n_low).
 * Source: fastMRI subsample.py, RandomMaskFunc (its random numbers are numpy's, ours are our own).
 */
export function randomMask(options: ColumnOptions & { readonly seed: number }): Mask {
  const { shape, acceleration, seed } = options;
  const low = lowFrequencies(options);
  const p = (shape[1] / acceleration - low.count) / (shape[1] - low.count);
  const rng = random(seed);
  const columns = Uint8Array.from({ length: shape[1] }, () => (rng.uniform() < p ? 1 : 0));
  withCenter(columns, low);
  return fromColumns(columns, shape, {
    kind: "random",
    shape,
    acceleration,
    centerFraction: options.centerFraction,
    seed,
  });
}

/**
 * numpy.arange(from, to, step), to its rounding: its step is the difference of its first two
 * values, and its length comes before them.
 */
function spaced(from: number, to: number, step: number): number[] {
  if (!Number.isFinite(step)) return [];
  const rounded = from + step - from;
  return Array.from(
    { length: Math.max(0, Math.ceil((to - from) / step)) },
    (_, i) => from + i * rounded,
  );
}

/**
 * fastMRI's equispaced-fraction mask: the centre, and columns `step` apart from `offset`, step =
 * R(n_low − W)/(n_low·R − W), rounded half to even; the centre alone where that is W/R columns.
 * Source: fastMRI subsample.py, EquispacedMaskFractionFunc.
 */
export function equispacedMask(
  options: ColumnOptions & { readonly offset: number },
): Mask & { readonly step: number } {
  const { shape, acceleration: R, offset } = options;
  const W = shape[1];
  const low = lowFrequencies(options);
  if (!(offset >= 0))
    throw new ConfigError(`mask: offset ${offset} must be at least 0`, { offset });
  const columns = new Uint8Array(W);
  // the centre alone may be all that is asked for: then no step is left to take
  const step =
    low.count * R === W ? Number.POSITIVE_INFINITY : (R * (low.count - W)) / (low.count * R - W);
  for (const at of spaced(offset, W - 1, step)) columns[roundHalfEven(at)] = 1;
  withCenter(columns, low);
  return {
    ...fromColumns(columns, shape, {
      kind: "equispaced-fraction",
      shape,
      acceleration: R,
      centerFraction: options.centerFraction,
      offset,
    }),
    step,
  };
}

/** How far the k-th of n lies from the lowest frequency, in half an image. */
const fromMiddle = (k: number, n: number): number => Math.abs(k - Math.floor(n / 2)) / (n / 2);
const MOST_POWER = 100;

/**
 * Columns drawn with a density that falls as (1 − |k|/k_max)^power from the centre, exactly
 * round(W/R) of them, the centre always. Source: Lustig, Donoho, Pauly 2007.
 */
export function variableDensityMask(
  options: ColumnOptions & { readonly seed: number; readonly power?: number },
): Mask {
  const { shape, acceleration, seed, power = 2 } = options;
  if (!(Number.isInteger(power) && power >= 0 && power <= MOST_POWER))
    throw new ConfigError(`mask: power ${power} must be a whole number from 0 to ${MOST_POWER}`, {
      power,
    });
  const W = shape[1];
  const low = lowFrequencies(options);
  const columns = new Uint8Array(W);
  withCenter(columns, low);
  const rng = random(seed);
  // the columns with the smallest draws ^ 1/weight are a weighted sample without replacement
  // (Efraimidis & Spirakis)
  const keys = Array.from({ length: W }, (_, i) => {
    const distance = fromMiddle(i, W);
    let density = 1;
    for (let k = 0; k < power; k++) density *= 1 - distance;
    return { i, key: rng.uniform() / (1e-6 + density) };
  });
  const outside = keys.filter(({ i }) => columns[i] === 0).sort((a, b) => a.key - b.key);
  const wanted = Math.max(0, Math.round(W / acceleration) - low.count);
  for (const { i } of outside.slice(0, wanted)) columns[i] = 1;
  return fromColumns(columns, shape, {
    kind: "variable-density",
    shape,
    acceleration,
    centerFraction: options.centerFraction,
    power,
    seed,
  });
}

/** `spokes` straight lines through DC, π/spokes apart, on the Cartesian grid. */
export function radialMask(options: {
  readonly shape: readonly [number, number];
  readonly spokes: number;
}): Mask {
  const {
    shape: [H, W],
    spokes,
  } = options;
  // more than these measure everything, twice over
  const most = 4 * Math.max(H, W);
  if (!Number.isInteger(spokes) || spokes < 1 || spokes > most)
    throw new ConfigError(`radialMask: ${spokes} spokes; give a whole number from 1 to ${most}`, {
      spokes,
    });
  const data = new Uint8Array(H * W);
  const reach = Math.ceil(Math.max(H, W) * 0.75);
  for (let k = 0; k < spokes; k++) {
    const [s, c] = sinCos((PI * k) / spokes);
    for (let t = -reach; t <= reach; t += 0.5) {
      const [i, j] = [Math.floor(H / 2) + Math.round(t * s), Math.floor(W / 2) + Math.round(t * c)];
      if (i >= 0 && i < H && j >= 0 && j < W) data[i * W + j] = 1;
    }
  }
  return { shape: [H, W], data, spec: { kind: "radial", shape: [H, W], spokes } };
}

/** Everything is measured. */
export function fullMask(shape: readonly [number, number]): Mask {
  return {
    shape,
    data: new Uint8Array(shape[0] * shape[1]).fill(1),
    spec: { kind: "full", shape },
  };
}

/**
 * A mask from an image or array. Says and throws what cellsOfMask does: the description has the
 * share that is measured, `facts` the rest.
 */
export function maskFrom(
  values: ArrayLike<number>,
  shape: readonly [number, number],
  expected: readonly [number, number] = shape,
  options: SamplingOptions = {},
): Mask & { readonly facts: SamplingFacts } {
  const { data, facts } = cellsOfMask(values, shape, expected, options);
  return { ...fromFile(data, expected), facts };
}
const fromFile = (data: Uint8Array, shape: readonly [number, number]): Mask => ({
  shape,
  data,
  spec: { kind: "file", shape, sha256: arrayHash(data) },
});

/** What is measured in k-space [2,H,W] of slices with one sampling; as cellsOfKspace says. */
export function maskFromKspace(
  slices: readonly ArrayLike<number>[],
  shape: readonly [number, number],
  options: SamplingOptions = {},
): Mask & { readonly facts: SamplingFacts } {
  const { data, facts } = cellsOfKspace(slices, shape, options);
  return { ...fromFile(data, shape), facts };
}

/**
 * Masks of growing size, each containing the smaller ones, with the given mask among their
 * ancestors: smaller ones lose its cells, from the edge of k-space first, larger ones gain others,
 * from the centre first, by chance (density (1 − |k|/k_max)², as variableDensityMask). A mask of
 * whole columns gives masks of whole columns. `rates` are shares of k-space; each mask comes as
 * close as whole columns allow, and the lowest frequency is always kept. Throws ConfigError for
 * rates outside (0, 1].
 */
export function nestedMasks(
  mask: Mask,
  options: { readonly rates: readonly number[]; readonly seed: number },
): Mask[] {
  const { rates, seed } = options;
  const [H, W] = mask.shape;
  if (rates.length === 0 || rates.some((r) => !(r > 0 && r <= 1)))
    throw new ConfigError(`nestedMasks: the rates ${rates.join(", ")} must lie in (0, 1]`, {
      rates,
    });
  const columns = mask.data.every((v, k) => v === mask.data[k % W]);
  const units = columns ? W : H * W;
  const rng = random(seed);
  /** From the lowest frequency, in half an image, at most 1. */
  const distanceOf = (k: number): number => {
    const [row, column] = [Math.floor(k / W), k % W];
    const down = (row - Math.floor(H / 2)) / (H / 2);
    const across = (column - Math.floor(W / 2)) / (W / 2);
    return Math.min(1, Math.hypot(down, across));
  };
  const order = Array.from({ length: units }, (_, k) => {
    const far = columns ? fromMiddle(k, W) : distanceOf(k);
    const key = far === 0 ? -1 : rng.uniform() / ((1 - far) ** 2 + 1e-6);
    return { k, key, within: mask.data[k] === 1 || far === 0 };
  }).sort((a, b) => Number(b.within) - Number(a.within) || a.key - b.key);
  return rates.map((rate) => {
    const data = new Uint8Array(H * W);
    for (const { k } of order.slice(0, Math.max(1, Math.round(rate * units)))) {
      if (columns) for (let i = 0; i < H; i++) data[i * W + k] = 1;
      else data[k] = 1;
    }
    return { shape: mask.shape, data, spec: { kind: "nested", of: mask.spec, rate, seed } };
  });
}
