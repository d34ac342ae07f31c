// What the answer is made from: the audited method's outcomes, and its accuracy beside others.
import { count, percent } from "../../report/index.ts";
import { audited } from "../audited.ts";
import type { AuditResult, Outcome, TestRecord, Verdict } from "../schema.ts";
import { mean } from "../statistics.ts";
import { infinite } from "../upgrade.ts";

/** The record that every audit has, beside its tests. */
export const ACCURACY = "accuracy";

/** What an answer rests on, the gravest first. */
export type Finding =
  | "broken"
  | "unjudged"
  | "useless"
  | "failed"
  | "inferior"
  | "unsettled"
  | "untested"
  | "nothing found";

export interface Judged {
  readonly test: TestRecord;
  readonly verdict: Verdict;
}
export interface Case {
  readonly result: AuditResult;
  readonly subject: string;
  /** "2 images (128×128, 25 % of the data measured)" */
  readonly where: string;
  /** Its verdicts in the tests that apply, accuracy aside. */
  readonly judged: readonly Judged[];
  readonly accuracy?: Verdict;
  /** dB above the first image from the data; undefined where nothing is known of it. */
  readonly aboveInitial?: number;
  /** The most accurate classical method beside it, and by how many dB it is more accurate. */
  readonly best?: { readonly method: string; readonly by: number };
}

/** Mean PSNR without perturbation; undefined where it was never measured. */
function psnrOf({ accuracy }: AuditResult, method: string): number | undefined {
  const own = accuracy.filter((a) => a.method === method);
  return own.length === 0 ? undefined : mean(own.map((a) => infinite(a.psnr)));
}

function whereOf({ problem: { operator, images, truth } }: AuditResult): string {
  const { height, width, sampledFraction } = operator;
  const size = height === undefined || width === undefined ? "" : `${height}×${width}`;
  const measured =
    typeof sampledFraction === "number"
      ? `${percent(sampledFraction, 0)} of the data measured`
      : "";
  const said = [size, measured].filter(Boolean).join(", ");
  const these = count(images.length, truth === "unknown" ? "measurement" : "image");
  return said === "" ? these : `${these} (${said})`;
}

function bestOf(result: AuditResult, subject: string): Case["best"] {
  const own = psnrOf(result, subject);
  // what was learned is held to what was not, and nothing else to anything
  if (own === undefined || result.methods.find((m) => m.name === subject)?.classical)
    return undefined;
  const others = result.methods.flatMap(({ name, classical }) => {
    const psnr = name !== subject && classical ? psnrOf(result, name) : undefined;
    return psnr === undefined ? [] : [{ method: name, by: psnr - own }];
  });
  return others.length === 0 ? undefined : others.reduce((p, q) => (q.by > p.by ? q : p));
}

export function caseOf(result: AuditResult): Case {
  const subject = audited(result.methods);
  const verdictIn = (test: TestRecord): Verdict | undefined =>
    test.verdicts.find((v) => v.method === subject);
  const judged = result.tests.flatMap((test): Judged[] => {
    const verdict = verdictIn(test);
    const applies = verdict !== undefined && verdict.outcome !== "not-applicable";
    return test.id !== ACCURACY && applies ? [{ test, verdict }] : [];
  });
  const record = result.tests.find((t) => t.id === ACCURACY);
  const accuracy = record && verdictIn(record);
  const psnr = psnrOf(result, subject);
  const { initialPsnr = [] } = result;
  const aboveInitial =
    psnr === undefined || initialPsnr.length === 0
      ? undefined
      : psnr - mean(initialPsnr.map(infinite));
  const best = bestOf(result, subject);
  return {
    result,
    subject,
    where: whereOf(result),
    judged,
    ...(accuracy ? { accuracy } : {}),
    ...(aboveInitial === undefined ? {} : { aboveInitial }),
    ...(best ? { best } : {}),
  };
}

export const ended = ({ judged }: Case, outcome: Outcome): Judged[] =>
  judged.filter(({ verdict }) => verdict.outcome === outcome);
