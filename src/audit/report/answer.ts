// The answer in words: which method, on what, what was found, whether to use it, and what next.
// Nothing but the result is looked at, and nothing is said that it does not show.
import { count, decibels, percent } from "../../report/index.ts";
import { MARGIN_DB, NOTHING_DB } from "../accuracy.ts";
import { bestReference, harmOf, harmReason, type Harm, type Reference } from "../judgement.ts";
import type { AuditResult, Measurement } from "../schema.ts";
import { mean } from "../statistics.ts";
import { withInfinities } from "../upgrade.ts";
import { nextStep, type Step } from "./next-step.ts";
import { caseOf, ended, type Case, type Finding, type Judged } from "./standing.ts";

export interface Answer extends Step {
  /** The first sentence is the answer, in plain words. */
  readonly answer: string;
}

export const isConstant = ({ verdict }: Judged): boolean =>
  verdict.explanation.startsWith("gives the same image whatever is measured");

export function findingOf(c: Case): Finding {
  const { judged, accuracy, aboveInitial, best } = c;
  const errors = ended(c, "error");
  if (accuracy?.outcome === "error" || errors.some(isConstant)) return "broken";
  if (judged.length > 0 && errors.length === judged.length) return "broken";
  if (c.result.problem.truth === "unknown") return "unjudged";
  if (aboveInitial !== undefined && aboveInitial < -NOTHING_DB) return "useless";
  if (ended(c, "fail").length > 0) return "failed";
  if (best && best.by > MARGIN_DB) return "inferior";
  if (errors.length > 0 || ended(c, "inconclusive").length > 0) return "unsettled";
  return judged.length === 0 ? "untested" : "nothing found";
}

