// What was judged by, one line each; docs/verdicts.md has the definitions, formulas and reasons.
import type { Table } from "../../report/index.ts";
import type { TestRecord } from "../schema.ts";

const reasons: Readonly<Record<string, string>> = {
  harmDb:
    "dB lost that are harm where a classical method keeps more at its own worst case: at 3 dB the error's energy doubles",
  ruinDb:
    "dB lost beyond noise that is measured as much, harm in any case: at 6 dB the error's size doubles",
  judgedBudget:
    "size that is judged, as a share of the measurement or the image: the middle one of those searched",
  marginDb:
    "dB that a learned method may be below the best classical one: more, and there is no reason to use it",
  maxPsnrDropDb: "dB that more measurements may cost: they should cost nothing",
  judgedSeverity: "of mild, moderate and severe: what happens in practice without being noticed",
  maxPsnrLossDb:
    "dB that a fault may cost: at 3 dB the error's energy doubles, and the image counts as ruined",
  maxShare: "of acquisitions that a moderate fault may ruin",
  maxProbability: "of a bad reconstruction, per acquisition",
  maxShown: "share of a detail that may appear for a faint trace of it",
  leastShareOfMeasured:
    "of what is measured of a detail, that must come back: below half it is closer to absent than to present",
  leastRecovery:
    "share of a detail's contrast that must come back: below half it is closer to absent than to present",
  judgedRadius: "pixels, of the details that are judged",
  judgedContrast: "of the details that are judged, as a share of the image's maximum",
};

/** Folded, beside the settings and the source. */
export function thresholdTable({ id, thresholds }: TestRecord, fold: string): Table[] {
  const rows = Object.entries(thresholds).map(([name, value]) => [
    name,
    typeof value === "number" ? { text: value } : String(value),
    Object.hasOwn(reasons, name) ? reasons[name] : null,
  ]);
  if (rows.length === 0) return [];
  return [
    {
      kind: "table",
      id: `${id}-thresholds`,
      fold,
      title: "Thresholds",
      note: "Definitions, formulas and reasons: docs/verdicts.md.",
      columns: [
        { name: "threshold" },
        { name: "value", format: "figure" },
        { name: "what it says, and why" },
      ],
      rows,
    },
  ];
}
