// A batch as metrics see it: what was wanted of every row and what the network said, whatever form
// targets have.
import { sizeOf, type Shape } from "../../../engine/index.ts";
import type { Loss } from "../losses/loss.ts";

export interface Scored {
  /** One class of several is right; each label is there or not; or neither, but numbers. */
  readonly kind: "classes" | "labels" | "numbers";
  /** Samples, or every pixel of every sample. */
  readonly rows: number;
  /** Classes, or labels. */
  readonly classes: number;
  /** Whether a row counts; false for a class that the loss ignores. */
  counts(row: number): boolean;
  /** A row's logit of a class. */
  score(row: number, c: number): number;
  /** Whether it is the row's class (of shares the largest), or a label that is there. */
  isWanted(row: number, c: number): boolean;
  /** Whether the network says so: by the largest logit, or by one above 0. */
  isFound(row: number, c: number): boolean;
  /** The class that is wanted, and that with the largest logit, of a row of classes. */
  wanted(row: number): number;
  found(row: number): number;
  /** As they are: [samples, …]. */
  readonly outputs: ArrayLike<number>;
  readonly targets: ArrayLike<number>;
  readonly samples: number;
}

type At = (row: number, c: number) => number;
/** The index of the largest of n values. */
function largest(at: (c: number) => number, n: number): number {
  let best = 0;
  for (let c = 1; c < n; c++) if (at(c) > at(best)) best = c;
  return best;
}

/** Outputs [samples, classes, …places] beside their targets. */
export function scored(
  loss: Pick<Loss, "classes" | "labels" | "ignored">,
  outputs: ArrayLike<number>,
  targets: ArrayLike<number>,
  shape: Shape,
): Scored {
  const [samples, classes = 1, ...rest] = shape;
  const places = sizeOf(rest);
  const rows = samples * places;
  const numbered = loss.classes === true && targets.length === rows && classes > 1;
  const place: At = (row, c) => (Math.floor(row / places) * classes + c) * places + (row % places);
  const score: At = (row, c) => outputs[place(row, c)];
  const wanted = (row: number): number =>
    numbered ? targets[row] : largest((c) => targets[place(row, c)], classes);
  const found = (row: number): number => largest((c) => score(row, c), classes);
  const { labels = false, ignored } = loss;
  return {
    kind: loss.classes ? "classes" : labels ? "labels" : "numbers",
    rows,
    classes,
    counts: (row) => ignored === undefined || wanted(row) !== ignored,
    score,
    isWanted: labels ? (row, c) => targets[place(row, c)] >= 0.5 : (row, c) => wanted(row) === c,
    isFound: labels ? (row, c) => score(row, c) > 0 : (row, c) => found(row) === c,
    wanted,
    found,
    outputs,
    targets,
    samples,
  };
}

/** How many rows count, and how many of them are right: of labels, every one counts by itself. */
export function agreement(batch: Scored): { right: number; of: number } {
  let [right, of] = [0, 0];
  for (let row = 0; row < batch.rows; row++) {
    if (!batch.counts(row)) continue;
    if (batch.kind === "classes") {
      of++;
      if (batch.wanted(row) === batch.found(row)) right++;
      continue;
    }
    of += batch.classes;
    for (let c = 0; c < batch.classes; c++)
      if (batch.isWanted(row, c) === batch.isFound(row, c)) right++;
  }
  return { right, of };
}
