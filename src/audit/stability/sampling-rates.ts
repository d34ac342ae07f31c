// More samples: does the reconstruction get better when more of k-space is measured than the
// network was trained for?
import { ConfigError } from "../../engine/index.ts";
import { nestedMasks } from "../../imaging/index.ts";
import type { RateScore } from "../schema.ts";
import { mean, meanInterval } from "../statistics.ts";
import { scanOf, type StabilityTest } from "./test.ts";

/**
 * Reconstructs every image from nested masks, from far fewer cells than the audit's own mask to far
 * more, `families` of them for every image. A method fails when, at a rate at or above the audit's
 * own, its mean PSNR lies more than `maxPsnrDrop` dB, by its whole 95 % interval, below the best at
 * a smaller such rate: it was given more and made less of it. Paired over images and families.
 */
export function samplingRates(
  options: { factors?: readonly number[]; families?: number; maxPsnrDrop?: number } = {},
): StabilityTest {
  const { factors = [0.4, 0.6, 0.8, 1, 1.25, 1.6, 2, 3], families = 3, maxPsnrDrop = 0.1 } = options;
  if (
    !factors.includes(1) ||
    factors.some((f, i) => !(f > (factors[i - 1] ?? 0))) ||
    !(families >= 1) ||
    !(maxPsnrDrop >= 0)
  )
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
    description: `Every image measured with fewer and with more cells of k-space than the audit's own mask has, in nested masks of which that mask is one, ${families} families of them for each image; the method is otherwise as it is. The interval is for 95 %, over images and families.`,
    source: "Antun et al., PNAS 2020, test 3, here with nested masks and intervals",
    settings: { factors, families },
    thresholds: { maxPsnrDropDb: maxPsnrDrop },
    steps: factors.length * families,
    async run(subject) {
      const { mask } = scanOf(subject);
      const own = mask.data.reduce((a, b) => a + b, 0) / mask.data.length;
      // a mask that measures nearly everything has no larger ones
      const rates = [...new Set(factors.map((f) => Math.min(1, f * own)))];
      const found: { rate: number; psnr: number[] }[] = rates.map((rate) => ({ rate, psnr: [] }));
      for (let k = 0; k < families; k++) {
        const rng = subject.common(`family ${k}`);
        const masks = nestedMasks(mask, { rates, seed: rng.integer(2 ** 31) });
        for (const [i, each] of masks.entries()) {
          const value = await subject.psnrWith(each, subject.common(`noise ${k}`));
          if (value === undefined) return { measurements: [] };
          found[i].psnr.push(value);
          await subject.tick();
        }
      }
      return {
        measurements: [],
        rates: found.map((f): RateScore => ({ method: subject.method, image: subject.image, ...f })),
      };
    },
    judge(method, { rates = [] }) {
      if (rates.length === 0)
        return {
          method,
          outcome: "not-applicable",
          explanation: "is bound to its mask, so it cannot be given other measurements",
        };
      const asked = [...new Set(rates.map((r) => r.rate))].sort((a, b) => a - b);
      const at = (rate: number): number[] => rates.filter((r) => r.rate === rate).flatMap((r) => r.psnr);
      const own = asked[Math.min(factors.indexOf(1), asked.length - 1)];
      const above = asked.filter((rate) => rate >= own);
      let best = above[0];
      let worst = { rate: above[0], drop: Number.NEGATIVE_INFINITY, half: 0, from: above[0] };
      for (const rate of above.slice(1)) {
        const [more, fewer] = [at(rate), at(best)];
        const { mean: drop, half } = meanInterval(fewer.map((v, i) => v - more[i]));
        if (drop - half > worst.drop - worst.half) worst = { rate, drop, half, from: best };
        if (mean(more) > mean(fewer)) best = rate;
      }
      const percent = (rate: number): string => `${(100 * rate).toFixed(0)} %`;
      if (above.length === 1)
        return { method, outcome: "not-applicable", explanation: `everything is measured at ${percent(own)} already` };
      const gain = mean(at(above[above.length - 1])) - mean(at(own));
      const failed = worst.drop - worst.half > maxPsnrDrop;
      return {
        method,
        outcome: failed ? "fail" : "pass",
        figure: { value: Math.max(0, worst.drop), threshold: maxPsnrDrop, unit: "dB lost to more measurements" },
        explanation: `${failed ? `is ${worst.drop.toFixed(2)} dB (± ${worst.half.toFixed(2)}) worse at ${percent(worst.rate)} of k-space than at ${percent(worst.from)}; threshold ${maxPsnrDrop} dB; it` : "never gets worse with more;"} ${gain >= 0 ? "gains" : "loses"} ${Math.abs(gain).toFixed(2)} dB from ${percent(own)} to ${percent(above[above.length - 1])}`,
      };
    },
  };
}