const lower = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);
const upper = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
const ending = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`);
/** What was known beforehand is said by the answer itself. */
const ownWords = ({ verdict }: Judged): string =>
  verdict.explanation.replace(/^is [^;]* to begin with; /, "");

/** "at r₃ (6.00 % of ‖x‖)", "at 2 % of ‖y‖" */
function sizeOf(
  label: string,
  own: readonly Measurement[],
  domain: "image" | "measurement",
): string {
  const whole = domain === "image" ? "‖x‖" : "‖y‖";
  if (label.endsWith("%")) return `at ${label} of ${whole}`;
  return `at ${label} (${percent(mean(own.map((m) => m.relativeNorm)))} of ${whole})`;
}

interface Size {
  readonly label: string;
  readonly own: readonly Measurement[];
  readonly harm: Harm;
  readonly best: Reference | undefined;
}
/**
 * What the gravest size of a searched perturbation does; undefined for tests that judge something
 * else.
 */
function gravest({ test }: Judged, { subject, result }: Case): Size | undefined {
  const { harmDb, ruinDb, judgedBudget } = test.thresholds;
  if (typeof harmDb !== "number" || typeof ruinDb !== "number") return undefined;
  const all = test.measurements.map(withInfinities);
  const classical = result.methods
    .filter((m) => m.classical && m.name !== subject)
    .map((m) => m.name);
  const own = all.filter(
    (m) =>
      m.method === subject && (judgedBudget === undefined || m.relativeBudget === judgedBudget),
  );
  const sizes = [...new Set(own.map((m) => m.label))].map((label): Size => {
    const at = (method: string): Measurement[] =>
      all.filter((m) => m.method === method && m.label === label);
    const references = classical.flatMap((method) => {
      const theirs = at(method);
      return theirs.length === 0 ? [] : [{ method, left: harmOf(theirs).left }];
    });
    const mine = own.filter((m) => m.label === label);
    return { label, own: mine, harm: harmOf(mine), best: bestReference(references) };
  });
  const harmful = sizes.filter((s) => harmReason(s.harm, s.best, { harmDb, ruinDb }) !== undefined);
  return harmful.length === 0
    ? undefined
    : harmful.reduce((p, q) => (q.harm.beyond > p.harm.beyond ? q : p));
}

/** A verdict's own words, which go on from the method's name unless they begin with the size. */
function told(judged: Judged, { subject }: Case): string {
  const words = ownWords(judged);
  return /^at \S/.test(words) ? words : `${subject} ${words}`;
}
/** The figures behind a failure. */
function evidence(judged: Judged, c: Case): string {
  const size = gravest(judged, c);
  if (!size) return ending(told(judged, c).replace(/^at /, "At "));
  const { harm, best, own, label } = size;
  const averaged = own.length > 1 ? " on the mean" : "";
  const measured =
    own[0].noise.measuredNorm === undefined ? "noise as large" : "noise measured as much";
  const beside =
    best && harm.left < best.left
      ? `, less than ${best.method} keeps at its own worst case (${decibels(best.left)})`
      : "";
  const how = own.some((m) => m.search?.queries !== undefined)
    ? " (without gradients, which finds less)"
    : "";
  return `${upper(sizeOf(label, own, judged.test.domain))} the worst perturbation found${how} costs ${decibels(harm.loss)}${averaged}, ${measured} ${decibels(harm.noise)}, and leaves ${decibels(harm.left)}${beside}.`;
}
/** The failure that is told in figures: the most harm beyond noise, else the first. */
function worstFailure(c: Case): Judged {
  const failed = ended(c, "fail");
  const beyond = (j: Judged): number => gravest(j, c)?.harm.beyond ?? Number.NEGATIVE_INFINITY;
  return failed.reduce((p, q) => (beyond(q) > beyond(p) ? q : p));
}

/** The classical method that is more accurate, and how it did itself. */
function whatIsBetter({ best, judged }: Case): string {
  if (!best || best.by <= MARGIN_DB) return "";
  const failed = judged.filter(({ test }) =>
    test.verdicts.some((v) => v.method === best.method && v.outcome === "fail"),
  ).length;
  const itself =
    failed === 0
      ? ""
      : `, though it failed ${failed} of the ${count(judged.length, "test")} itself`;
  return ` Undisturbed, ${best.method}, a classical method, is ${decibels(best.by)} better${itself}.`;
}

const sayings: Readonly<Record<Finding, (c: Case) => string>> = {
  broken: (c) => {
    const { subject, where, accuracy } = c;
    const errors = ended(c, "error");
    if (errors.some(isConstant))
      return `Do not use ${subject}: on ${where} it gives the same image whatever is measured.`;
    const why =
      (accuracy?.outcome === "error" ? accuracy : errors[0]?.verdict)?.explanation ??
      "it gave no image";
    return ending(`Do not use ${subject}: on ${where} it could not be run: ${why}`);
  },
  unjudged: (c) => {
    const { subject, where, result } = c;
    const said = result.tests.flatMap((test) => {
      const own = test.verdicts.find((v) => v.method === subject)?.explanation ?? "";
      const [, words] = /^is not judged, but (.*)$/s.exec(own) ?? [];
      return words === undefined ? [] : [`it ${words}`];
    });
    const known = said.length === 0 ? "" : ` What can be said without one: ${said.join("; ")}.`;
    return `Whether ${subject} can be trusted on ${where} cannot be judged, for no true image is known.${known}`;
  },
  useless: ({ subject, where, aboveInitial = 0 }) =>
    `Do not use ${subject} on images such as these: on ${where} it is ${decibels(-aboveInitial)} worse than the first image from the data, which takes no method at all. However stable it is below, that counts for nothing: a method that ignores its data is stable as well.`,
  failed: (c) => {
    const failed = ended(c, "fail");
    const titles = failed.map(({ test }) => lower(test.title)).join("; ");
    const found = `it failed ${failed.length} of ${count(c.judged.length, "test")}: ${titles}`;
    const first = `Do not trust ${c.subject} on images such as these: on ${c.where} ${found}.`;
    return `${first} ${evidence(worstFailure(c), c)}${whatIsBetter(c)}`;
  },
  inferior: (c) => {
    const { subject, where, best, judged } = c;
    const open = judged.length - ended(c, "pass").length;
    const settled = open === 0 ? "" : `, and ${open} settled nothing`;
    const tests =
      judged.length === 0
        ? ""
        : ` ${subject} failed ${judged.length === 1 ? "no test" : `none of the ${judged.length} tests`}${settled}.`;
    return `There is no reason to use ${subject} on images such as these: on ${where} ${best!.method}, a classical method, is ${decibels(best!.by)} better.${tests}`;
  },
  unsettled: (c) => {
    const open = [...ended(c, "inconclusive"), ...ended(c, "error")];
    const [first] = open;
    const why = first.verdict.outcome === "error" ? first.verdict.explanation : told(first, c);
    const question = ending(`In question is whether ${lower(first.test.title)}: ${why}`);
    return `${c.subject} was not shown to be unstable on ${c.where}, nor to be stable: ${open.length} of ${count(c.judged.length, "test")} settled nothing, so do not rely on it yet. ${question}`;
  },
  untested: ({ subject, where }) =>
    `Nothing is known yet about whether ${subject} can be trusted: on ${where} none of the tests applies.`,
  "nothing found": (c) =>
    `Nothing was found against ${c.subject} in ${count(c.judged.length, "test")} on ${c.where}; that is no proof that there is nothing, so use it with care.`,
};

/** Scans that are unlike the training images: what a network does there is not what it learned. */
function strangers({ problem: { images } }: AuditResult): string {
  const strange = images.filter((image) => image.unlike !== undefined);
  if (strange.length === 0) return "";
  const [{ label, unlike }] = strange;
  if (images.length === 1) return ` The image is ${ending(unlike!)}`;
  return ` ${strange.length} of the ${images.length} images are not like those it was trained on; ${label} is ${ending(unlike!)}`;
}

/** The answer to "can this be trusted", from a result and nothing else. */
export function answerOf(result: AuditResult): Answer {
  const c = caseOf(result);
  const finding = findingOf(c);
  const single =
    result.problem.images.length === 1 && finding !== "broken" && finding !== "unjudged";
  const alone = single ? " This is one image; of others nothing is known." : "";
  return { answer: `${sayings[finding](c)}${alone}${strangers(result)}`, ...nextStep(finding, c) };
}
