// Figures in the place of verdicts: a table, and pictures of the largest change.
import {
  count,
  percent,
  type Detail,
  type PictureGrid,
  type Table,
} from "../../../report/index.ts";
import { windowsOf } from "../../scales.ts";
import type { Score } from "../../schema.ts";
import { averageOf, figureNames } from "../reference-free.ts";
import { distinct, undisturbed, type Found } from "./found.ts";
import { scaleBar } from "./pictures.ts";

type Name = keyof typeof figureNames;
const names = Object.keys(figureNames) as Name[];

function figureTable({ test, methods, images }: Found): Table {
  const scores = (test.scores ?? []).filter((s) => s.leftOut === undefined);
  const rows = distinct(scores.map((s) => s.label)).flatMap((label) => {
    const at = scores.filter((s) => s.label === label);
    return names
      .filter((name) => at.some((s) => s.figures[name] !== undefined))
      .map((name) => {
        const { name: words, format } = figureNames[name];
        const cells = methods.map((method) => {
          const own = at.filter((s) => s.method === method);
          const has = own.some((s) => s.figures[name] !== undefined);
          return !has ? null : { text: averageOf(own, name), format };
        });
        return [label, words, ...cells];
      });
  });
  const means = images.length > 1 ? " Means over the measurements." : "";
  return {
    kind: "table",
    id: `${test.id}-figures`,
    title: "What is known without a true image",
    note: `Nothing is judged here.${means}`,
    columns: [{ name: "" }, { name: "figure" }, ...methods.map((name, mark) => ({ name, mark }))],
    rows,
  };
}

type Pictured = Score & { readonly pictures: NonNullable<Score["pictures"]> };
const isPictured = (score: Score): score is Pictured => score.pictures !== undefined;

/** Of every measurement: each method undisturbed, disturbed, and what changed. */
function changeGrids(found: Found): PictureGrid[] {
  const { test, images, methods, shape } = found;
  return images.flatMap((image, i): PictureGrid[] => {
    const shown = (test.scores ?? []).filter(isPictured).filter((s) => s.image === i);
    if (shown.length === 0) return [];
    const cells = (
      picture: (s: Pictured) => string,
      words: string,
    ): PictureGrid["rows"][number]["cells"] =>
      shown.map((s) => ({ picture: picture(s), label: `${s.method}, ${words}` }));
    return [
      {
        kind: "pictures",
        id: `${test.id}-${i}-changes`,
        title: `${image.label}: the largest change found for each method, ${shown[0].label}`,
        ...(i === 0
          ? {}
          : { fold: `The same of ${count(images.length - 1, "other measurement")}` }),
        shape,
        small: true,
        columns: shown.map((s) => ({
          text: s.method,
          mark: methods.indexOf(s.method),
          soft: percent(s.figures.change),
        })),
        rows: [
          {
            label: { text: "before" },
            cells: cells((s) => undisturbed(found, i, s.method), "undisturbed"),
          },
          { label: { text: "after" }, cells: cells((s) => s.pictures.reconstruction, "perturbed") },
          { label: { text: "change" }, cells: cells((s) => s.pictures.change, "what changed") },
        ],
        windows: windowsOf(found.scales[i], "change"),
        scaleBar: scaleBar(shape),
      },
    ];
  });
}

export const shownWithoutTruth = (found: Found): Detail[] => [
  figureTable(found),
  ...changeGrids(found),
];
