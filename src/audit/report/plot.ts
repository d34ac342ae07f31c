// The report's plots, as SVG text: error against perturbation, quality against measured share,
// accuracy against stability, a search's progress.
import type { AuditResult, Measurement, TestRecord } from "../schema.ts";

/** Told apart by the colour-blind, and each with a contrast of at least 4.5 to 1 on white. */
const colours = ["#b84a00", "#0063a6", "#00734f", "#a13a7a", "#6b5b00", "#5b4bb0"];
export const colourOf = (index: number): string => colours[index % colours.length];
/** Outlines, so that a method is known without its colour; about the origin, of radius 4. */
const markers = [
  "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0",
  "M-4-4h8v8h-8z",
  "M0-5L5 4H-5z",
  "M0-5.5L5.5 0L0 5.5L-5.5 0z",
  "M-5-4H5L0 5z",
  "M-1.6-5h3.2v3.4h3.4v3.2h-3.4v3.4h-3.2v-3.4h-3.4v-3.2h3.4z",
];
export const markerOf = (index: number): string => markers[index % markers.length];

export const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
/** The mean and its 95 % interval by the normal approximation; none for fewer than two values. */
export function withInterval(values: readonly number[]): { y: number; low?: number; high?: number } {
  const y = mean(values);
  if (values.length < 2) return { y };
  const half = 1.959964 * Math.sqrt(values.reduce((s, v) => s + (v - y) ** 2, 0) / (values.length - 1) / values.length);
  return { y, low: y - half, high: y + half };
}

/** Multiples of 1, 2 or 5 times a power of ten that reach from `low` to `high`. */
function ticks(low: number, high: number): number[] {
  const steps = [1, 2, 5].flatMap((m) => Array.from({ length: 9 }, (_, k) => m * 10 ** (k - 6))).sort((a, b) => a - b);
  const step = steps.find((s) => (high - low) / s <= 6) ?? Math.max(1e-6, high - low);
  const [first, last] = [
    Math.floor(low / step + 1e-9),
    Math.max(Math.ceil(high / step - 1e-9), Math.floor(low / step + 1e-9) + 1),
  ];
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(8)));
}
/** Text that may stand in HTML. */
export const escapeHtml = (text: string): string => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

interface Point {
  readonly x: number;
  readonly y: number;
  readonly low?: number;
  readonly high?: number;
  readonly xLow?: number;
  readonly xHigh?: number;
}
interface Curve {
  readonly name: string;
  readonly index: number;
  readonly points: readonly Point[];
  readonly dashed?: readonly Point[];
  readonly dots?: readonly Point[];
  readonly scattered?: true;
}
interface Axes {
  readonly x: string;
  readonly y: string;
  readonly label: string;
  readonly fromZero: { readonly x: boolean; readonly y: boolean };
  readonly mark?: { readonly x: number; readonly text: string };
}

/**
 * A chart with a grid, the curves with intervals where they have them, and every curve's name at
 * its end.
 */
