// What to do after an audit: one short paragraph, with the option that does it.
import { doubtOf } from "../judgement.ts";
import { withInfinities } from "../upgrade.ts";
import type { Finding } from "./answer.ts";
import { ended, type Case, type Judged } from "./standing.ts";

/** More of what this audit had little of. */
function broader({ result }: Case): string {
  const wider =
    result.problem.images.length < 10 ? "more images (--count 10, or --images FILE for each)" : "more images";
  return `${wider}, scans of your own (--images FILE), and every test (--tests all)`;
}

/** What would settle a test that settled nothing. */
function settling({ test, verdict }: Judged, { subject, result }: Case): string {
  if (verdict.outcome === "error") return "Mend what the error says and run the same command again.";
  if (result.gradientChecks.some((g) => g.method === subject && !g.passed))
    return "The search cannot see through this method: mend its gradient, or look without one (--tests practice,likelihood).";
  const doubts = test.measurements
    .filter((m) => m.method === subject)
    .map((m) => doubtOf(withInfinities(m), Number(test.thresholds.harmDb ?? 0)) ?? "");
  const have = (words: string): boolean => doubts.some((d) => d.includes(words));
  if (have("vanishes")) return "The search is blind here; look without gradients (--tests practice,likelihood).";
  if (have("still gaining")) return "Search longer (--steps 200 --iterations 200).";
  if (have("no more than random noise"))
    return "Search from more starts and longer (--restarts 10 --steps 200 --iterations 200).";
  return "Take more images (--count 10, or --images FILE for each), so that the intervals become narrow enough.";
}

/** What to use until then: the more accurate classical method, unless it failed as well. */
function insteadOf({ best, judged }: Case): string {
  if (!best || best.by <= 0) return "";
  const failed = judged.some(({ test }) => test.verdicts.some((v) => v.method === best.method && v.outcome === "fail"));
  return failed ? "" : `Use ${best.method} until then. `;
}

const steps: Readonly<Record<Finding, (c: Case) => string>> = {
  broken: () =>
    "Check that the right weights were loaded and that the images are scaled as in training; then audit again (--debug shows where an error comes from).",
  useless: ({ best }) =>
    `Check that the weights, the sampling and the intensities are those of the training${best ? `; until then use ${best.method}` : ""}.`,
  failed: (c) => {
    const instead = insteadOf(c);
    return `Look at the figures below for what fails and where. ${instead}Train against it (fiducial train reconstructor --adversarial 0.05; docs/remedies.md has what helps and what it costs), and audit again with the same seed.`;
  },
  inferior: ({ best }) =>
    `Use ${best?.method ?? "a classical method"}, or train on images such as these (fiducial train reconstructor) and audit again.`,
  unsettled: (c) => settling([...ended(c, "inconclusive"), ...ended(c, "error")][0], c),
  untested: () => "Choose tests that apply to this measurement (--tests ascent,worst-case).",
  "nothing found": (c) => `Look further before relying on it: ${broader(c)}.`,
};

export const nextStep = (finding: Finding, c: Case): string => steps[finding](c);
