// A targeted search: can a faint perturbation make a whole detail appear that is not there?
import { ConfigError, present } from "../../engine/index.ts";
import { besideLimit, figure, percent as percentOf } from "../../report/index.ts";
import { norm, placeDetail } from "../../imaging/index.ts";
import { doubtsOf } from "../judgement.ts";
import { mean } from "../statistics.ts";
import type { Measurement, Verdict } from "../schema.ts";
import { averageOf, weaklyFound } from "./reference-free.ts";
import { searchFigures, soughtQueries, soughtSteps } from "./sought.ts";
import type { Findings, StabilityTest, Subject } from "./test.ts";
import { boxWindow } from "./window.ts";

interface Options {
  readonly radius: number;
  readonly contrast: number;
  readonly budget: number;
  readonly steps: number;
  readonly restarts: number;
  /** Of a method without gradients; gradient-free.ts has a default. */
  readonly queries: number | undefined;
  readonly maxShown: number;
}
const percent = (v: number): string => percentOf(v, 0);

function checkOptions(options: Options): void {
  const { radius, contrast, budget, steps, restarts, maxShown } = options;
  const positive = radius > 0 && contrast > 0 && steps >= 1 && restarts >= 1;
  if (!positive || !(budget > 0 && budget < 1) || !(maxShown > budget))
    throw new ConfigError(
      `inventedDetail: radius ${radius}, contrast ${contrast}, steps ${steps} and restarts ${restarts} must be positive, the budget ${budget} in (0, 1) and below the threshold ${maxShown}`,
      { radius, contrast, budget, steps, restarts, maxShown },
    );
}

/**
 * A perturbation of the measurement with `budget` times the norm of what a tumour-like disc would
 * measure is searched that makes the disc appear in the reconstruction: descent towards x̂ + z
 * inside the disc's box. A method fails when it shows more than `maxShown` of the disc on the mean;
 * an honest one shows about `budget` of it.
 */
export function inventedDetail(given: Partial<Options> = {}): StabilityTest {
  const options: Options = {
    radius: 4,
    contrast: 0.2,
    budget: 0.25,
    steps: 20,
    restarts: 1,
    queries: undefined,
    maxShown: 0.75,
    ...present(given),
  };
  checkOptions(options);
  const { maxShown, ...searched } = options;
  const { radius, contrast, budget, steps, restarts, queries } = searched;
  return {
    id: "invented-detail",
    domain: "measurement",
    gradients: "wanted",
    title: "A faint trace of a detail stays a faint trace",
    failureTitle: "A faint perturbation makes a detail appear that is not there",
    description: `A perturbation of the measurement, ${percent(budget)} as large as a disc of ${radius} pixels and ${contrast} of the image's maximum would be in the measurement, aimed at making that disc appear at a drawn place on tissue. Shown is the share of the disc's contrast by which the reconstruction changes there.`,
    source:
      "Antun et al., PNAS 2020, on false structures; Morshuis et al. 2022 for searches aimed at a box",
    settings: present(searched),
    thresholds: { maxShown },
    steps: soughtSteps(1, { steps, randomStarts: restarts }),
    queries: soughtQueries(1, queries, 1),
    examine: (subject) => search(subject, options),
    referenceFree: {
      async examine(subject) {
        const { measurements } = await search(subject, options);
        return measurements.map(
          ({ method, image, label, shown = 0, search: { queries } = {} }) => ({
            method,
            image,
            label: `a disc, for ${label} of it`,
            figures: present({ recovered: shown, queries }),
          }),
        );
      },
      say(scores) {
        const weaker = weaklyFound(scores) === "" ? "" : ", searched without gradients";
        return `shows ${percent(averageOf(scores, "recovered"))} of a disc for a perturbation of ${percent(budget)} of it${weaker}`;
      },
    },
    judge(method, { measurements }, { bound }) {
      if (measurements.length > 0) return judgeShown(method, measurements, options, bound?.bound);
      const explanation = "none of the discs drawn is measured at all";
      return { method, outcome: "not-applicable", explanation };
    },
  };
}

/** All discs together, beside the method's proven Lipschitz constant where there is one. */
function judgeShown(
  method: string,
  measurements: readonly Measurement[],
  { budget, maxShown }: Options,
  bound: number | undefined,
): Verdict {
  const shown = mean(measurements.map((m) => m.shown ?? 0));
  // no answer is larger than the bound times the perturbation, which is the budget times the disc
  const proven = bound !== undefined && bound * budget <= maxShown;
  const doubts = proven
    ? []
    : doubtsOf(measurements.map((m) => ({ ...m, strongerThanNoise: true })));
  const passed = doubts.length === 0 ? "pass" : "inconclusive";
  const unsure = shown > maxShown ? [] : doubts;
  const onMean = measurements.length > 1 ? " on the mean" : "";
  const byQueries = measurements.some((m) => m.search?.queries !== undefined);
  const weaker = byQueries ? ", searched without gradients" : "";
  const part = besideLimit(shown, maxShown, { write: percentOf, digits: 0 });
  const said = `shows ${part} of the disc${onMean} for a perturbation of ${percent(budget)} of it${weaker}; threshold ${figure(100 * maxShown)} %`;
  return {
    method,
    outcome: shown > maxShown ? "fail" : passed,
    figure: {
      value: 100 * shown,
      threshold: 100 * maxShown,
      unit: `% of a detail shown for ${percent(budget)} of it`,
    },
    explanation: [said, ...unsure].join("; "),
  };
}

/** The share of z by which the reconstruction changed from `before` to `x`. */
function shareOf(z: ArrayLike<number>, x: ArrayLike<number>, before: ArrayLike<number>): number {
  let [along, energy] = [0, 0];
  for (let k = 0; k < z.length; k++) {
    along += (x[k] - before[k]) * z[k];
    energy += z[k] ** 2;
  }
  return along / energy;
}

async function search(subject: Subject, options: Options): Promise<Findings> {
  const { radius, contrast, budget, steps, restarts, queries } = options;
  const { truth, clean, shape } = subject;
  const { z, box } = placeDetail(truth, shape, {
    shape: "disc",
    radius,
    contrast,
    rng: subject.common("place"),
  });
  const trace = Float64Array.from(await subject.forward(z));
  // a disc that is not measured at all leaves no trace to begin with
  if (norm(trace) === 0) return { measurements: [] };
  const target = clean.map((v, k) => v + z[k]);
  const [{ goals }] = await subject.seek({
    radii: [budget * norm(trace)],
    goals: [{ name: "detail", p: target, towards: true, window: boxWindow(box, shape) }],
    starts: [{ kind: "trace", r: trace }],
    // what moves the image most makes no disc of a chosen shape and place
    singular: false,
    settings: { steps, randomStarts: restarts },
    queries,
  });
  const { r } = goals[0];
  const shown = shareOf(z, await subject.reconstruct(r), clean);
  const relativeBudget = norm(r) / subject.reference;
  const measured = await subject.measure(r, {
    label: percent(budget),
    relativeBudget,
    picture: true,
  });
  return { measurements: [{ ...measured, shown, search: searchFigures(goals[0]) }] };
}
