// Worst case inside a ball: how far can a perturbation of a given size move the reconstruction?
import { ConfigError } from "../../engine/index.ts";
import { projectedAscent, type Ball } from "../attack/ascent.ts";
import type { Domain } from "../attack/objective.ts";
import type { Measurement } from "../schema.ts";
import type { StabilityTest } from "./test.ts";
import { boxWindow, windowedDistance, type Box } from "./window.ts";

export interface WorstCaseOptions {
  readonly domain?: Domain;
  /** ℓ2 unless given. */
  readonly ball?: Ball;
  /** Radii, as shares of ‖y‖ or ‖x‖; in ℓ∞, of max|y| or max|x|. */
  readonly relativeBudgets?: readonly number[];
  readonly steps?: number;
  /** Starts per budget. */
  readonly restarts?: number;
  /** Where the reconstruction is to change: [top, left, height, width]; everywhere unless given. */
  readonly region?: Box;
  readonly judgedBudget?: number;
  readonly maxPsnrLoss?: number;
}

/**
 * Projected gradient ascent in balls of growing radius. A method fails when, at the judged budget,
 * the worst perturbation costs it more than `maxPsnrLoss` dB on the mean. Each budget starts from
 * the smaller one's best point, and from `restarts − 1` random ones.
 */
export function worstCasePerturbation(options: WorstCaseOptions = {}): StabilityTest {
  const {
    domain = "measurement",
    ball = "l2",
    relativeBudgets = [0.005, 0.02, 0.05],
    steps = 30,
    restarts = 5,
    region,
    maxPsnrLoss = 3,
  } = options;
  const judgedBudget = options.judgedBudget ?? relativeBudgets[Math.floor(relativeBudgets.length / 2)];
  if (relativeBudgets.length === 0 || relativeBudgets.some((e, i) => !(e > (relativeBudgets[i - 1] ?? 0))))
    throw new ConfigError(
      `worstCasePerturbation: the budgets ${relativeBudgets.join(", ")} must be positive and increase`,
      { relativeBudgets },
    );
  if (!relativeBudgets.includes(judgedBudget))
    throw new ConfigError(
      `worstCasePerturbation: the judged budget ${judgedBudget} is not one of ${relativeBudgets.join(", ")}`,
      { judgedBudget },
    );
  if (!(steps >= 1) || !(restarts >= 1) || !(maxPsnrLoss > 0))
    throw new ConfigError(
      `worstCasePerturbation: steps ${steps} and restarts ${restarts} must be at least 1, the threshold ${maxPsnrLoss} dB positive`,
      { steps, restarts, maxPsnrLoss },
    );
  const percent = (e: number): string => `${Number((100 * e).toPrecision(3))} %`;
  const decibels = (v: number): string => v.toFixed(2).replace(/^-0\.00$/, "0.00");
  const letter = domain === "image" ? "x" : "y";
  const size = ball === "l2" ? `‖${letter}‖` : `max|${letter}|`;
  return {
    id: "worst-case-perturbation",
    domain,
    title: "Small perturbations of the data make small differences",
    failureTitle: "A small perturbation of the data ruins the image",
    description: `The largest change of the reconstruction${region ? ` inside the region of ${region[2]}×${region[3]} pixels from row ${region[0]}, column ${region[1]},` : ""} found for ${domain === "image" ? "an image-domain" : "a measurement"} perturbation of at most the given share of ${size}${ball === "linf" ? " in every cell" : ""}, by projected gradient ascent with exact gradients; beside it, random noise of the same norm.`,
    source:
      "Genzel, Macdonald, März, IEEE TPAMI 2022 (arXiv 2011.04268), with normalised steps; Morshuis et al. 2022 for regions",
    settings: { domain, norm: ball, relativeBudgets, steps, restarts, ...(region ? { region } : {}) },
    thresholds: { judgedBudget, maxPsnrLossDb: maxPsnrLoss },
    transferred: percent(judgedBudget),
    steps: relativeBudgets.length * restarts * (steps + 1),
    async run(subject) {
      const found: Measurement[] = [];
      const window = region ? boxWindow(region, subject.shape) : undefined;
      const distance = windowedDistance(subject.clean, window);
      const climb = (r: Float64Array): ReturnType<typeof subject.climb> => subject.climb(r, window ? { window } : {});
      let best: Float64Array | undefined;
      for (const budget of relativeBudgets) {
        const radius = budget * (ball === "l2" ? subject.reference : subject.referenceMaximum);
        const search = await projectedAscent(
          climb,
          distance,
          subject.random,
          { radius, steps, restarts, ball },
          best,
          subject.tick,
        );
        best = search.r;
        found.push({
          ...(await subject.measure(best, {
            label: percent(budget),
            relativeBudget: budget,
            ball,
            picture: budget === judgedBudget,
          })),
          search: { changes: search.changes, rising: search.rising, curve: search.curve },
        });
      }
      return { measurements: found };
    },
    judge(method, { measurements }) {
      const judged = measurements.filter((m) => m.relativeBudget === judgedBudget);
      const loss = judged.reduce((s, m) => s + m.psnr.before - m.psnr.after, 0) / judged.length;
      const noise = judged.reduce((s, m) => s + m.psnr.before - m.noise.psnr, 0) / judged.length;
      const rising = judged.filter((m) => m.search?.rising).length;
      const spread = Math.max(
        ...judged.map((m) => {
          const c = m.search?.changes ?? [1];
          return Math.max(...c) > 0 ? 1 - Math.min(...c) / Math.max(...c) : 0;
        }),
      );
      const weak = judged.some((m) => !m.strongerThanNoise);
      return {
        method,
        outcome: loss > maxPsnrLoss ? "fail" : "pass",
        figure: { value: loss, threshold: maxPsnrLoss, unit: `dB lost at ${percent(judgedBudget)}` },
        explanation: `loses ${decibels(loss)} dB on the mean at ${percent(judgedBudget)} (threshold ${maxPsnrLoss} dB); random noise of the same norm costs ${decibels(noise)} dB${restarts > 1 ? `; the ${restarts} starts' findings differ by up to ${(100 * spread).toFixed(1)} %` : ""}${rising > 0 ? `; the search was still gaining when it stopped for ${rising} of ${judged.length} image${judged.length > 1 ? "s" : ""}, so more steps may find worse` : ""}${weak ? "; for at least one image the search was no stronger than noise, so this is no evidence of stability" : ""}`,
      };
    },
  };
}
