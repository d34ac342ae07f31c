// Intervals that hold the truth as often as is said of them: in 93 to 97 of 100 audits where 95 %
// is said. scripts/cover.mjs simulates every one of them; docs/evidence.md has its table.
import { ConfigError, exp, log } from "../engine/index.ts";
import { betaCdf, betaQuantile, studentQuantile } from "./quantiles.ts";
import { mean } from "./statistics.ts";

export interface Interval {
  readonly low: number;
  readonly high: number;
}
export interface MeanInterval {
  readonly mean: number;
  /** Absent where none can be promised; 95 % is said of one without `assumes` alone. */
  readonly interval?: Interval;
  /**
   * What 95 % would rest on with fewer than 20 values, which do not show how they are spread: the
   * means of strongly skewed ones and of those in two groups are held in 87 to 99 of 100 cases.
   */
  readonly assumes?: "values that are neither strongly skewed nor in two groups";
}

/** Fewer values give no interval of their mean. */
export const MEAN_FROM = 3;
/** From so many values on the interval follows their skewness. */
const SKEWED_FROM = 10;
/** From so many values on nothing is assumed. */
const ANY_FROM = 20;
/**
 * What intervals of means over so many values are called where they are shown: fewer than 20 do not
 * show how they are spread, so 95 % is not said of them. scripts/cover.mjs holds both.
 */
export const intervalWords = (count: number): string =>
  count >= ANY_FROM
    ? "95 % intervals"
    : "intervals by Student's t, which from so few values hold the mean in 87 to 99 of 100 cases";
/** Fewer trials give no interval of a share. */
export const SHARE_FROM = 7;

/** Deviation (n − 1) and skewness of values. */
function spread(values: readonly number[]): { deviation: number; skewness: number } {
  const n = values.length;
  const centre = mean(values);
  const offsets = values.map((v) => v - centre);
  const second = offsets.reduce((sum, d) => sum + d * d, 0) / n;
  const third = offsets.reduce((sum, d) => sum + d * d * d, 0) / n;
  return {
    deviation: Math.sqrt((second * n) / (n - 1)),
    skewness: third / (second * Math.sqrt(second)),
  };
}

const cubeRoot = (x: number): number => (x === 0 ? 0 : Math.sign(x) * exp(log(Math.abs(x)) / 3));
/**
 * Turns a quantile t of the symmetric statistic into that of a skewed one; `skew` is the
 * population's skewness over 3√n. The inverse of T + skew·T² + skew²·T³/3 + skew/2. Source: Hall,
 * Journal of the Royal Statistical Society B 1992.
 */
function unskewed(t: number, skew: number): number {
  const moved = t - skew / 2;
  return Math.abs(skew) < 1e-9 ? moved : (cubeRoot(1 + 3 * skew * moved) - 1) / skew;
}

/**
 * The mean with its 95 % interval: Student's t from 3 values on, by Hall's transformation from 10
 * on, which makes the two sides of skewed values as long as they must be. None for fewer than 3, or
 * for values that are all the same: a spread that was not seen bounds nothing. Throws ConfigError
 * for values that are not finite.
 */
export function meanInterval95(values: readonly number[]): MeanInterval {
  const wrong = values.find((v) => !Number.isFinite(v));
  if (wrong !== undefined)
    throw new ConfigError(`meanInterval95: ${wrong} among the values; leave it out and say so`);
  const n = values.length;
  const centre = mean(values);
  if (n < MEAN_FROM) return { mean: centre };
  const { deviation, skewness } = spread(values);
  if (!(deviation > 1e-12 * Math.abs(centre))) return { mean: centre };
  const t = studentQuantile(0.975, n - 1);
  const error = deviation / Math.sqrt(n);
  const skew = n < SKEWED_FROM ? 0 : skewness / (3 * Math.sqrt(n));
  const interval = {
    low: centre - error * unskewed(t, skew),
    high: centre - error * unskewed(-t, skew),
  };
  if (n >= ANY_FROM) return { mean: centre, interval };
  return {
    mean: centre,
    interval,
    assumes: "values that are neither strongly skewed nor in two groups",
  };
}

/**
 * The mean of a[i] − b[i] with its 95 % interval: the same images at two rates, or by two methods.
 * Throws ConfigError for lists of different lengths.
 */
export function differenceInterval95(a: readonly number[], b: readonly number[]): MeanInterval {
  if (a.length !== b.length)
    throw new ConfigError(
      `differenceInterval95: ${a.length} values beside ${b.length}; every one needs its pair`,
      { a: a.length, b: b.length },
    );
  return meanInterval95(a.map((v, i) => v - b[i]));
}

/**
 * The mean of shares that pile up at an end, such as how much of a detail comes back: as
 * meanInterval95, but none for fewer than 10.
 */
export function meanShareInterval95(shares: readonly number[]): MeanInterval {
  const { mean: centre, interval } = meanInterval95(shares);
  return interval && shares.length >= SKEWED_FROM ? { mean: centre, interval } : { mean: centre };
}

/** P(X ≤ k) of n trials with probability p. */
function binomialCdf(k: number, n: number, p: number): number {
  if (k < 0) return 0;
  return k >= n ? 1 : 1 - betaCdf(p, k + 1, n - k);
}
/**
 * How well a probability p agrees with k of n successes: the tail that k lies in, and as much of
 * the other as is no likelier. Source: Blaker, Canadian Journal of Statistics 2000.
 */
function agreement(k: number, n: number, p: number): number {
  const below = (j: number): number => binomialCdf(j, n, p);
  const above = (j: number): number => 1 - binomialCdf(j - 1, n, p);
  const own = Math.min(below(k), above(k));
  const least = own * (1 + 1e-9);
  let other = 0;
  if (above(k) <= below(k)) {
    for (let j = 0; j < k && below(j) <= least; j++) other = below(j);
  } else {
    for (let j = n; j > k && above(j) <= least; j--) other = above(j);
  }
  return own + other;
}

/**
 * The interval of a probability after k successes in n independent trials: Blaker's, whose cover is
 * nowhere below 1 − level. No interval from so few whole numbers has 95 % everywhere; level = 0.065
 * up to 50 trials gives 93.5 % at the least and 95 to 97 % on the mean over p, and 0.05 beyond.
 * Above 200 trials it is Clopper and Pearson's, which costs nothing and is hardly longer. None for
 * fewer than 7 trials. Throws ConfigError unless 0 ≤ k ≤ n are whole.
 */
export function shareInterval95(k: number, n: number): Interval | undefined {
  if (!Number.isInteger(k) || !Number.isInteger(n) || k < 0 || k > n)
    throw new ConfigError(`shareInterval95: ${k} of ${n}; give whole numbers from 0 to all`, {
      k,
      n,
    });
  if (n < SHARE_FROM) return undefined;
  const level = n <= 50 ? 0.065 : 0.05;
  // Clopper and Pearson's interval contains it; its ends move inwards to what agrees
  let low = k === 0 ? 0 : betaQuantile(level / 2, k, n - k + 1);
  let high = k === n ? 1 : betaQuantile(1 - level / 2, k + 1, n - k);
  if (n > 200) return { low, high };
  const step = 1e-4;
  if (k > 0) while (low + step < k / n && agreement(k, n, low + step) < level) low += step;
  if (k < n) while (high - step > k / n && agreement(k, n, high - step) < level) high -= step;
  return { low, high };
}
