// Several kinds of fault, each at several severities: a series of measurements for every kind.
import { decibels, fixed, type Bars, type Detail, type Table } from "../../../report/index.ts";
import type { Measurement } from "../../schema.ts";
import { mean } from "../../statistics.ts";
import { harmCurves } from "./curves.ts";
import { distinct, loss, lossToNoise, noiseWords, spreadOf, type Found } from "./found.ts";
import { gallery } from "./pictures.ts";

const seriesOf = ({ test }: Found): string[] =>
  distinct(test.measurements.flatMap((m) => m.series ?? []));
const inSeries = ({ test }: Found, name: string): Measurement[] =>
  test.measurements.filter((m) => m.series === name);

/** What each kind costs at the judged severity. */
function costBars(found: Found): Bars[] {
  const groups = seriesOf(found).map((name) => {
    // the judged severity; results before 1.3 say no more of it than that it is pictured
    const judged = inSeries(found, name).filter((m) => m.losses ?? m.pictures);
    const bars = found.methods.flatMap((method, mark) => {
      const own = judged.filter((m) => m.method === method);
      if (own.length === 0) return [];
      const { mean: value, interval } = spreadOf(own.flatMap((m) => m.losses ?? loss(m)));
      return [{ name: method, mark, value, ...interval }];
    });
    return { name: `${name}, ${judged[0]?.label ?? ""}`, bars };
  });
  const shown = groups.filter((g) => g.bars.length > 0);
  if (shown.length === 0) return [];
  const limit = found.test.thresholds.maxPsnrLossDb;
  return [
    {
      kind: "bars",
      id: found.test.id,
      title: "What each costs at the judged severity",
      axis: `PSNR lost in dB, mean over the draws${found.images.length > 1 ? " and images" : ""}`,
      label: `PSNR lost to ${shown.map((g) => g.name).join("; ")}. The numbers are in the table below.`,
      ...(typeof limit === "number"
        ? { threshold: { value: limit, text: `threshold ${decibels(limit, 0)}` } }
        : {}),
      groups: shown,
    },
  ];
}

function costTable(found: Found): Table {
  const overImages = found.images.length > 1 ? ", mean over the images" : "";
  const [first] = found.test.measurements;
  const noise = first ? noiseWords(first) : "random noise";
  const rows = seriesOf(found).flatMap((name) =>
    distinct(inSeries(found, name).map((m) => m.label)).map((label) => [
      name,
      label,
      ...found.methods.map((method) => {
        const own = inSeries(found, name).filter((m) => m.label === label && m.method === method);
        return own.length === 0
          ? null
          : { text: mean(own.map(loss)), soft: `(${fixed(mean(own.map(lossToNoise)), 2)})` };
      }),
    ]),
  );
  return {
    kind: "table",
    id: `${found.test.id}-costs`,
    fold: "What each costs, in numbers",
    note: `PSNR lost in dB${overImages}, and in brackets to ${noise}.`,
    columns: [
      { name: "fault" },
      { name: "severity" },
      ...found.methods.map((name, mark) => ({ name, mark, format: "decibels" as const })),
    ],
    rows,
  };
}

export function shownAsSeries(found: Found): Detail[] {
  const curves = seriesOf(found).flatMap((name) =>
    harmCurves(found, {
      id: `${found.test.id}-${name}`,
      title: name,
      worst: "the fault",
      measurements: inSeries(found, name),
      fold: "Harm against the size of each",
    }),
  );
  return [...costBars(found), costTable(found), ...curves, ...gallery(found)];
}
