// Antun et al.'s test: perturbations r₁, r₂, r₃ of the image, growing, and what they do.
import { ConfigError, present } from "../../engine/index.ts";
import { heavyBallAscent } from "../attack/ascent.ts";
import { testDefaults } from "../defaults.ts";
import { judgeHarm, RUIN_DB, sizesOf } from "../judgement.ts";
import type { Measurement } from "../schema.ts";
import { largestChange } from "./reference-free.ts";
import { harmFigures, soughtQueries, soughtSteps } from "./sought.ts";
import type { Findings, StabilityTest, Subject } from "./test.ts";

const subscripts = ["₁", "₂", "₃", "₄", "₅", "₆", "₇", "₈", "₉"];

export interface AscentOptions {
  /** Norms of r₁, r₂, … as shares of ‖x‖: at each, the search goes on from where the last ended. */
  readonly relativeNorms?: readonly number[];
  /** Instead: the published ascent, one climb with momentum, looked at after so many steps. */
  readonly stops?: readonly number[];
  readonly lambda?: number;
  readonly stepSize?: number;
  readonly momentum?: number;
  /** τ */
  readonly start?: number;
  readonly iterations?: number;
  /** Of a method without gradients: queries at the largest norm; gradient-free.ts has a default. */
  readonly queries?: number;
  /** Ends the ascent where ‖r‖ passes it. */
  readonly maximumNorm?: number;
  /** p: the clean reconstruction, or the true image. */
  readonly aim?: "reconstruction" | "truth";
  /** dB: harm, where less is left than a classical method keeps. */
  readonly maxPsnrLoss?: number;
}

/**
 * The published settings, by network family; they belong to those networks' own intensities. DAGAN
 * and Ell 50 were never searched: they have the other two tests only. Source: Antun et al., PNAS
 * 2020, and its code Invfool; Colbrook, Antun, Hansen, PNAS 2022 for FIRENET.
 */
export const ascentPresets: Readonly<
  Record<
    "automap" | "automap-prediction" | "deep-mri" | "mri-vn" | "med-50" | "firenet",
    AscentOptions
  >
> = {
  automap: {
    lambda: 0.1,
    stepSize: 0.001,
    start: 1e-5,
    iterations: 24,
    stops: [12, 16, 20, 24],
    aim: "truth",
  },
  "automap-prediction": {
    lambda: 0.1,
    stepSize: 0.001,
    start: 1e-5,
    iterations: 183,
    stops: [160, 170, 177, 183],
  },
  "deep-mri": {
    lambda: 0.001,
    stepSize: 0.01,
    start: 0.01,
    iterations: 6000,
    stops: [2000, 4000, 6000],
  },
  "mri-vn": { lambda: 1, stepSize: 0.005, start: 0.001, iterations: 25, stops: [25] },
  "med-50": {
    lambda: 20,
    stepSize: 0.005,
    start: 0.005,
    iterations: 100,
    stops: [100],
    maximumNorm: 1800,
  },
  firenet: { lambda: 0.01, stepSize: 0.01, start: 0.001, iterations: 300, stops: [100, 200, 300] },
};

type Optional = "stops" | "maximumNorm" | "queries";
type Settings = Required<Omit<AscentOptions, Optional>> & Pick<AscentOptions, Optional>;

const increasing = (values: readonly number[]): boolean =>
  values.length > 0 &&
  values.length <= subscripts.length &&
  values.every((e, i) => e > (values[i - 1] ?? 0));

/** Throws ConfigError for options that make no sense. */
function settingsOf(options: AscentOptions): Settings {
  const settings: Settings = {
    relativeNorms: options.stops ? [] : testDefaults.relativeNorms,
    lambda: 0.1,
    stepSize: 0.02,
    momentum: 0.9,
    start: 1e-4,
    iterations: options.stops ? 80 : testDefaults.steps,
    aim: "reconstruction",
    maxPsnrLoss: testDefaults.maxPsnrLoss,
    ...present(options),
  };
  const { stops, relativeNorms, iterations, stepSize, maxPsnrLoss, momentum } = settings;
  if (stops && relativeNorms.length > 0)
    throw new ConfigError("instabilityAscent: give norms or stops, not both", {
      stops,
      relativeNorms,
    });
  if (
    stops &&
    !(increasing(stops) && stops.every(Number.isInteger) && stops[stops.length - 1] <= iterations)
  )
    throw new ConfigError(
      `instabilityAscent: the stops ${stops.join(", ")} must be whole numbers that increase up to the ${iterations} iterations`,
      { stops },
    );
  if (!stops && !increasing(relativeNorms))
    throw new ConfigError(
      `instabilityAscent: the norms ${relativeNorms.join(", ")} must be positive, increase, and be at most ${subscripts.length}`,
      { relativeNorms },
    );
  const positive = iterations >= 1 && stepSize > 0 && maxPsnrLoss > 0;
  if (!positive || !(momentum >= 0 && momentum < 1))
    throw new ConfigError(
      `instabilityAscent: iterations ${iterations} must be at least 1, the step size ${stepSize} and the threshold ${maxPsnrLoss} positive, the momentum ${momentum} in [0, 1)`,
      { iterations, stepSize, momentum, maxPsnrLoss },
    );
  return settings;
}

