// Worst case inside a ball: how much harm can a perturbation of a given size do?
import { ConfigError, present } from "../../engine/index.ts";
import { percent as percentOf } from "../../report/index.ts";
import type { Ball } from "../attack/ascent.ts";
import type { Domain } from "../attack/objective.ts";
import { testDefaults } from "../defaults.ts";
import { judgeHarm, RUIN_DB, sizesOf } from "../judgement.ts";
import type { Measurement } from "../schema.ts";
import { largestChange } from "./reference-free.ts";
import { harmFigures, soughtQueries, soughtSteps } from "./sought.ts";
import { shownAsWorstCase } from "./shown/search.ts";
import type { Findings, StabilityTest, Subject } from "./test.ts";
import { boxWindow, type Box } from "./window.ts";

export interface WorstCaseOptions {
  readonly domain?: Domain;
  /** ℓ2 unless given. */
  readonly ball?: Ball;
  /** Radii, as shares of ‖y‖ or ‖x‖; in ℓ∞, of max|y| or max|x|. */
  readonly relativeBudgets?: readonly number[];
  /** Gradient steps of the climb from the best start, per budget and goal. */
  readonly steps?: number;
  /** Random starts per budget and goal, beside those that the search knows. */
  readonly restarts?: number;
  /** Of a method without gradients: queries in the largest ball; gradient-free.ts has a default. */
  readonly queries?: number;
  /** Where the reconstruction is to change: [top, left, height, width]; everywhere unless given. */
  readonly region?: Box;
  readonly judgedBudget?: number;
  /** dB: harm, where less is left than a classical method keeps. */
  readonly maxPsnrLoss?: number;
}
type Settings = Required<Omit<WorstCaseOptions, "region" | "queries">> &
  Pick<WorstCaseOptions, "region" | "queries">;

/** Throws ConfigError for options that make no sense. */
function settingsOf(options: WorstCaseOptions): Settings {
  const { relativeBudgets = testDefaults.relativeBudgets } = options;
  const settings: Settings = {
    domain: "measurement",
    ball: "l2",
    steps: testDefaults.steps,
    restarts: testDefaults.restarts,
    maxPsnrLoss: testDefaults.maxPsnrLoss,
    judgedBudget: relativeBudgets[Math.floor(relativeBudgets.length / 2)],
    ...present(options),
    relativeBudgets,
  };
  const { judgedBudget, steps, restarts, maxPsnrLoss, queries = 1 } = settings;
  if (
    relativeBudgets.length === 0 ||
    relativeBudgets.some((e, i) => !(e > (relativeBudgets[i - 1] ?? 0)))
  )
    throw new ConfigError(
      `worstCasePerturbation: the budgets ${relativeBudgets.join(", ")} must be positive and increase`,
      { relativeBudgets },
    );
  if (!relativeBudgets.includes(judgedBudget))
    throw new ConfigError(
      `worstCasePerturbation: the judged budget ${judgedBudget} is not one of ${relativeBudgets.join(", ")}`,
      { judgedBudget },
    );
  if (!(steps >= 1) || !(restarts >= 1) || !(maxPsnrLoss > 0) || !(queries >= 1))
    throw new ConfigError(
      `worstCasePerturbation: steps ${steps}, restarts ${restarts} and queries ${queries} must be at least 1, the threshold ${maxPsnrLoss} dB positive`,
      { steps, restarts, maxPsnrLoss },
    );
  return settings;
}
const percent = (e: number): string =>
  percentOf(e, Number((100 * e).toPrecision(3)) % 1 === 0 ? 0 : 1);

async function examine(subject: Subject, settings: Settings): Promise<Findings> {
  const { relativeBudgets, ball, region, steps, restarts, judgedBudget, queries } = settings;
  const unit = ball === "l2" ? subject.reference : subject.referenceMaximum;
  const found = await subject.seek(
    present({
      radii: relativeBudgets.map((e) => e * unit),
      ball,
      window: region && boxWindow(region, subject.shape),
      settings: { steps, randomStarts: restarts },
      queries,
    }),
  );
  const measurements: Measurement[] = [];
  for (const [k, sought] of found.entries()) {
    const relativeBudget = relativeBudgets[k];
    const picture = relativeBudget === judgedBudget;
    const options = { label: percent(relativeBudget), relativeBudget, ball, picture };
    measurements.push({
      ...(await subject.measure(sought.goals[0].r, options)),
      search: harmFigures(sought),
    });
  }
  return { measurements };
}

/**
 * The worst perturbation in balls of growing radius: searched for harm, |x̂(r)| as far as can be
 * from the truth, and from where the largest change was found as well. Judged at one budget by
 * judgeHarm.
 */
export function worstCasePerturbation(options: WorstCaseOptions = {}): StabilityTest {
  const settings = settingsOf(options);
  const { domain, ball, region, steps, restarts, queries } = settings;
  const { relativeBudgets, judgedBudget, maxPsnrLoss } = settings;
  const letter = domain === "image" ? "x" : "y";
  const size = ball === "l2" ? `‖${letter}‖` : `max|${letter}|`;
  const where = region ? ` in a region of ${region[2]}×${region[3]} pixels` : "";
  return {
    id: "worst-case-perturbation",
    domain,
    gradients: "wanted",
    title: "A small perturbation of the data does little harm",
    failureTitle: "A small perturbation of the data ruins the image",
    description: `The perturbation of the ${domain} that takes the reconstruction furthest from the truth${where}, at most the given share of ${size}${ball === "linf" ? " in every cell" : ""}, by a search with exact gradients from several starts; beside it, random noise that is measured as much, and the classical methods at their own worst case.`,
    source:
      "Genzel, Macdonald, März, IEEE TPAMI 2022 (arXiv 2011.04268); Croce, Hein, ICML 2020, for the steps; Morshuis et al. 2022 for regions",
    settings: present({ domain, norm: ball, relativeBudgets, steps, restarts, region, queries }),
    thresholds: { judgedBudget, harmDb: maxPsnrLoss, ruinDb: RUIN_DB },
    transferred: percent(judgedBudget),
    steps: soughtSteps(relativeBudgets.length, { steps, randomStarts: restarts }),
    queries: soughtQueries(relativeBudgets.length, queries),
    examine: (subject) => examine(subject, settings),
    judge: (method, findings, beside) =>
      judgeHarm(method, sizesOf(findings, beside, [percent(judgedBudget)]), {
        harmDb: maxPsnrLoss,
        ruinDb: RUIN_DB,
      }),
    show: shownAsWorstCase,
    referenceFree: largestChange({
      labels: relativeBudgets.map(percent),
      relative: relativeBudgets,
      ball,
      settings: { steps, randomStarts: restarts },
      queries,
    }),
  };
}
