// Metrics by the order of the scores.
import { ConfigError, exp, log } from "../../../engine/index.ts";
import type { Metric, MetricRun } from "./metric.ts";
import type { Scored } from "./scored.ts";

/** Share of rows whose class is among the k with the largest logits; of equal ones, the first. */
export function topK(k: number): Metric {
  if (!(Number.isInteger(k) && k >= 1))
    throw new ConfigError(`topK: k ${k} must be a whole number from 1 up`, { k });
  const open = (): MetricRun => {
    let [right, rows] = [0, 0];
    return {
      add(batch) {
        for (let row = 0; row < batch.rows; row++) {
          if (!batch.counts(row)) continue;
          rows++;
          if (placeOf(batch, row) < k) right++;
        }
      },
      value: () => right / rows,
    };
  };
  return { name: `top${k}`, kinds: ["classes"], open };
}
/** How many classes come before the wanted one. */
function placeOf(batch: Scored, row: number): number {
  const wanted = batch.wanted(row);
  const own = batch.score(row, wanted);
  let place = 0;
  for (let c = 0; c < batch.classes; c++) {
    const score = batch.score(row, c);
    if (score > own || (score === own && c < wanted)) place++;
  }
  return place;
}

/**
 * Area under the receiver operating characteristic: how likely a row that is of a class has a
 * larger score than one that is not, half for equal ones. Of two classes it is the second's; of
 * more, and of several labels, the mean over those that are wanted of some rows and not of others
 * (scikit-learn's roc_auc_score, one against the rest). Scores are a row's softmax, or logits.
 */
export function areaUnderCurve(): Metric {
  const open = (): MetricRun => {
    let lists: { score: number; wanted: boolean }[][] = [];
    return {
      add(batch) {
        if (lists.length === 0) lists = Array.from({ length: batch.classes }, () => []);
        for (let row = 0; row < batch.rows; row++) {
          if (!batch.counts(row)) continue;
          const scores = scoresOf(batch, row);
          for (let c = 0; c < batch.classes; c++)
            lists[c].push({ score: scores[c], wanted: batch.isWanted(row, c) });
        }
      },
      value() {
        const asked = lists.length === 2 && isOneOfTwo(lists) ? [lists[1]] : lists;
        const areas = asked.map(areaOf).filter((area) => area !== undefined);
        return areas.reduce((a, b) => a + b, 0) / areas.length;
      },
    };
  };
  return { name: "areaUnderCurve", kinds: ["classes", "labels"], open };
}
const isOneOfTwo = ([a, b]: readonly { wanted: boolean }[][]): boolean =>
  a.every(({ wanted }, i) => wanted !== b[i].wanted);

/** Labels' logits; a class's log odds against the others, which are in the softmax's order. */
function scoresOf(batch: Scored, row: number): number[] {
  const logits = Array.from({ length: batch.classes }, (_, c) => batch.score(row, c));
  if (batch.kind === "labels") return logits;
  return logits.map((own, c) => {
    const others = logits.filter((_, i) => i !== c);
    const top = others.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
    return own - top - log(others.reduce((sum, z) => sum + exp(z - top), 0));
  });
}
/** By the sum of ranks (Mann–Whitney); undefined where all rows are, or none is, of the class. */
function areaOf(list: readonly { score: number; wanted: boolean }[]): number | undefined {
  const sorted = [...list].sort((a, b) => a.score - b.score);
  const wanted = sorted.filter((row) => row.wanted).length;
  const others = sorted.length - wanted;
  if (wanted === 0 || others === 0) return undefined;
  let ranks = 0;
  for (let from = 0; from < sorted.length; ) {
    let to = from;
    while (to < sorted.length && sorted[to].score === sorted[from].score) to++;
    // equal ones share the mean of their ranks, from 1
    const rank = (from + 1 + to) / 2;
    for (let i = from; i < to; i++) if (sorted[i].wanted) ranks += rank;
    from = to;
  }
  return (ranks - (wanted * (wanted + 1)) / 2) / (wanted * others);
}
