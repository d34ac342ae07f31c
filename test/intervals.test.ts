// Intervals against published tables, closed forms and their own promise; npm run cover has more.
import { describe, expect, it } from "vitest";
import {
  betaCdf,
  betaQuantile,
  differenceInterval95,
  meanInterval95,
  meanShareInterval95,
  shareInterval95,
  studentQuantile,
} from "fiducial/audit";
import { ConfigError, log, random } from "fiducial/engine";

describe("quantiles", () => {
  it("of Student's t agree with the printed table", () => {
    // Abramowitz and Stegun, table 26.10
    for (const [freedom, p, t] of [
      [1, 0.975, 12.706],
      [2, 0.975, 4.303],
      [3, 0.975, 3.182],
      [4, 0.975, 2.776],
      [10, 0.975, 2.228],
      [30, 0.975, 2.042],
      [120, 0.975, 1.98],
      [1, 0.95, 6.314],
      [5, 0.95, 2.015],
      [5, 0.995, 4.032],
    ])
      expect(Math.abs(studentQuantile(p, freedom) - t)).toBeLessThanOrEqual(5.0001e-4);
    expect(studentQuantile(0.025, 1e7)).toBeCloseTo(-1.959964, 5);
    expect(studentQuantile(0.5, 3)).toBe(0);
    // one degree of freedom is Cauchy's distribution, two have a closed form
    expect(studentQuantile(0.75, 1)).toBeCloseTo(1, 12);
    expect(studentQuantile(0.975, 2)).toBeCloseTo(0.95 * Math.sqrt(2 / (1 - 0.95 ** 2)), 10);
  });
  it("of the beta distribution agree with closed forms, and invert it", () => {
    for (const n of [1, 7, 60, 900]) {
      expect(betaQuantile(0.975, 1, n)).toBeCloseTo(1 - 0.025 ** (1 / n), 13);
      expect(betaQuantile(0.3, n, 1)).toBeCloseTo(0.3 ** (1 / n), 13);
    }
    for (const [a, b] of [
      [0.5, 0.5],
      [2.5, 8],
      [40, 3],
    ])
      for (const p of [1e-6, 0.025, 0.5, 0.9]) {
        expect(Math.abs(betaCdf(betaQuantile(p, a, b), a, b) - p)).toBeLessThan(1e-12);
        expect(betaCdf(0.37, a, b) + betaCdf(0.63, b, a)).toBeCloseTo(1, 12);
      }
    expect(() => betaQuantile(1.1, 1, 1)).toThrow(ConfigError);
    expect(() => studentQuantile(0.9, 0)).toThrow(ConfigError);
  });
});

/** How often the interval of n draws holds the truth, in 2,000 runs. */
function coverOf(
  n: number,
  draw: (rng: ReturnType<typeof random>) => number,
  truth: number,
): number {
  const rng = random(n);
  let held = 0;
  for (let k = 0; k < 2000; k++) {
    const { interval } = meanInterval95(Array.from({ length: n }, () => draw(rng)));
    if (interval && interval.low <= truth && truth <= interval.high) held++;
  }
  return held / 2000;
}

describe("the interval of a mean", () => {
  it("holds the truth as often as promised: normal values from 3 on, skewed ones from 10 on", () => {
    for (const n of [3, 5, 10, 20]) {
      const cover = coverOf(n, (rng) => rng.normal(), 0);
      expect(cover).toBeGreaterThan(0.935);
      expect(cover).toBeLessThan(0.965);
    }
    for (const n of [10, 20]) {
      const cover = coverOf(n, (rng) => -log(1 - rng.uniform()), 1);
      expect(cover).toBeGreaterThan(0.925);
      expect(cover).toBeLessThan(0.965);
    }
  });
  it("is Student's for few values, says what it assumes, and moves and scales with them", () => {
    const { mean, interval, assumes } = meanInterval95([1, 2, 4]);
    expect(mean).toBeCloseTo(7 / 3, 12);
    expect(interval!.high - mean).toBeCloseTo((4.302653 * Math.sqrt(7 / 3)) / Math.sqrt(3), 5);
    expect(assumes).toMatch(/skewed/);
    const values = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5];
    const own = meanInterval95(values).interval!;
    const other = meanInterval95(values.map((v) => 10 - 2 * v)).interval!;
    expect(other.low).toBeCloseTo(10 - 2 * own.high, 9);
    expect(other.high).toBeCloseTo(10 - 2 * own.low, 9);
  });
  it("is absent where none can be promised", () => {
    for (const values of [[], [1], [1, 2], [2, 2, 2, 2]])
      expect(meanInterval95(values).interval).toBeUndefined();
    expect(meanShareInterval95([0.1, 0.5, 0.9, 1]).interval).toBeUndefined();
    expect(meanInterval95(Array.from({ length: 20 }, (_, i) => i % 7)).assumes).toBeUndefined();
    expect(() => meanInterval95([1, Number.NaN, 2])).toThrow(ConfigError);
  });
  it("of differences needs pairs, and takes what pairs share out", () => {
    const { interval } = differenceInterval95([10, 20, 30, 41], [9, 19, 29, 39.9]);
    expect(interval!.low).toBeGreaterThan(0.9);
    expect(() => differenceInterval95([1, 2], [1])).toThrow(/every one needs its pair/);
  });
});

describe("the interval of a share", () => {
  it("holds every probability at least 93.5 % of the time, and 94.5 to 97 % on the mean", () => {
    for (const n of [7, 8, 13, 20, 50]) {
      const intervals = Array.from({ length: n + 1 }, (_, k) => shareInterval95(k, n)!);
      let [sum, least] = [0, 1];
      for (let i = 0; i < 500; i++) {
        const p = (i + 0.5) / 500;
        let [cover, choose] = [0, 1];
        for (const [k, { low, high }] of intervals.entries()) {
          if (low <= p && p <= high) cover += choose * p ** k * (1 - p) ** (n - k);
          choose = (choose * (n - k)) / (k + 1);
        }
        sum += cover / 500;
        least = Math.min(least, cover);
      }
      expect(least).toBeGreaterThan(0.9345);
      expect(sum).toBeGreaterThan(0.945);
      expect(sum).toBeLessThan(0.97);
    }
  });
  it("is the same from both ends, holds k/n, and is absent below 7 trials", () => {
    for (let k = 0; k <= 12; k++) {
      const [own, other] = [shareInterval95(k, 12)!, shareInterval95(12 - k, 12)!];
      expect(own.low).toBeCloseTo(1 - other.high, 9);
      expect(own.low <= k / 12 && k / 12 <= own.high).toBe(true);
    }
    expect(shareInterval95(3, 6)).toBeUndefined();
    expect(() => shareInterval95(3, 2)).toThrow(ConfigError);
    expect(() => shareInterval95(0.5, 8)).toThrow(/whole numbers/);
  });
});
