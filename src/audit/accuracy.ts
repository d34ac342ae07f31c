// How good a method is before anything is perturbed: a useless one must not win by being stable.
import { decibels, fixed, percent } from "../report/index.ts";
import type { AuditHeader, Piece } from "./plan.ts";
import type { GradientCheck, Repeat, TestRecord, Verdict } from "./schema.ts";
import { mean } from "./statistics.ts";

/** A learned method that is this much worse than a classical one has no reason to be used. */
export const MARGIN_DB = 1;

/** Mean PSNR over the images, and what it is held to. */
export interface Standing {
  readonly psnr: number;
  /** dB above the first image from the data, zero-filling for k-space. */
  readonly aboveInitial: number;
  /** The most accurate classical method beside a learned one. */
  readonly best?: { readonly method: string; readonly psnr: number };
}

/** By method; undefined for one that could not be run. */
export function accuracyOf(
  header: AuditHeader,
  cleans: readonly (readonly Piece[])[],
): (Standing | undefined)[] {
  const { methods } = header.facts;
  const means = cleans.map((own) => {
    const all = own.flatMap((p) => p.accuracy?.psnr ?? []);
    return all.length === own.length ? mean(all) : undefined;
  });
  const initial = mean(header.initialPsnr);
  const classical = methods.flatMap(({ name, classical }, k) => {
    const psnr = means[k];
    return classical && psnr !== undefined ? [{ method: name, psnr }] : [];
  });
  return methods.map(({ name, classical: own }, m) => {
    const psnr = means[m];
    if (psnr === undefined) return undefined;
    const standing = { psnr, aboveInitial: psnr - initial };
    if (own) return standing;
    const others = classical.filter((c) => c.method !== name);
    if (others.length === 0) return standing;
    return { ...standing, best: others.reduce((p, q) => (q.psnr > p.psnr ? q : p)) };
  });
}

/** Rounding of a zero-filled image that is computed twice. */
export const NOTHING_DB = 0.01;

/**
 * Why a method is not accurate enough to be trusted, as the start of a sentence; undefined where it
 * is.
 */
export function inaccuracyOf({ psnr, aboveInitial, best }: Standing): string | undefined {
  if (aboveInitial < -NOTHING_DB)
    return `is ${decibels(-aboveInitial)} worse than the first image from the data`;
  if (best && psnr - best.psnr < -MARGIN_DB)
    return `is ${decibels(best.psnr - psnr)} less accurate than ${best.method}`;
  return undefined;
}

const HELD_TO = "dB against what it is held to, at least";
/**
 * The figure is the one that decides: a method that is worse than the first image fails by that,
 * whatever it is beside a classical one.
 */
function accuracyVerdict(method: string, standing: Standing): Verdict {
  const { psnr, aboveInitial, best } = standing;
  const fault = inaccuracyOf(standing);
  const gain = Math.abs(aboveInitial) <= NOTHING_DB ? 0 : aboveInitial;
  const figure =
    best && gain >= 0
      ? { value: psnr - best.psnr, threshold: -MARGIN_DB, unit: HELD_TO }
      : { value: gain, threshold: 0, unit: HELD_TO };
  const away = `${decibels(Math.abs(gain))} ${gain < 0 ? "below" : "above"}`;
  const gains = `${gain === 0 ? "as good as" : away} the first image from the data`;
  const beside = best ? `, ${best.method} at ${decibels(best.psnr)}` : "";
  return {
    method,
    outcome: fault === undefined ? "pass" : "fail",
    figure,
    explanation: `reconstructs at ${decibels(psnr)} PSNR, ${gains}${beside}`,
  };
}

/** Without a truth: how much of what was measured the image does not explain. */
function nothingKnown(method: string, own: readonly Piece[]): Verdict {
  const residual = mean(
    own.flatMap((p) => (p.findings?.scores ?? []).map((s) => s.figures.residual)),
  );
  const explanation = `is not judged: no true image is known, so nothing is known of its accuracy; its image leaves ${percent(residual)} of what was measured unexplained (‖Ax̂ − y‖/‖y‖), which says nothing about what was not measured`;
  return { method, outcome: "not-applicable", explanation };
}

/**
 * The record of accuracy, which every audit has: no piece of its own, the unperturbed images'
 * figures.
 */
export function accuracyRecord(
  header: AuditHeader,
  standings: readonly (Standing | undefined)[],
  failures: readonly (string | undefined)[],
  cleans: readonly (readonly Piece[])[],
): Omit<TestRecord, "details" | "outcome"> {
  const unknown = header.facts.problem.truth === "unknown";
  const verdicts = header.facts.methods.map(({ name }, m): Verdict => {
    const standing = standings[m];
    if (unknown && failures[m] === undefined) return nothingKnown(name, cleans[m]);
    if (standing === undefined)
      return { method: name, outcome: "error", explanation: failures[m] ?? "it gave no image" };
    return accuracyVerdict(name, standing);
  });
  return {
    id: "accuracy",
    title: "Accuracy before anything is perturbed",
    description:
      "Mean PSNR of the unperturbed reconstructions. Stability counts for nothing without it: a method that ignores its data is as stable as can be. A learned method is held to the most accurate classical one beside it, every method to the first image from the data (zero-filling, for k-space).",
    source: "Antun et al., PNAS 2020, and the discussion of poor networks that are stable",
    domain: "measurement",
    settings: {},
    thresholds: { marginDb: MARGIN_DB },
    verdicts,
    measurements: [],
    ...(unknown ? { scores: cleans.flat().flatMap((p) => p.findings?.scores ?? []) } : {}),
  };
}

/** What two decimals of a percentage show. */
const LEAST = 1e-4;
/** Of a program that gives another image each time; nothing where it repeats itself. */
function unrepeatable(repeat: Known["repeat"]): string[] {
  if (!repeat || repeat.difference === 0) return [];
  const { difference, noise } = repeat;
  const beside =
    noise > 0 ? `, ${fixed(difference / noise, 2)} times as much as other noise changes` : "";
  const size = difference < LEAST ? `less than ${percent(LEAST)}` : percent(difference);
  return [`it gives another image each time: two of one measurement differ by ${size}${beside}`];
}

/** What is known of a method before a test judges it. */
interface Known {
  readonly standing: Standing | undefined;
  readonly gradient: GradientCheck | undefined;
  readonly repeat: Omit<Repeat, "method"> | undefined;
}
/**
 * A verdict with what is known of the method beforehand: a pass is none where the method is worse
 * than the first image from the data, nor where the search's gradient is wrong; that a program does
 * not repeat itself is said.
 */
export function beforehand(verdict: Verdict, { standing, gradient, repeat }: Known): Verdict {
  const wrong = gradient && !gradient.passed ? gradient : undefined;
  const fault = standing && inaccuracyOf(standing);
  const useless = standing !== undefined && standing.aboveInitial < -NOTHING_DB;
  const doubts: string[] = [];
  if (wrong)
    doubts.push(
      `its gradient fails the self-check (${wrong.relativeError.toExponential(1)}), so the search is blind`,
    );
  if (useless) doubts.push("being stable is nothing where the data are ignored");
  const outcome =
    verdict.outcome === "pass" && doubts.length > 0 ? "inconclusive" : verdict.outcome;
  const before = fault === undefined ? "" : `${fault} to begin with; `;
  const after = [...doubts, ...unrepeatable(repeat)].map((d) => `; ${d}`).join("");
  return { ...verdict, outcome, explanation: `${before}${verdict.explanation}${after}` };
}
