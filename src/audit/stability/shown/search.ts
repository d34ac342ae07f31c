// What a search found: how the error grows, how the search went, and every method at its worst.
import type { Detail } from "../../../report/index.ts";
import { composed } from "./composed.ts";
import { accuracyAgainstStability, convergence, harmCurves } from "./curves.ts";
import type { Found } from "./found.ts";
import { comparison, gallery } from "./pictures.ts";
import { transferTable } from "./transfers.ts";

/** What is shown of a test that does not say otherwise. */
export function shownAsSearch(found: Found): Detail[] {
  const { test } = found;
  // before 1.3 no change was pictured; and the audited method may have none
  const changed = test.transfers && test.measurements.some((m) => m.pictures?.change);
  const whole = changed ? composed(found) : [];
  const words = {
    what: "every method under its own worst perturbation",
    input: "input with its perturbation",
  };
  const figures = whole.length > 0 ? whole : comparison(found, words);
  return [
    ...figures,
    ...harmCurves(found, {
      id: test.id,
      title: "Harm against size",
      worst: "the worst perturbation found",
    }),
    ...convergence(found),
    ...transferTable(found),
    ...gallery(found),
  ];
}
/** A search whose judged budget says how stable a method is. */
export const shownAsWorstCase = (found: Found): Detail[] => [
  ...accuracyAgainstStability(found),
  ...shownAsSearch(found),
];
