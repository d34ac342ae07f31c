// More samples: does the reconstruction get better when more of k-space is measured than the
// network was trained for?
import { ConfigError } from "../../engine/index.ts";
import { besideLimit, decibels, fixed, percent as percentOf } from "../../report/index.ts";
import { nestedMasks } from "../../imaging/index.ts";
import { differenceInterval95 } from "../intervals.ts";
import type { RateScore, Verdict } from "../schema.ts";
import { mean } from "../statistics.ts";
import { shownAsRates } from "./shown/rates.ts";
import { scanOf, type StabilityTest } from "./test.ts";

/**
 * Reconstructs every image from nested masks, from far fewer cells than the audit's own mask to far
 * more, `families` of them for every image. A method fails when, at a rate at or above the audit's
 * own, its mean PSNR lies more than `maxPsnrDrop` dB, by its whole interval, below the best at
 * a smaller such rate: it was given more and made less of it. Paired over images and families.
 */
export function samplingRates(
  options: { factors?: readonly number[]; families?: number; maxPsnrDrop?: number } = {},
): StabilityTest {
  const {
    factors = [0.4, 0.6, 0.8, 1, 1.25, 1.6, 2, 3],
    families = 3,
    maxPsnrDrop = 0.1,
  } = options;
  const increase = factors.every((f, i) => f > (factors[i - 1] ?? 0));
  if (!factors.includes(1) || !increase || !(families >= 1) || !(maxPsnrDrop >= 0))
    throw new ConfigError(
      `samplingRates: the factors ${factors.join(", ")} must increase and have 1, the audit's own rate, among them; families ${families} at least 1, the threshold ${maxPsnrDrop} dB not negative`,
      { factors, families, maxPsnrDrop },
    );
  return {
    id: "sampling-rates",
    domain: "measurement",
    requires: ["sampling"],
    title: "More measurements give better images",
    failureTitle: "More measurements give worse images",
    description: `Every image measured with fewer and with more cells of k-space than the audit's own mask has, in nested masks of which that mask is one, ${families} families of them for each image (one below the audit's own rate, where nothing is judged); the method is otherwise as it is. The interval is by Student's t, over images and families: for 95 % from 20 of them on.`,
    source: "Antun et al., PNAS 2020, test 3, here with nested masks and intervals",
    settings: { factors, families },
    thresholds: { maxPsnrDropDb: maxPsnrDrop },
    steps: factors.length * families,
    async examine(subject) {
      const { mask } = scanOf(subject);
      const own = mask.data.reduce((a, b) => a + b, 0) / mask.data.length;
      // a mask that measures nearly everything has no larger ones
      const rates = [...new Set(factors.map((f) => Math.min(1, f * own)))];
      const found: { rate: number; psnr: number[] }[] = rates.map((rate) => ({ rate, psnr: [] }));
      for (let k = 0; k < families; k++) {
        const rng = subject.common(`family ${k}`);
        const masks = nestedMasks(mask, { rates, seed: rng.integer(2 ** 31) });
        for (const [i, each] of masks.entries()) {
          // what lies below is for the curve alone
          if (k > 0 && rates[i] < own) continue;
          const value = await subject.psnrWith(each, subject.common(`noise ${k}`));
          if (value === undefined) return { measurements: [] };
          found[i].psnr.push(value);
          await subject.tick();
        }
      }
      return {
        measurements: [],
        rates: found.map(
          (f): RateScore => ({ method: subject.method, image: subject.image, ...f }),
        ),
      };
    },
    show: shownAsRates,
    judge(method, { rates = [] }) {
      if (rates.length === 0)
        return {
          method,
          outcome: "not-applicable",
          explanation: "is bound to its mask, so it cannot be given other measurements",
        };
      const asked = [...new Set(rates.map((r) => r.rate))].sort((a, b) => a - b);
      const at = (rate: number): number[] =>
        rates.filter((r) => r.rate === rate).flatMap((r) => r.psnr);
      const own = asked[Math.min(factors.indexOf(1), asked.length - 1)];
      const above = asked.filter((rate) => rate >= own);
      if (above.length === 1) {
        const explanation = `everything is measured at ${percentOf(own, 0)} already`;
        return { method, outcome: "not-applicable", explanation };
      }
      return judgeRates(method, above, at, maxPsnrDrop);
    },
  };
}

interface Drop {
  readonly rate: number;
  readonly from: number;
  /** dB lost from the best smaller rate to this one, over the pairs. */
  readonly drop: number;
  readonly low: number;
  readonly high: number;
}

/** From the best of the smaller rates to every larger one, paired. */
function dropsOf(rates: readonly number[], at: (rate: number) => number[]): Drop[] {
  let best = rates[0];
  return rates.slice(1).map((rate) => {
    const from = best;
    const { mean: drop, interval } = differenceInterval95(at(from), at(rate));
    if (drop < 0) best = rate;
    // without an interval nothing is decided, but for drops that are all the same
    const differences = at(from).map((v, i) => v - at(rate)[i]);
    const same = differences.every((d) => Math.abs(d - drop) < 1e-9);
    const { low, high } = interval ?? (same ? { low: drop, high: drop } : UNKNOWN);
    return { rate, from, drop, low, high };
  });
}
const UNKNOWN = { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };

/**
 * Fails where a whole interval lies above the threshold; passes where no mean does. Between, more
 * images would be needed.
 */
function judgeRates(
  method: string,
  rates: readonly number[],
  at: (rate: number) => number[],
  maxPsnrDrop: number,
): Verdict {
  const drops = dropsOf(rates, at);
  const worst = drops.reduce((p, q) =>
    q.low > p.low || (q.low === p.low && q.drop > p.drop) ? q : p,
  );
  const most = drops.reduce((p, q) => (q.drop > p.drop ? q : p));
  const shown = worst.low > maxPsnrDrop ? worst : most;
  const decided = shown.low > maxPsnrDrop ? "fail" : "inconclusive";
  const outcome = shown.drop > maxPsnrDrop ? decided : "pass";
  const [own, top] = [rates[0], rates[rates.length - 1]];
  const gain = mean(at(top)) - mean(at(own));
  const range = Number.isFinite(shown.low)
    ? ` (${fixed(shown.low, 2)} to ${fixed(shown.high, 2)})`
    : "";
  const drop = besideLimit(shown.drop, maxPsnrDrop, { write: decibels, digits: 2 });
  const lost = `is ${drop}${range} worse at ${percentOf(shown.rate, 0)} of k-space than at ${percentOf(shown.from, 0)}; threshold ${maxPsnrDrop} dB; it`;
  const moved = `${gain >= 0 ? "gains" : "loses"} ${decibels(Math.abs(gain))} from ${percentOf(own, 0)} to ${percentOf(top, 0)}`;
  return {
    method,
    outcome,
    figure: {
      value: Math.max(0, shown.drop),
      threshold: maxPsnrDrop,
      unit: "dB lost to more measurements",
    },
    explanation: `${outcome === "pass" ? "never gets worse with more;" : lost} ${moved}`,
  };
}
