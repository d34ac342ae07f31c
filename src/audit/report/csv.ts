// Every measurement as a row of comma-separated values, for other tools.
import type { AuditResult, Measurement } from "../schema.ts";

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
];
const cell = (value: string | number | undefined): string => {
  const text = value === undefined ? "" : String(value);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};
/** RFC 4180, with a head of column names. */
export function renderCsv(result: AuditResult): string {
  const rows = result.tests.flatMap((test) =>
    test.measurements.map((m) => [test.id, ...columns.map(([, of]) => of(m))]),
  );
  return [["test", ...columns.map(([name]) => name)], ...rows].map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}
