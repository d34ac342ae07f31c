// How much of small details comes back.
import { percent, type Cell, type Detail, type Table } from "../../../report/index.ts";
import type { DetailScore, Measurement } from "../../schema.ts";
import { intervalWords, meanShareInterval95 } from "../../intervals.ts";
import { mean } from "../../statistics.ts";
import { distinct, type Found } from "./found.ts";
import { comparison, gallery } from "./pictures.ts";

/** Of one method at one size and contrast, over the images. */
function cellOf(scores: readonly DetailScore[]): Cell {
  const possible = (d: DetailScore): number => d.placements - d.notRecoverable;
  const count = scores.reduce((n, d) => n + possible(d), 0);
  if (count === 0) return null;
  const share = scores.reduce((sum, d) => sum + d.recovered * possible(d), 0) / count;
  const lost = scores.reduce((n, d) => n + d.lost, 0);
  const { interval } = meanShareInterval95(scores.flatMap((d) => d.shares ?? []));
  const within = interval ? `(${percent(interval.low, 0)} to ${percent(interval.high, 0)}); ` : "";
  return { text: percent(share, 0), soft: `${within}lost ${lost} of ${count}` };
}

/** Details of one kind that a method could have recovered, of the method that had most. */
function countAt(measurements: readonly Measurement[], label: string): number {
  const counts = new Map<string, number>();
  for (const { method, detail, label: own } of measurements)
    if (own === label)
      counts.set(method, (counts.get(method) ?? 0) + (detail?.shares?.length ?? 0));
  return Math.max(0, ...counts.values());
}

function recoveryTable({ test, methods }: Found): Table {
  const scored = (m: Measurement): DetailScore[] => (m.detail ? [m.detail] : []);
  const labels = distinct(test.measurements.filter((m) => m.detail).map((m) => m.label));
  const fewest = Math.min(...labels.map((label) => countAt(test.measurements, label)));
  return {
    kind: "table",
    id: `${test.id}-recovery`,
    title:
      "How much of each detail comes back: mean share of its contrast (its interval), and how many are lost",
    note: `Of 10 details and more, ${intervalWords(fewest)}; of fewer there is none.`,
    columns: [
      { name: "radius, contrast" },
      { name: "measured at all", format: "whole-percent" },
      ...methods.map((name, mark) => ({ name, mark })),
    ],
    rows: labels.map((label) => {
      const at = test.measurements.filter((m) => m.label === label);
      return [
        label,
        mean(at.flatMap(scored).map((d) => d.measured)),
        ...methods.map((name) => cellOf(at.filter((m) => m.method === name).flatMap(scored))),
      ];
    }),
  };
}

export function shownAsRecovery(found: Found): Detail[] {
  const words = {
    what: "the detail that came back least with every method",
    input: "input with its detail",
  };
  return [recoveryTable(found), ...comparison(found, words), ...gallery(found)];
}