function chart(curves: readonly Curve[], axes: Axes): string {
  const [width, height, left, right, top, bottom] = [720, 340, 62, 170, 16, 52];
  const all = curves
    .flatMap((c) => [...c.points, ...(c.dashed ?? []), ...(c.dots ?? [])])
    .filter((p) => Number.isFinite(p.x) && Number.isFinite(p.y));
  if (all.length === 0) return "";
  const xs = all.flatMap((p) => [p.x, p.xLow ?? p.x, p.xHigh ?? p.x]);
  const ys = all.flatMap((p) => [p.y, p.low ?? p.y, p.high ?? p.y]);
  const xTicks = ticks(axes.fromZero.x ? Math.min(0, ...xs) : Math.min(...xs), Math.max(...xs));
  const yTicks = ticks(axes.fromZero.y ? Math.min(0, ...ys) : Math.min(...ys), Math.max(...ys));
  const [x0, x1, y0, y1] = [xTicks[0], xTicks[xTicks.length - 1], yTicks[0], yTicks[yTicks.length - 1]];
  const xOf = (v: number): number => left + ((v - x0) / (x1 - x0)) * (width - left - right);
  const yOf = (v: number): number => height - bottom - ((v - y0) / (y1 - y0)) * (height - top - bottom);
  const at = (v: number): string => v.toFixed(1);
  const drawn = (points: readonly Point[]): Point[] =>
    points.filter((p) => Number.isFinite(p.x) && Number.isFinite(p.y));
  const path = (points: readonly Point[]): string =>
    drawn(points)
      .map((p, i) => `${i ? "L" : "M"}${at(xOf(p.x))} ${at(yOf(p.y))}`)
      .join("");
  const interval = (p: Point): string =>
    `${p.low === undefined || p.high === undefined ? "" : `M${at(xOf(p.x))} ${at(yOf(p.low))}V${at(yOf(p.high))}m-4 0h8M${at(xOf(p.x) - 4)} ${at(yOf(p.low))}h8`}${p.xLow === undefined || p.xHigh === undefined ? "" : `M${at(xOf(p.xLow))} ${at(yOf(p.y))}H${at(xOf(p.xHigh))}`}`;
  const last = at(xOf(x1));
  // names at the curves' ends, pushed apart where they would overlap
  const ends = curves
    .flatMap((c) => {
      const end = drawn(c.points).at(-1);
      return end ? [{ ...c, x: c.scattered ? xOf(end.x) : xOf(x1), y: yOf(end.y) }] : [];
    })
    .sort((a, b) => a.y - b.y);
  ends.forEach((e, i) => {
    if (i > 0 && !(e.scattered && Math.abs(e.x - ends[i - 1].x) > 130)) e.y = Math.max(e.y, ends[i - 1].y + 16);
  });
  const marker = (index: number, x: number, y: number): string =>
    `<path d="${markerOf(index)}" transform="translate(${at(x)} ${at(y)})" fill="${colourOf(index)}"/>`;
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(axes.label)}">
<g font-family="system-ui, sans-serif" font-size="12" fill="#444">
${yTicks.map((t) => `<line x1="${left}" x2="${last}" y1="${at(yOf(t))}" y2="${at(yOf(t))}" stroke="#ddd"/><text x="${left - 8}" y="${at(yOf(t) + 4)}" text-anchor="end">${t}</text>`).join("")}
${xTicks.map((t) => `<text x="${at(xOf(t))}" y="${height - bottom + 18}" text-anchor="middle">${t}</text>`).join("")}
${axes.mark ? `<line x1="${at(xOf(axes.mark.x))}" x2="${at(xOf(axes.mark.x))}" y1="${top}" y2="${height - bottom}" stroke="#666" stroke-dasharray="2 3"/><text x="${at(xOf(axes.mark.x) + 5)}" y="${top + 10}">${escapeHtml(axes.mark.text)}</text>` : ""}
<text x="${at((Number(last) + left) / 2)}" y="${height - 10}" text-anchor="middle">${escapeHtml(axes.x)}</text>
<text transform="translate(16 ${at((height - bottom + top) / 2)}) rotate(-90)" text-anchor="middle">${escapeHtml(axes.y)}</text>
</g>
${curves
  .map(
    (c) =>
      `<g fill="none" stroke="${colourOf(c.index)}" stroke-width="2">${c.dashed ? `<path d="${path(c.dashed)}" stroke-dasharray="5 4" opacity=".75"/>` : ""}${c.scattered ? "" : `<path d="${path(c.points)}"/>`}<path d="${drawn(c.points).map(interval).join("")}" stroke-width="1.2"/><g stroke="none">${drawn(
        c.dots ?? [],
      )
        .map(
          (p) => `<circle cx="${at(xOf(p.x))}" cy="${at(yOf(p.y))}" r="1.6" fill="${colourOf(c.index)}" opacity=".7"/>`,
        )
        .join("")}${drawn(c.points)
        .map((p) => marker(c.index, xOf(p.x), yOf(p.y)))
        .join("")}</g></g>`,
  )
  .join("\n")}
