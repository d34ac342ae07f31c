// What to do after an audit: one short paragraph, and the command or the options that do it.
import { doubtOf } from "../judgement.ts";
import { withInfinities } from "../upgrade.ts";
import { ended, type Case, type Finding, type Judged } from "./standing.ts";

export interface Step {
  readonly next: string;
  /** To be copied. */
  readonly command?: string;
}
const REPEAT = "Repeat the command at the end of this report with";

/** What would settle a test that settled nothing. */
function settling({ test, verdict }: Judged, { subject, result }: Case): Step {
  if (verdict.outcome === "error")
    return { next: "Mend what the error says and run the same command again." };
  const unseen: Step = {
    next: `A search along gradients sees nothing here, so look without them. ${REPEAT}:`,
    command: "--tests practice,likelihood",
  };
  if (result.gradientChecks.some((g) => g.method === subject && !g.passed)) return unseen;
  const doubts = test.measurements
    .filter((m) => m.method === subject)
    .map((m) => doubtOf(withInfinities(m), Number(test.thresholds.harmDb ?? 0)) ?? "");
  const have = (words: string): boolean => doubts.some((d) => d.includes(words));
  if (have("vanishes")) return unseen;
  if (have("without gradients"))
    return {
      next: `A program has no gradient, and what a search without one does not find is no evidence. Audit the network itself where you have it (--model FILE), or search longer. ${REPEAT}:`,
      command: "--queries 5000",
    };
  if (have("still gaining"))
    return { next: `Search longer. ${REPEAT}:`, command: "--steps 200 --iterations 200" };
  if (have("no more than random noise"))
    return {
      next: `Search longer and from more starts. ${REPEAT}:`,
      command: "--steps 200 --iterations 200 --restarts 10",
    };
  return {
    next: `Take more images, so that what was estimated is known well enough: --images FILE for each of yours, or ${REPEAT.toLowerCase()}:`,
    command: "--count 10",
  };
}

/** What to use until then: the more accurate classical method, unless it failed as well. */
function insteadOf({ best, judged }: Case): string {
  if (!best || best.by <= 0) return "";
  const failed = judged.some(({ test }) =>
    test.verdicts.some((v) => v.method === best.method && v.outcome === "fail"),
  );
  return failed ? "" : ` Use ${best.method} until then.`;
}

/** What docs/remedies.md has against it; nothing in particular where it has nothing. */
function remedyFor(failed: readonly Judged[]): string {
  const judges = (threshold: string): boolean =>
    failed.some(({ test }) => test.thresholds[threshold] !== undefined);
  if (judges("harmDb")) return "--adversarial 0.05";
  if (judges("maxPsnrDropDb")) return "--rates 0.125,0.25,0.5";
  return judges("maxShare") || judges("maxProbability") ? "--jitter 0.1" : "";
}

const isProgram = ({ result, subject }: Case): boolean =>
  result.methods.find((m) => m.name === subject)?.description.kind === "command";
/** To train against what was found. */
const trained = (c: Case, seen: string): Step => ({
  next: `${seen} Train against it (docs/remedies.md has what helps and what it costs), then audit again with the same seed:`,
  command: `fiducial train reconstructor ${remedyFor(ended(c, "fail"))}`.trim(),
});

const steps: Readonly<Record<Finding, (c: Case) => Step>> = {
  broken: () => ({
    next: "Check that the right weights were loaded and that the images are scaled as in training; then audit again (--debug shows where an error comes from).",
  }),
  unjudged: () => ({
    next: "To have it judged, audit the same network, mask and coils on images of the same kind whose truth is known, fully sampled ones for example:",
    command: "fiducial audit --images FILE --mask FILE",
  }),
  useless: ({ best }) => ({
    next: `Check that the weights, the sampling and the intensities are those of the training${best ? `; until then use ${best.method}` : ""}.`,
  }),
  failed: (c) => {
    const seen = `Look at the figures below for what fails and where.${insteadOf(c)}`;
    if (isProgram(c))
      return { next: `${seen} docs/remedies.md has what helps networks, and what it costs.` };
    return trained(c, seen);
  },
  inferior: ({ best }) => ({
    next: `Use ${best?.method ?? "a classical method"}; or train on images such as these and audit again:`,
    command: "fiducial train reconstructor",
  }),
  unsettled: (c) => settling([...ended(c, "inconclusive"), ...ended(c, "error")][0], c),
  untested: () => ({
    next: `Choose tests that apply to this measurement. ${REPEAT}:`,
    command: "--tests ascent,worst-case",
  }),
  "nothing found": () => ({
    next: `Before relying on it, look further: at scans of your own (--images FILE), at more images, and with every test. ${REPEAT}:`,
    command: "--count 10 --tests all",
  }),
};

export const nextStep = (finding: Finding, c: Case): Step => steps[finding](c);
