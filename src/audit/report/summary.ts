// The answer, and every test's outcome for every method.
import {
  besideLimit,
  figure,
  fixed,
  type Cell,
  type Detail,
  type Section,
  type Table,
} from "../../report/index.ts";
import type { Accuracy, AuditResult, TestRecord, Verdict } from "../schema.ts";
import { mean } from "../statistics.ts";
import { infinite } from "../upgrade.ts";
import { answerOf } from "./answer.ts";
import { ACCURACY } from "./standing.ts";

type Judged = NonNullable<Verdict["figure"]>;
/** Decibels with two decimals, as everywhere; anything else with three digits that count. */
const written = ({ value, threshold, unit }: Judged): string =>
  unit.startsWith("dB")
    ? besideLimit(value, threshold, { write: fixed, digits: 2 })
    : besideLimit(value, threshold, { write: figure, digits: 3 });
/** "7.08, threshold 6 dB beyond noise at r₃" */
export const judgedFigure = (judged: Judged): string =>
  `${written(judged)}, threshold ${figure(judged.threshold)} ${judged.unit}`;

function verdictRow(test: TestRecord, methods: readonly string[]): Cell[] {
  const cell = (method: string): Cell => {
    const verdict = test.verdicts.find((v) => v.method === method);
    if (!verdict) return null;
    const { figure: judged, outcome } = verdict;
    const weaker = test.measurements.some(
      (m) => m.method === method && m.search?.queries !== undefined,
    );
    const text = judged ? written(judged) : "";
    return { text, outcome, ...(weaker ? { soft: "no gradients" } : {}) };
  };
  const threshold = test.verdicts.find((v) => v.figure)?.figure;
  return [
    { text: test.title, to: test.id },
    threshold ? `${figure(threshold.threshold)} ${threshold.unit}` : null,
    ...methods.map(cell),
  ];
}

function summaryTable(result: AuditResult, methods: readonly string[]): Table {
  const over = result.problem.images.length > 1 ? ", mean over the images" : "";
  const record = result.tests.find((t) => t.id === ACCURACY);
  const accuracyRow = (
    name: string,
    format: "decibels" | "share",
    of: (a: Accuracy) => number,
  ): Cell[] => [
    { text: `${name} undisturbed${over}`, to: ACCURACY },
    null,
    ...methods.map((method): Cell => {
      const own = result.accuracy.filter((a) => a.method === method);
      const outcome =
        format === "decibels" && record?.verdicts.find((v) => v.method === method)?.outcome;
      if (own.length === 0) return outcome ? { text: "", outcome } : null;
      return { text: mean(own.map(of)), format, ...(outcome ? { outcome } : {}) };
    }),
  ];
  return {
    kind: "table",
    id: "summary",
    columns: [
      { name: "test" },
      { name: "threshold" },
      ...methods.map((name, mark) => ({ name, mark })),
    ],
    rows: [
      accuracyRow("PSNR, dB,", "decibels", (a) => infinite(a.psnr)),
      accuracyRow("SSIM", "share", (a) => a.ssim),
      ...result.tests.filter((t) => t.id !== ACCURACY).map((test) => verdictRow(test, methods)),
    ],
    note: noteOf(result),
  };
}

/** How the table is read. */
function noteOf({ tests, problem }: AuditResult): string {
  if (problem.truth === "unknown")
    return "No true image is known, so no test is judged; each section has what is known.";
  const { harmDb, ruinDb } = tests.find((t) => t.thresholds.harmDb !== undefined)?.thresholds ?? {};
  const harm =
    harmDb === undefined
      ? ""
      : `In dB beyond noise: a method fails from ${ruinDb} dB on, and where it loses ${harmDb} dB and keeps less than a classical method does at its own worst case. `;
  return `${harm}A pass says that this search, under this budget, found nothing worse; it proves nothing about other searches. A method that reconstructs badly can be stable all the same.`;
}

/** With what the tests themselves put there. */
export function summarySection(result: AuditResult): Section {
  const methods = result.methods.map((m) => m.name);
  const lifted: Detail[] = result.tests.flatMap((t) =>
    t.details.filter((d) => d.place === "summary"),
  );
  const { answer, next, command } = answerOf(result);
  return {
    id: "summary",
    title: "Summary",
    details: [
      { kind: "text", id: "answer", paragraphs: [answer] },
      {
        kind: "text",
        id: "next",
        title: "What next",
        paragraphs: [next],
        ...(command === undefined ? {} : { code: command }),
      },
      summaryTable(result, methods),
      ...lifted,
    ],
  };
}
