// Antun et al.'s test: one ascent over image-domain perturbations, looked at as r₁, r₂, r₃ grow.
import { ConfigError } from "../../engine/index.ts";
import { heavyBallAscent } from "../attack/ascent.ts";
import type { Measurement } from "../schema.ts";
import type { StabilityTest } from "./test.ts";

const subscripts = ["₁", "₂", "₃", "₄", "₅", "₆", "₇", "₈", "₉"];

export interface AscentOptions {
  /** Norms at which the ascent is looked at, as shares of ‖x‖. */
  readonly relativeNorms?: readonly number[];
  /** Instead of norms: numbers of steps after which it is. */
  readonly stops?: readonly number[];
  readonly lambda?: number;
  readonly stepSize?: number;
  readonly momentum?: number;
  /** τ */
  readonly start?: number;
  readonly iterations?: number;
  /** Ends the ascent where ‖r‖ passes it. */
  readonly maximumNorm?: number;
  /** p: the clean reconstruction, or the true image. */
  readonly aim?: "reconstruction" | "truth";
  readonly maxAmplification?: number;
}

/**
 * The published settings, by network family; they belong to those networks' own intensities. DAGAN
 * and Ell 50 were never searched: they have the other two tests only. Source: Antun et al., PNAS
 * 2020, and its code Invfool; Colbrook, Antun, Hansen, PNAS 2022 for FIRENET.
 */
export const ascentPresets: Readonly<
  Record<"automap" | "automap-prediction" | "deep-mri" | "mri-vn" | "med-50" | "firenet", AscentOptions>
> = {
  automap: { lambda: 0.1, stepSize: 0.001, start: 1e-5, iterations: 24, stops: [12, 16, 20, 24], aim: "truth" },
  "automap-prediction": { lambda: 0.1, stepSize: 0.001, start: 1e-5, iterations: 183, stops: [160, 170, 177, 183] },
  "deep-mri": { lambda: 0.001, stepSize: 0.01, start: 0.01, iterations: 6000, stops: [2000, 4000, 6000] },
  "mri-vn": { lambda: 1, stepSize: 0.005, start: 0.001, iterations: 25, stops: [25] },
  "med-50": { lambda: 20, stepSize: 0.005, start: 0.005, iterations: 100, stops: [100], maximumNorm: 1800 },
  firenet: { lambda: 0.01, stepSize: 0.01, start: 0.001, iterations: 300, stops: [100, 200, 300] },
};

/**
 * |r₁| < |r₂| < … at `relativeNorms` of ‖x‖, or after `stops` steps: stops of one heavy-ball ascent
 * of ½‖f(A(x+r)) − p‖² − (λ/2)‖r‖². A method fails when it answers any of them with more than
 * `maxAmplification` times the perturbation's norm.
 */
export function instabilityAscent(options: AscentOptions = {}): StabilityTest {
  const {
    stops,
    relativeNorms = stops ? [] : [0.01, 0.03, 0.06],
    lambda = 0.1,
    stepSize = 0.02,
    momentum = 0.9,
    start = 1e-4,
    iterations = 80,
    maximumNorm,
    aim = "reconstruction",
    maxAmplification = 3,
  } = options;
  const increasing = (values: readonly number[]): boolean =>
    values.length > 0 && values.length <= subscripts.length && values.every((e, i) => e > (values[i - 1] ?? 0));
  if (stops && relativeNorms.length > 0)
    throw new ConfigError("instabilityAscent: give norms or stops, not both", { stops, relativeNorms });
  if (stops && !(increasing(stops) && stops.every(Number.isInteger) && stops[stops.length - 1] <= iterations))
    throw new ConfigError(
      `instabilityAscent: the stops ${stops.join(", ")} must be whole numbers that increase up to the ${iterations} iterations`,
      { stops },
    );
  if (!stops && !increasing(relativeNorms))
    throw new ConfigError(
      `instabilityAscent: the norms ${relativeNorms.join(", ")} must be positive, increase, and be at most ${subscripts.length}`,
      { relativeNorms },
    );
  if (!(iterations >= 1) || !(stepSize > 0) || !(momentum >= 0 && momentum < 1) || !(maxAmplification > 0))
    throw new ConfigError(
      `instabilityAscent: iterations ${iterations} must be at least 1, the step size ${stepSize} and the threshold ${maxAmplification} positive, the momentum ${momentum} in [0, 1)`,
      { iterations, stepSize, momentum, maxAmplification },
    );
  return {
    id: "instability-ascent",
    domain: "image",
    title: "Nearly equal images give nearly equal reconstructions",
    failureTitle: "Nearly equal images give very different reconstructions",
    description:
      "Perturbations r₁, r₂, r₃ of the image, sampled with it: x̂ = f(A(x + r)). They are stops of one ascent with momentum towards what moves the reconstruction most; beside each, random noise of the same norm.",
    source: "Antun, Renna, Poon, Adcock, Hansen, PNAS 2020 (arXiv 1902.05300), differentiating the whole of f∘A",
    settings: {
      ...(stops ? { stops } : { relativeNorms }),
      lambda,
      stepSize,
      momentum,
      start,
      iterations,
      ...(maximumNorm === undefined ? {} : { maximumNorm }),
      aim,
    },
    thresholds: { maxAmplification },
    steps: iterations,
    async run(subject) {
      let used = 0;
      const climb = (r: Float64Array): ReturnType<typeof subject.climb> =>
        subject.climb(r, aim === "truth" ? { at: subject.truth } : {});
      const found = await heavyBallAscent(
        climb,
        subject.size,
        {
          lambda,
          stepSize,
          momentum,
          start,
          iterations,
          ...(stops ? { stops } : { norms: relativeNorms.map((e) => e * subject.reference) }),
          ...(maximumNorm === undefined ? {} : { maximumNorm }),
        },
        subject.rng,
        () => {
          used++;
          return subject.tick();
        },
      );
      for (; used < iterations; used++) await subject.tick();
      const measurements: Measurement[] = [];
      for (const [k, { r, iteration, reached }] of found.entries()) {
        const label = reached ? `r${subscripts[k]}` : "r (no stop reached)";
        const budget = stops ? {} : { relativeBudget: relativeNorms[k] };
        measurements.push(await subject.measure(r, { label, ...budget, iteration, picture: true }));
      }
      return { measurements };
    },
    judge(method, { measurements }) {
      const worst = measurements.reduce((a, b) => (b.amplification > a.amplification ? b : a));
      const reached = measurements.some((m) => m.label.includes("no stop"))
        ? " (the ascent reached no stop for at least one image: it found nothing, which is no proof that there is nothing)"
        : "";
      const ratio = worst.outputChange / worst.noise.meanOutputChange;
      return {
        method,
        outcome: worst.amplification > maxAmplification ? "fail" : "pass",
        figure: { value: worst.amplification, threshold: maxAmplification, unit: "times the perturbation's norm" },
        explanation: `answers ${worst.label} of image ${worst.image + 1} (${(100 * worst.relativeNorm).toFixed(2)} % of ‖x‖) with ${worst.amplification.toFixed(2)} times its norm (threshold ${maxAmplification}), ${Number.isFinite(ratio) ? ratio.toFixed(1) : "0"} times as much as random noise of that norm${reached}`,
      };
    },
  };
}
