// Quality against the measured share of k-space.
import { percent, type Cell, type Curve, type Detail } from "../../../report/index.ts";
import { differenceInterval95, intervalWords } from "../../intervals.ts";
import { mean } from "../../statistics.ts";
import { distinct, meanPoint, type Found } from "./found.ts";

export function shownAsRates(found: Found): Detail[] {
  const { test, methods, sampledFraction } = found;
  const rates = test.rates ?? [];
  const shares = distinct(rates.map((r) => r.rate)).sort((a, b) => a - b);
  const values = (method: string, rate: number): number[] =>
    rates.filter((r) => r.method === method && r.rate === rate).flatMap((r) => r.psnr);
  const shown = methods
    .map((name, mark) => ({ name, mark }))
    .filter(({ name }) => values(name, shares[0]).length > 0);
  // paired over images and families, as the verdict is
  const worse = (method: string, rate: number): boolean =>
    shares
      .filter(
        (fewer) => fewer < rate && values(method, fewer).length === values(method, rate).length,
      )
      .some((fewer) => {
        const more = values(method, rate);
        const { interval } = differenceInterval95(values(method, fewer), more);
        return interval !== undefined && interval.low > Number(test.thresholds.maxPsnrDropDb);
      });
  const pairs = Math.max(
    0,
    ...shown.map(({ name }) => values(name, shares[shares.length - 1]).length),
  );
  const cell = (method: string, rate: number): Cell => {
    const text = mean(values(method, rate));
    return worse(method, rate) ? { text, strong: true, soft: "▼" } : text;
  };
  return [
    {
      kind: "curves",
      id: test.id,
      title: "Quality against the measured share of k-space",
      label: `PSNR against the measured share of k-space for ${shown.map((s) => s.name).join(", ")}. The numbers are in the table below.`,
      note: `Means over ${found.images.length > 1 ? "images and " : ""}families of masks, with ${intervalWords(pairs)}.`,
      x: { name: "measured share of k-space, %", fromZero: true },
      y: { name: "PSNR, dB" },
      ...(Number.isFinite(sampledFraction)
        ? { lines: [{ x: 100 * sampledFraction, text: "this audit" }] }
        : {}),
      curves: shown.map(
        ({ name, mark }): Curve => ({
          name,
          mark,
          points: shares.map((rate) => meanPoint(100 * rate, values(name, rate))),
        }),
      ),
    },
    {
      kind: "table",
      id: `${test.id}-table`,
      note: "▼: less than with fewer measurements, by more than the threshold with its whole interval.",
      columns: [
        { name: "mean PSNR, dB" },
        ...shares.map((rate) => ({ name: percent(rate), format: "decibels" as const })),
      ],
      rows: shown.map(({ name, mark }) => [
        { text: name, mark },
        ...shares.map((rate) => cell(name, rate)),
      ]),
    },
  ];
}
