// The answer: every test's outcome for every method, beside how accurate each is.
import { count, figure, type Cell, type Detail, type Section, type Table } from "../../report/index.ts";
import type { Accuracy, AuditResult, TestRecord } from "../schema.ts";
import { mean } from "../statistics.ts";

function verdictRow(test: TestRecord, methods: readonly string[]): Cell[] {
  const threshold = test.verdicts.find((v) => v.figure)?.figure;
  const cell = (method: string): Cell => {
    const verdict = test.verdicts.find((v) => v.method === method);
    if (!verdict) return null;
    return { text: verdict.figure ? figure(verdict.figure.value) : "", outcome: verdict.outcome };
  };
  return [
    { text: test.title, to: test.id },
    threshold ? `${figure(threshold.threshold)} ${threshold.unit}` : null,
    ...methods.map(cell),
  ];
}

function summaryTable(result: AuditResult, methods: readonly string[]): Table {
  const average = (name: string, format: "decibels" | "share", of: (a: Accuracy) => number): Cell[] => [
    name,
    null,
    ...methods.map((method): Cell => {
      const own = result.accuracy.filter((a) => a.method === method);
      return own.length === 0 ? null : { text: mean(own.map(of)), format };
    }),
  ];
  return {
    kind: "table",
    id: "summary",
    columns: [{ name: "test" }, { name: "threshold" }, ...methods.map((name, mark) => ({ name, mark }))],
    rows: [
      ...result.tests.map((test) => verdictRow(test, methods)),
      average("Accuracy without perturbation: mean PSNR, dB", "decibels", (a) => a.psnr),
      average("Mean SSIM", "share", (a) => a.ssim),
    ],
    note: "Stability is shown beside accuracy: a method that reconstructs badly can be stable all the same. A pass says that this search, under this budget, found nothing worse; it proves nothing about other searches.",
  };
}

/** The answer in words. */
function answer(result: AuditResult, methods: readonly string[]): string {
  const said = methods.map((method) => {
    const failed = result.tests.filter((t) => t.verdicts.some((v) => v.method === method && v.outcome === "fail"));
    return failed.length === 0
      ? `${method} failed none of the tests`
      : `${method} failed ${failed.length} of ${count(result.tests.length, "test")}`;
  });
  return `${said.join("; ")}.`;
}

/** With what the tests themselves put there. */
export function summarySection(result: AuditResult): Section {
  const methods = result.methods.map((m) => m.name);
  const lifted: Detail[] = result.tests.flatMap((t) => t.details.filter((d) => d.place === "summary"));
  return {
    id: "summary",
    title: "Summary",
    details: [
      { kind: "text", id: "answer", paragraphs: [answer(result, methods)] },
      summaryTable(result, methods),
      ...lifted,
    ],
  };
}