const nameOf = (k: number): string => `r${subscripts[k]}`;

/** One search that grows: r₂ goes on from r₁, r₃ from r₂, each as long as its norm allows. */
async function grow(
  subject: Subject,
  { relativeNorms, iterations, queries }: Settings,
): Promise<Findings> {
  const radii = relativeNorms.map((e) => e * subject.reference);
  const found = await subject.seek({ radii, settings: { steps: iterations }, queries });
  const measurements: Measurement[] = [];
  for (const [k, sought] of found.entries()) {
    const options = { label: nameOf(k), relativeBudget: relativeNorms[k], picture: true };
    const measured = await subject.measure(sought.goals[0].r, options);
    measurements.push({ ...measured, search: harmFigures(sought) });
  }
  return { measurements };
}

/** The published ascent, as it is: stops of one climb with momentum, after so many steps. */
async function ascend(
  subject: Subject,
  settings: Settings,
  stops: readonly number[],
): Promise<Findings> {
  const { lambda, stepSize, momentum, start, iterations, maximumNorm, aim } = settings;
  let used = 0;
  const tick = (): Promise<void> => {
    used++;
    return subject.tick();
  };
  const climb = (r: Float64Array): ReturnType<typeof subject.climb> =>
    subject.climb(r, aim === "truth" ? { at: subject.truth } : {});
  const options = present({ lambda, stepSize, momentum, start, iterations, stops, maximumNorm });
  const found = await heavyBallAscent(climb, subject.size, options, subject.rng, tick);
  for (; used < iterations; used++) await subject.tick();
  const measurements: Measurement[] = [];
  for (const [k, { r, iteration }] of found.entries())
    measurements.push(await subject.measure(r, { label: nameOf(k), iteration, picture: true }));
  return { measurements };
}

/**
 * |r₁| < |r₂| < … at `relativeNorms` of ‖x‖, searched for harm; or, with `stops`, those of the
 * published heavy-ball ascent of ½‖f(A(x+r)) − p‖² − (λ/2)‖r‖². Judged at every norm by judgeHarm.
 */
export function instabilityAscent(options: AscentOptions = {}): StabilityTest {
  const settings = settingsOf(options);
  const { stops, relativeNorms, iterations, maxPsnrLoss, aim, maximumNorm, queries } = settings;
  const { lambda, stepSize, momentum, start } = settings;
  const labels = (stops ?? relativeNorms).map((_, k) => nameOf(k));
  return {
    id: "instability-ascent",
    domain: "image",
    gradients: stops ? "needed" : "wanted",
    title: "A nearly equal image is reconstructed nearly as well",
    failureTitle: "A nearly equal image is reconstructed badly",
    description: stops
      ? "Perturbations r₁, r₂, r₃ of the image, sampled with it: x̂ = f(A(x + r)). They are stops of the published ascent with momentum towards what moves the reconstruction most; beside each, random noise that is measured as much."
      : "Perturbations r₁, r₂, r₃ of the image, sampled with it: x̂ = f(A(x + r)). Each is searched to take the reconstruction as far from the true image as its norm allows, from where the smaller one ended and from other starts; beside each, random noise that is measured as much, and the classical methods at their own worst case.",
    source:
      "Antun, Renna, Poon, Adcock, Hansen, PNAS 2020 (arXiv 1902.05300), differentiating the whole of f∘A",
    settings: stops
      ? present({ stops, lambda, stepSize, momentum, start, iterations, maximumNorm, aim })
      : present({ relativeNorms, steps: iterations, queries }),
    thresholds: { harmDb: maxPsnrLoss, ruinDb: RUIN_DB },
    transferred: labels[labels.length - 1],
    referenceFree: largestChange({
      labels: stops ? ["1 %", "3 %", "6 %"] : labels,
      relative: stops ? [0.01, 0.03, 0.06] : relativeNorms,
      settings: { steps: iterations },
      queries,
    }),
    queries: soughtQueries(relativeNorms.length, queries),
    steps: stops ? iterations : soughtSteps(relativeNorms.length, { steps: iterations }),
    examine: (subject) => (stops ? ascend(subject, settings, stops) : grow(subject, settings)),
    judge: (method, findings, beside) =>
      judgeHarm(method, sizesOf(findings, beside, labels), {
        harmDb: maxPsnrLoss,
        ruinDb: RUIN_DB,
      }),
  };
}
