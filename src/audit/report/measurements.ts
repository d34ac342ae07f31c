// Every measurement: a table for people, and a file for other programs.
import { csvOf, type Cell, type Column, type Table } from "../../report/index.ts";
import type { AuditResult, Measurement, TestRecord } from "../schema.ts";

const shown: readonly (readonly [Column, (m: Measurement) => Cell])[] = [
  [{ name: "image", format: "whole" }, (m) => m.image + 1],
  [{ name: "stop" }, stopOf],
  [{ name: "‖r‖ relative", format: "percent" }, (m) => m.relativeNorm],
  [{ name: "output change", format: "norm" }, (m) => m.outputChange],
  [{ name: "PSNR before", format: "decibels" }, (m) => m.psnr.before],
  [{ name: "after", format: "decibels" }, (m) => m.psnr.after],
  [{ name: "with noise", format: "decibels" }, (m) => m.noise.psnr],
  [{ name: "SSIM before", format: "share" }, (m) => m.ssim.before],
  [{ name: "after", format: "share" }, (m) => m.ssim.after],
];
function stopOf(m: Measurement): Cell {
  const text = [m.series, m.label].filter(Boolean).join(": ");
  return m.iteration === undefined ? text : { text, soft: `step ${m.iteration}` };
}

/** Behind the name of a method that was searched without gradients. */
const weakly = ({ search }: Measurement): { soft?: string } =>
  search?.queries === undefined ? {} : { soft: `no gradients, ${search.queries} queries` };

/** Nothing for a test without measurements. */
export function measurementTable(test: TestRecord, methods: readonly string[]): Table[] {
  if (test.measurements.length === 0) return [];
  return [
    {
      kind: "table",
      id: `${test.id}-measurements`,
      fold: "Every measurement",
      note: "measurements.csv has more figures of each.",
      columns: [{ name: "method" }, ...shown.map(([column]) => column)],
      rows: test.measurements.map((m) => [
        { text: m.method, mark: methods.indexOf(m.method), ...weakly(m) },
        ...shown.map(([, of]) => of(m)),
      ]),
    },
  ];
}

const columns: readonly (readonly [string, (m: Measurement) => string | number | undefined])[] = [
  ["method", (m) => m.method],
  ["image", (m) => m.image + 1],
  ["series", (m) => m.series],
  ["label", (m) => m.label],
  ["relative_norm", (m) => m.relativeNorm],
  ["norm", (m) => m.norm],
  ["output_change", (m) => m.outputChange],
  ["amplification", (m) => m.amplification],
  ["noise_mean_output_change", (m) => m.noise.meanOutputChange],
  ["noise_max_output_change", (m) => m.noise.maxOutputChange],
  ["psnr_before", (m) => m.psnr.before],
  ["psnr_after", (m) => m.psnr.after],
  ["psnr_noise", (m) => m.noise.psnr],
  ["ssim_before", (m) => m.ssim.before],
  ["ssim_after", (m) => m.ssim.after],
  ["nmse_before", (m) => m.nmse.before],
  ["nmse_after", (m) => m.nmse.after],
  ["probability", (m) => m.likelihood?.probability],
  ["probability_low", (m) => m.likelihood?.low],
  ["probability_high", (m) => m.likelihood?.high],
  ["queries_without_gradients", (m) => m.search?.queries],
];
/** RFC 4180, with a head of column names; a number that is not finite is an empty cell. */
export function renderCsv(result: AuditResult): string {
  const rows = result.tests.flatMap((test) =>
    test.measurements.map((m) => [test.id, ...columns.map(([, of]) => of(m))]),
  );
  return csvOf([["test", ...columns.map(([name]) => name)], ...rows]);
}
