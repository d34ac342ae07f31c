// How figures become verdicts on searched perturbations: harm in dB down to a floor, beside noise
// that is measured as much, beside the classical methods at their own worst case, and whether a
// search that found little is evidence. docs/verdicts.md gives the definitions and reasons.
import { besideLimit, decibels } from "../report/index.ts";
import type { Measurement, Outcome, Verdict } from "./schema.ts";
import type { Beside, Findings } from "./stability/test.ts";
import { mean } from "./statistics.ts";

/** Above 40 dB the root mean square error is below a hundredth of the maximum: no loss counts. */
export const FLOOR_DB = 40;
/** 3 dB: the error's energy doubles. Harm, where it also ends below a classical method. */
export const HARM_DB = 3;
/** 6 dB: the error's norm doubles against noise that is measured as much. Harm in any case. */
export const RUIN_DB = 6;

/**
 * The loss in dB of a figure that fell from `before` to `after`, as far as it lies below the floor.
 */
export const lossOf = (before: number, after: number): number =>
  Math.min(before, FLOOR_DB) - Math.min(after, FLOOR_DB);

/** What one perturbation size does to one method, means over images, all in dB. */
export interface Harm {
  /** PSNR lost to the worst perturbation found. */
  readonly loss: number;
  /** PSNR lost to random noise with the same ‖Ar‖. */
  readonly noise: number;
  /** loss − noise */
  readonly beyond: number;
  /** PSNR under the worst perturbation found. */
  readonly left: number;
}

export function harmOf(measurements: readonly Measurement[]): Harm {
  const loss = mean(measurements.map((m) => lossOf(m.psnr.before, m.psnr.after)));
  const noise = mean(measurements.map((m) => lossOf(m.psnr.before, m.noise.psnr)));
  return { loss, noise, beyond: loss - noise, left: mean(measurements.map((m) => m.psnr.after)) };
}

/** A classical method under the same budget, at its own worst case. */
export interface Reference {
  readonly method: string;
  readonly left: number;
}
/** The reference that keeps most; undefined where there is none but the method itself. */
export const bestReference = (references: readonly Reference[]): Reference | undefined =>
  references.reduce<Reference | undefined>(
    (best, r) => (best && best.left >= r.left ? best : r),
    undefined,
  );

export interface HarmLimits {
  readonly harmDb: number;
  readonly ruinDb: number;
}

/**
 * Why a perturbation does harm, as the end of a sentence; undefined where it does none: it costs
 * `harmDb` or more and
 * leaves less than the best reference keeps at its own worst case; or it costs `ruinDb` or more
 * beyond noise that is measured as much.
 */
export function harmReason(
  harm: Harm,
  best: Reference | undefined,
  limits: HarmLimits,
): string | undefined {
  const beside = (value: number, limit: number): string =>
    besideLimit(value, limit, { write: decibels, digits: 2 });
  const more = (limit: number): string => `${beside(harm.beyond, limit)} more than noise does`;
  if (harm.beyond >= limits.ruinDb) return `: ${more(limits.ruinDb)}, limit ${limits.ruinDb} dB`;
  if (harm.loss < limits.harmDb) return undefined;
  if (best === undefined)
    return harm.beyond >= limits.harmDb
      ? `: ${more(limits.harmDb)}, limit ${limits.harmDb} dB where no classical method is there to compare with`
      : undefined;
  if (harm.left >= best.left) return undefined;
  const kept = `${best.method} keeps at its own worst case (${beside(best.left, harm.left)})`;
  return `, less than ${kept}; limit ${limits.harmDb} dB`;
}

/**
 * (e + 1.5n)/√(e² + n²) ≤ 1.81 for every error e: within 1.5 times noise's change n, 5.2 dB beyond
 * it.
 */
const NEAR_NOISE = 1.5;
/**
 * Whether a proven bound makes a search needless: no perturbation costs `harmDb`, or none changes
 * the image much more than noise does.
 */
const isProven = ({ lossBound, changeBound, noise }: Measurement, harmDb: number): boolean =>
  (lossBound !== undefined && lossBound < harmDb) ||
  (changeBound !== undefined && changeBound <= NEAR_NOISE * noise.meanOutputChange);

