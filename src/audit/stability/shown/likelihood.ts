// How likely a bad reconstruction is.
import { probability, type Detail, type Table } from "../../../report/index.ts";
import type { Found } from "./found.ts";
import { comparison, gallery } from "./pictures.ts";

function probabilityTable({ test, methods }: Found): Table {
  return {
    kind: "table",
    id: `${test.id}-probabilities`,
    title: "Probability of it, per acquisition",
    columns: [
      { name: "method" },
      { name: "image" },
      { name: "probability" },
      { name: "95 % interval" },
      { name: "one in" },
      { name: "reconstructions" },
    ],
    rows: test.measurements.flatMap((m) => {
      if (!m.likelihood) return [];
      const { probability: p, low, high, evaluations, bound } = m.likelihood;
      return [
        [
          { text: m.method, mark: methods.indexOf(m.method) },
          String(m.image + 1),
          `${bound ? "below " : ""}${probability(p)}`,
          `${probability(low)} to ${probability(high)}`,
          p > 0 ? String(Number((1 / p).toPrecision(2))) : null,
          String(evaluations),
        ],
      ];
    }),
  };
}

export function shownAsLikelihood(found: Found): Detail[] {
  const words = {
    what: "every method under the worst acquisition drawn",
    input: "input with its disturbance",
  };
  return [probabilityTable(found), ...comparison(found, words), ...gallery(found)];
}
