// Worst case inside a ball: how far can a perturbation of a given size move the reconstruction?
import { ConfigError } from "../../engine/index.ts";
import { projectedAscent } from "../attack/ascent.ts";
import type { Domain } from "../attack/objective.ts";
import type { Measurement } from "../schema.ts";
import type { StabilityTest } from "./test.ts";

/** Projected gradient ascent in ℓ2 balls of `relativeBudgets` times ‖y‖ (or ‖x‖). A method fails when, at the judged budget, the worst perturbation costs it more than `maxPsnrLoss` dB on the mean. Each budget starts from the smaller one's best point, and from `restarts − 1` random ones. */
export function worstCasePerturbation(options: { domain?: Domain; relativeBudgets?: readonly number[]; steps?: number; restarts?: number; judgedBudget?: number; maxPsnrLoss?: number } = {}): StabilityTest {
  const { domain = "measurement", relativeBudgets = [0.005, 0.02, 0.05], steps = 30, restarts = 2, maxPsnrLoss = 3 } = options;
  const judgedBudget = options.judgedBudget ?? relativeBudgets[Math.floor(relativeBudgets.length / 2)];
  if (relativeBudgets.length === 0 || relativeBudgets.some((e, i) => !(e > (relativeBudgets[i - 1] ?? 0)))) throw new ConfigError(`worstCasePerturbation: the budgets ${relativeBudgets.join(", ")} must be positive and increase`, { relativeBudgets });
  if (!relativeBudgets.includes(judgedBudget)) throw new ConfigError(`worstCasePerturbation: the judged budget ${judgedBudget} is not one of ${relativeBudgets.join(", ")}`, { judgedBudget });
  if (!(steps >= 1) || !(restarts >= 1)) throw new ConfigError(`worstCasePerturbation: steps ${steps} and restarts ${restarts} must be at least 1`, { steps, restarts });
  const percent = (e: number): string => `${Number((100 * e).toPrecision(3))} %`;
  return {
    id: "worst-case-perturbation", domain,
    title: "Small perturbations of the data make small differences",
    failureTitle: "A small perturbation of the data ruins the image",
    description: `The largest change of the reconstruction found for ${domain === "image" ? "an image-domain" : "a measurement"} perturbation of at most the given share of ${domain === "image" ? "‖x‖" : "‖y‖"}, by projected gradient ascent with exact gradients; beside it, random noise of the same norm.`,
    source: "Genzel, Macdonald, März, IEEE TPAMI 2022 (arXiv 2011.04268), with ℓ2-normalised steps",
    settings: { domain, norm: "l2", relativeBudgets, steps, restarts },
    thresholds: { judgedBudget, maxPsnrLossDb: maxPsnrLoss },
    transferred: percent(judgedBudget),
    steps: relativeBudgets.length * restarts * (steps + 1),
    async run(subject) {
      const found: Measurement[] = [];
      let best: Float64Array | undefined;
      for (const budget of relativeBudgets) {
        const radius = budget * subject.reference;
        const search = await projectedAscent(subject.climb, subject.clean, subject.random, { radius, steps, restarts }, best, subject.tick);
        best = search.r;
        found.push({ ...subject.measure(best, { label: percent(budget), relativeBudget: budget, picture: budget === judgedBudget }), search: { changes: search.changes, rising: search.rising } });
      }
      return found;
    },
    judge(method, measurements) {
      const judged = measurements.filter((m) => m.relativeBudget === judgedBudget);
      const loss = judged.reduce((s, m) => s + m.psnr.before - m.psnr.after, 0) / judged.length;
      const noise = judged.reduce((s, m) => s + m.psnr.before - m.noise.psnr, 0) / judged.length;
      const rising = judged.filter((m) => m.search?.rising).length;
      const spread = Math.max(...judged.map((m) => { const c = m.search?.changes ?? [1]; return 1 - Math.min(...c) / Math.max(...c); }));
      const weak = judged.some((m) => !m.strongerThanNoise);
      return {
        method: method.name,
        outcome: loss > maxPsnrLoss ? "fail" : "pass",
        explanation: `loses ${loss.toFixed(2)} dB on the mean at ${percent(judgedBudget)} (threshold ${maxPsnrLoss} dB); random noise of the same norm costs ${noise.toFixed(2)} dB${restarts > 1 ? `; the starts' findings differ by up to ${(100 * spread).toFixed(1)} %` : ""}${rising > 0 ? `; the search was still gaining when it stopped for ${rising} of ${judged.length} image${judged.length > 1 ? "s" : ""}, so more steps may find worse` : ""}${weak ? "; for at least one image the search was no stronger than noise, so this is no evidence of stability" : ""}`,
      };
    },
  };
}