/**
 * Why the search at one image is no evidence that nothing worse is there; undefined where it is,
 * and where a proven bound excludes a loss of `harmDb`.
 */
export function doubtOf(m: Measurement, harmDb: number): string | undefined {
  if (isProven(m, harmDb)) return undefined;
  if (m.search?.queries !== undefined) return "it was searched without gradients, which finds less";
  if (m.search?.vanishing) return "its gradient vanishes, so a search along it sees nothing";
  if (m.search?.rising) return "the search was still gaining when it stopped";
  if (!m.strongerThanNoise) return "the search found no more than random noise does";
  return undefined;
}

/** Each doubt once, with the images that it concerns. */
export function doubtsOf(measurements: readonly Measurement[], harmDb = 0): string[] {
  const images = new Map<string, number[]>();
  for (const m of measurements) {
    const doubt = doubtOf(m, harmDb);
    if (doubt !== undefined)
      images.set(doubt, [...new Set([...(images.get(doubt) ?? []), m.image + 1])]);
  }
  return [...images].map(
    ([doubt, list]) => `${doubt} (image${list.length > 1 ? "s" : ""} ${list.join(", ")})`,
  );
}

/**
 * The outcome of a statement about a number that was estimated: decided only where its whole
 * interval lies on one side of the threshold.
 */
export function outcomeOfInterval(
  interval: { readonly low: number; readonly high: number },
  threshold: number,
  bad: "above" | "below",
): Outcome {
  if (interval.low > threshold) return bad === "above" ? "fail" : "pass";
  if (interval.high < threshold) return bad === "above" ? "pass" : "fail";
  return "inconclusive";
}

/** What was found at one perturbation size, for the method and for the classical ones beside it. */
export interface Size {
  readonly label: string;
  readonly own: readonly Measurement[];
  readonly references: readonly { readonly method: string; readonly own: readonly Measurement[] }[];
}

/** The findings at the sizes that are judged, by their labels. */
export function sizesOf(
  findings: Findings,
  { references }: Beside,
  labels: readonly string[],
): Size[] {
  const at = (all: readonly Measurement[], label: string): Measurement[] =>
    all.filter((m) => m.label === label);
  return labels
    .map((label) => ({
      label,
      own: at(findings.measurements, label),
      references: references.map((r) => ({
        method: r.method,
        own: at(r.findings.measurements, label),
      })),
    }))
    .filter(({ own }) => own.length > 0);
}

/**
 * A failure is a fact: the perturbation is there. A pass is as good as the search: where nothing
 * harmful was found and the search is no evidence, the outcome is "inconclusive".
 */
export function judgeHarm(method: string, sizes: readonly Size[], limits: HarmLimits): Verdict {
  const judged = sizes.map((size) => {
    const harm = harmOf(size.own);
    const references = size.references
      .filter((r) => r.own.length > 0)
      .map((r) => ({ method: r.method, left: harmOf(r.own).left }));
    return { ...size, harm, reason: harmReason(harm, bestReference(references), limits) };
  });
  const most = (list: typeof judged): (typeof judged)[number] =>
    list.reduce((p, q) => (q.harm.beyond > p.harm.beyond ? q : p));
  const harmful = judged.filter((s) => s.reason !== undefined);
  const worst = most(harmful.length > 0 ? harmful : judged);
  const { harm, label, reason } = worst;
  const doubts = doubtsOf(
    judged.flatMap((s) => s.own),
    limits.harmDb,
  );
  const figure = {
    value: harm.beyond,
    threshold: limits.ruinDb,
    unit: `dB beyond noise at ${label}`,
  };
  const how = worst.own.some((m) => m.search?.queries !== undefined) ? " without gradients" : "";
  const lost = `at ${label} the worst perturbation found${how} costs ${decibels(harm.loss)} (noise that is measured as much ${decibels(harm.noise)}) and leaves ${decibels(harm.left)}`;
  if (reason !== undefined)
    return { method, outcome: "fail", figure, explanation: `${lost}${reason}` };
  if (doubts.length === 0) return { method, outcome: "pass", figure, explanation: lost };
  return {
    method,
    outcome: "inconclusive",
    figure,
    explanation: `${lost}; no evidence of stability: ${doubts.join("; ")}`,
  };
}
