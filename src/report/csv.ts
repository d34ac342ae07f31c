// The numbers behind a detail as comma-separated values (RFC 4180), for other programs.
import { labelOf, render, type Cell, type Detail, type Point, type Renderers } from "./kinds.ts";
import { legible } from "./legible.ts";

type Value = string | number | null | undefined;
type Rows = readonly (readonly Value[])[];

/**
 * A cell that a spreadsheet shows and does not compute: text that begins like a formula gets an
 * apostrophe before it; numbers stay numbers.
 */
export function csvCell(value: Value): string {
  if (typeof value === "number") return Number.isFinite(value) ? String(value) : "";
  const given = value ?? "";
  const number = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(given);
  const formula = !number && (/^\s*[=+\-@＝＋－＠]/.test(given) || /^[\t\r]/.test(given));
  const text = `${formula ? "'" : ""}${legible(given)}`;
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
export const csvOf = (rows: Rows): string =>
  rows.map((row) => `${row.map(csvCell).join(",")}\r\n`).join("");

const cellValue = (cell: Cell): Value => {
  const { text, outcome, soft } = labelOf(cell);
  if (typeof text === "number" && soft === undefined) return text;
  return [outcome, text, soft]
    .filter((part) => part !== undefined && part !== null && part !== "")
    .join(" ");
};
const pointValues = (p: Point): Value[] => [p.x, p.y, p.low, p.high, p.xLow, p.xHigh];

const renderers: Renderers<null, Rows> = {
  table: (t) => [t.columns.map((c) => c.name), ...t.rows.map((row) => row.map(cellValue))],
  curves: (c) => [
    ["curve", "line", c.x.name, c.y.name, "low", "high", "x low", "x high"],
    ...c.curves.flatMap((curve) => [
      ...curve.points.map((p) => [curve.name, "solid", ...pointValues(p)]),
      ...(curve.dashed ?? []).map((p) => [curve.name, "dashed", ...pointValues(p)]),
      ...(curve.dots ?? []).map((p) => [curve.name, "single value", ...pointValues(p)]),
    ]),
  ],
  pictures: () => [],
  bars: (b) => [
    ["group", "bar", b.axis, "low", "high"],
    ...b.groups.flatMap((g) =>
      g.bars.map((bar) => [g.name, bar.name, bar.value, bar.low, bar.high]),
    ),
  ],
  verdicts: (v) => [
    ["name", "outcome", "explanation"],
    ...v.lines.map((line) => [line.name, line.outcome, line.explanation]),
  ],
  facts: (f) => [
    ["name", "value"],
    ...Object.entries(f.facts).map(([name, value]) => [name, String(value)]),
  ],
  text: () => [],
};
/** Empty for what has no numbers. */
export const detailCsv = (detail: Detail): string => csvOf(render(renderers, detail, null));