<g font-family="system-ui, sans-serif" font-size="13" fill="#1c1e21">${ends.map((e) => `${e.scattered ? "" : marker(e.index, e.x + 14, e.y)}<text x="${at(e.x + (e.scattered ? 10 : 24))}" y="${at(e.y + (e.scattered ? -7 : 4))}">${escapeHtml(e.name)}</text>`).join("")}</g>
</svg>`;
}

/**
 * Both axes in %: ‖r‖ over the budget's reference, and √NMSE; means over the images with their
 * intervals, whose single values are the small dots.
 */
export function errorPlot(test: TestRecord, methods: readonly string[]): string {
  const percent = (nmse: number): number => 100 * Math.sqrt(nmse);
  const curves = methods.flatMap((name, index): Curve[] => {
    const own = test.measurements.filter((m) => m.method === name);
    if (own.length === 0) return [];
    const labels = [...new Set(own.map((m) => m.label))];
    const points = (value: (m: Measurement) => number): Point[] =>
      labels.map((label) => {
        const at = own.filter((m) => m.label === label);
        return { x: 100 * mean(at.map((m) => m.relativeNorm)), ...withInterval(at.map((m) => percent(value(m)))) };
      });
    const images = [...new Set(own.map((m) => m.image))];
    const origin = { x: 0, y: mean(images.map((i) => percent(own.find((m) => m.image === i)!.nmse.before))) };
    return [
      {
        name,
        index,
        points: [origin, ...points((m) => m.nmse.after)],
        dashed: [origin, ...points((m) => m.noise.nmse)],
        dots: own.map((m) => ({ x: 100 * m.relativeNorm, y: percent(m.nmse.after) })),
      },
    ];
  });
  return chart(curves, {
    x: `perturbation, % of ${test.domain === "image" ? "‖x‖" : "‖y‖"}`,
    y: "error of the image, √NMSE in %",
    fromZero: { x: true, y: true },
    label: `Relative error against perturbation norm for ${methods.join(", ")}; worst case solid, random noise of the same norm dashed. The numbers are in the table of every measurement.`,
  });
}

/** Mean PSNR with its interval against the share of k-space that is measured. */
export function ratePlot(test: TestRecord, methods: readonly string[], trained: number): string {
  const rates = test.rates ?? [];
  const shares = [...new Set(rates.map((r) => r.rate))].sort((a, b) => a - b);
  const curves = methods.flatMap((name, index): Curve[] => {
    const own = rates.filter((r) => r.method === name);
    return own.length === 0
      ? []
      : [
          {
            name,
            index,
            points: shares.map((rate) => ({
              x: 100 * rate,
              ...withInterval(own.filter((r) => r.rate === rate).flatMap((r) => r.psnr)),
            })),
          },
        ];
  });
  return chart(curves, {
    x: "measured share of k-space, %",
    y: "PSNR, dB",
    fromZero: { x: true, y: false },
    mark: { x: 100 * trained, text: "this audit" },
    label: `PSNR against the measured share of k-space for ${methods.join(", ")}. The numbers are in the table below.`,
  });
}

/**
 * Accuracy (up) against what the worst perturbation of the judged budget costs (right), with
 * intervals over the images; nothing without such a test.
 */
export function stabilityPlot(result: AuditResult): string {
  const test = result.tests.find((t) => t.id === "worst-case-perturbation");
  if (!test) return "";
  const budget = Number(test.thresholds.judgedBudget);
  const curves = result.methods.flatMap(({ name }, index): Curve[] => {
    const own = test.measurements.filter((m) => m.method === name && m.relativeBudget === budget);
    if (own.length === 0) return [];
    const [loss, clean] = [
      withInterval(own.map((m) => m.psnr.before - m.psnr.after)),
      withInterval(own.map((m) => m.psnr.before)),
    ];
    return [
      {
        name,
        index,
        scattered: true,
        points: [
          {
            x: loss.y,
            ...clean,
            ...(loss.low === undefined || loss.high === undefined ? {} : { xLow: loss.low, xHigh: loss.high }),
          },
        ],
      },
    ];
  });
  return chart(curves, {
    x: `dB lost to the worst perturbation of ${100 * budget} % (left is stabler)`,
    y: "PSNR without it, dB (up is more accurate)",
    fromZero: { x: true, y: false },
    label: "Accuracy against stability, a point for every method. The numbers are in the tables.",
  });
}

/**
 * The largest change found so far against the steps of the search, relative to the last, mean over
 * the images, at the judged budget.
 */
export function convergencePlot(test: TestRecord, methods: readonly string[]): string {
  const judged = test.thresholds.judgedBudget;
  const curves = methods.flatMap((name, index): Curve[] => {
    const own = test.measurements.filter(
      (m) => m.method === name && m.search?.curve && (judged === undefined || m.relativeBudget === judged),
    );
    const length = Math.min(...own.map((m) => m.search!.curve!.length));
    return own.length === 0
      ? []
      : [
          {
            name,
            index,
            points: Array.from({ length }, (_, k) => ({
              x: k,
              y: mean(
                own.map((m) => {
                  const c = m.search!.curve!;
                  return (100 * c[k]) / (c[c.length - 1] || 1);
                }),
              ),
            })),
          },
        ];
  });
  return chart(curves, {
    x: "step of the best start",
    y: "change found, % of the last",
    fromZero: { x: true, y: false },
    label: "How the searches converged",
  });
}
