// Relations that must hold: by how much each method breaks each.
import { percent, type Cell, type Detail } from "../../../report/index.ts";
import { mean } from "../../statistics.ts";
import { distinct, type Found } from "./found.ts";

export function shownAsRelations(found: Found): Detail[] {
  const { test, methods } = found;
  const scores = test.scores ?? [];
  const limit = Number(test.thresholds.maxShareOfOwnError);
  const cell = (method: string, label: string): Cell => {
    const own = scores.filter(
      (s) => s.method === method && s.label === label && s.leftOut === undefined,
    );
    if (own.length === 0) return null;
    const text = mean(own.map((s) => s.figures.shareOfOwnError));
    const soft = `(${percent(mean(own.map((s) => s.figures.relative)))})`;
    return text > limit ? { text, soft, strong: true } : { text, soft };
  };
  const means = found.images.length > 1 ? " Means over the images." : "";
  const absent = scores.some((s) => s.leftOut !== undefined)
    ? " A dash: the operator does not have the relation."
    : "";
  return [
    {
      kind: "table",
      id: test.id,
      title:
        "By how much each relation is broken: the change in units of the method's own error (in % of ‖x‖)",
      note: `0: what is done to the measurement is seen in the image, and nothing else. Bold: above the threshold.${means}${absent}`,
      columns: [
        { name: "relation" },
        ...methods.map((name, mark) => ({ name, mark, format: "ratio" as const })),
      ],
      rows: distinct(scores.map((s) => s.label)).map((label) => [
        label,
        ...methods.map((method) => cell(method, label)),
      ]),
    },
  ];
}
