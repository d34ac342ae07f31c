// A training run as a report: its curves, its confusion matrix, its first kernels.
import { writePng } from "../../data/index.ts";
import { base64, present } from "../../engine/index.ts";
import {
  count,
  percent,
  reportPage,
  type Bars,
  type Curves,
  type Detail,
  type PictureGrid,
  type Section,
  type Table,
} from "../../report/index.ts";
import type { Evaluation } from "../train/evaluate.ts";
import type { Epoch } from "../train/fit.ts";
import type { Network } from "../nn/network.ts";
import { kernelSheet } from "./sheet.ts";

/** More classes than these make a matrix that nobody reads. */
const MAX_CLASSES = 30;
/** A sheet with more pixels than these is too large for a page. */
const MAX_PIXELS = 1e6;

type Value = (epoch: Epoch) => number | undefined;

/** Nothing where no epoch recorded it. */
function curvesOf(
  id: string,
  options: { title: string; axis: string; epochs: readonly Epoch[]; training: Value; test: Value },
): Curves[] {
  const { title, axis, epochs, training, test } = options;
  const lines = [
    { name: "training", of: training },
    { name: "test", of: test },
  ];
  const curves = lines.map(({ name, of }, mark) => ({
    name,
    mark,
    points: epochs.flatMap((e) => {
      const y = of(e);
      return y === undefined ? [] : [{ x: e.epoch, y }];
    }),
  }));
  const shown = curves.filter((c) => c.points.length > 0);
  if (shown.length === 0) return [];
  return [
    {
      kind: "curves",
      id,
      title,
      label: `${title} by epoch`,
      x: { name: "epoch", whole: true },
      y: { name: axis },
      curves: shown,
    },
  ];
}

const total = (row: readonly number[]): number =>
  Math.max(
    1,
    row.reduce((a, b) => a + b, 0),
  );

function confusionTable(
  confusion: readonly (readonly number[])[],
  classes: readonly string[],
  epoch: number,
): Table {
  return {
    kind: "table",
    id: "confusion",
    note: `Rows: what the pictures are; columns: what they are taken for. After epoch ${epoch}.`,
    columns: [
      { name: "" },
      ...classes.map((name) => ({ name, format: "whole" as const })),
      { name: "right", format: "percent" },
    ],
    rows: confusion.map((row, i) => [
      classes[i],
      ...row.map((n, j) => {
        const share = n / total(row);
        return { text: n === 0 ? "" : n, shade: i === j ? share : -Math.min(1, 4 * share) };
      }),
      row[i] / total(row),
    ]),
  };
}
function recallBars(confusion: readonly (readonly number[])[], classes: readonly string[]): Bars {
  return {
    kind: "bars",
    id: "recognised",
    title: "How many of each class are recognised",
    axis: "recognised test pictures, %",
    label: `share of each class that is recognised: ${classes.join(", ")}. The numbers are in the table.`,
    groups: confusion.map((row, i) => ({
      name: classes[i],
      bars: [{ name: "test", mark: 1, value: (100 * row[i]) / total(row) }],
    })),
  };
}

/** The kernels of the first convolution; nothing where there is none, or the sheet is too large. */
function kernelPictures(network: Network): { grid: PictureGrid; data: string }[] {
  const first = [...network.parameters].find(([, p]) => p.shape.length === 4)?.[0];
  if (first === undefined) return [];
  const { shape, values } = kernelSheet(network, first);
  if (values.length >= MAX_PIXELS) return [];
  const grid: PictureGrid = {
    kind: "pictures",
    id: "kernels",
    note: `${first}, each on its own scale from black to white.`,
    shape,
    columns: [{ text: "" }],
    rows: [{ label: { text: "" }, cells: [{ picture: "kernels", label: "learned kernels" }] }],
  };
  return [{ grid, data: base64(writePng(values, shape, 1)) }];
}

const confusionSection = (
  confusion: NonNullable<Evaluation["confusion"]>,
  classes: readonly string[],
  after: number,
): Section => ({
  id: "confusion",
  title: "Confusion",
  details: [confusionTable(confusion, classes, after), recallBars(confusion, classes)],
});

/** One HTML file. Throws nothing: what a run did not record is left out. */
export function renderTrainingReport(run: {
  title: string;
  network: Network;
  epochs: readonly Epoch[];
  /** Of the network on the test pictures; the last epoch's unless given. */
  result?: Evaluation;
  classes: readonly string[];
  command: string;
}): string {
  const { title, network, epochs, classes, command } = run;
  const { accuracy, confusion } = run.result ?? epochs.at(-1)?.validation ?? {};
  const after = Number(network.provenance.bestEpoch ?? epochs.at(-1)?.epoch ?? 0);
  const training: Detail[] = [
    ...curvesOf("loss", {
      title: "Loss",
      axis: "loss",
      epochs,
      training: (e) => e.trainLoss,
      test: (e) => e.validation?.loss,
    }),
    ...curvesOf("accuracy", {
      title: "Accuracy",
      axis: "recognised, %",
      epochs,
      training: (e) => e.trainAccuracy && 100 * e.trainAccuracy,
      test: (e) => e.validation?.accuracy && 100 * e.validation.accuracy,
    }),
  ];
  const kernels = kernelPictures(network);
  const { classes: _, ...provenance } = network.provenance;
  const recognised =
    accuracy === undefined
      ? undefined
      : `${percent(accuracy, 1)} of the test pictures are recognised after ${count(after, "epoch")}.`;
  const confused = confusion && classes.length <= MAX_CLASSES ? confusion : undefined;
  return reportPage({
    name: title,
    title,
    ...present({ subtitle: recognised }),
    sections: [
      { id: "training", title: "Training", details: training },
      ...(confused ? [confusionSection(confused, classes, after)] : []),
      ...kernels.map(({ grid }) => ({ id: "kernels", title: "Learned kernels", details: [grid] })),
      {
        id: "how",
        title: "How it was made",
        details: [
          { kind: "text", id: "command", paragraphs: [], code: command },
          { kind: "facts", id: "provenance", facts: provenance },
        ],
      },
    ],
    pictures: Object.fromEntries(kernels.map(({ data }) => ["kernels", data])),
  });
}
