// The plot of a test: relative error against the perturbation's norm, every method, with its noise control.
import type { TestRecord } from "../schema.ts";

/** Okabe–Ito colours: told apart by the colour-blind. */
const colours = ["#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];
export const colourOf = (index: number): string => colours[index % colours.length];

interface Point { readonly x: number; readonly y: number }
export const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/** 0, step, 2 step, … with a step of 1, 2 or 5 times a power of ten, up to just above `top`. */
function ticks(top: number): number[] {
  const steps = [1, 2, 5].flatMap((m) => Array.from({ length: 8 }, (_, k) => m * 10 ** (k - 5))).sort((a, b) => a - b);
  const step = steps.find((s) => top / s <= 6) ?? top;
  return Array.from({ length: Math.ceil(top / step - 1e-9) + 1 }, (_, i) => Number((i * step).toPrecision(6)));
}
/** Text that may stand in HTML. */
export const escapeHtml = (text: string): string => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

/** An SVG as text. Both axes in %: ‖r‖ over the budget's reference, and √NMSE; means over the images, whose single values are the small dots. */
export function errorPlot(test: TestRecord, methods: readonly string[]): string {
  const [width, height, left, right, top, bottom] = [720, 340, 62, 150, 16, 52];
  const percent = (nmse: number): number => 100 * Math.sqrt(nmse);
  const series = methods.map((method) => {
    const own = test.measurements.filter((m) => m.method === method);
    const labels = [...new Set(own.map((m) => m.label))];
    const curve = (value: (m: (typeof own)[number]) => number): Point[] => labels.map((label) => {
      const at = own.filter((m) => m.label === label);
      return { x: 100 * mean(at.map((m) => m.relativeNorm)), y: mean(at.map((m) => percent(value(m)))) };
    });
    const images = [...new Set(own.map((m) => m.image))];
    const origin = { x: 0, y: mean(images.map((i) => percent(own.find((m) => m.image === i)!.nmse.before))) };
    return { method, worst: [origin, ...curve((m) => m.nmse.after)], noise: [origin, ...curve((m) => m.noise.nmse)], dots: own.map((m) => ({ x: 100 * m.relativeNorm, y: percent(m.nmse.after) })) };
  }).filter((s) => s.dots.length > 0);
  if (series.length === 0) return "";
  const all = series.flatMap((s) => [...s.worst, ...s.noise, ...s.dots]);
  const [xTicks, yTicks] = [ticks(Math.max(...all.map((p) => p.x))), ticks(Math.max(...all.map((p) => p.y)))];
  const x = (v: number): string => (left + (v / xTicks.at(-1)!) * (width - left - right)).toFixed(1);
  const yOf = (v: number): number => height - bottom - (v / yTicks.at(-1)!) * (height - top - bottom);
  const y = (v: number): string => yOf(v).toFixed(1);
  const path = (points: readonly Point[]): string => points.map((p, i) => `${i ? "L" : "M"}${x(p.x)} ${y(p.y)}`).join("");
  const colour = (method: string): string => colourOf(methods.indexOf(method));
  // labels at the curves' ends, pushed apart where they would overlap
  const ends = series.map((s) => ({ method: s.method, at: s.worst.at(-1)!, y: yOf(s.worst.at(-1)!.y) })).sort((a, b) => a.y - b.y);
  ends.forEach((e, i) => { if (i > 0) e.y = Math.max(e.y, ends[i - 1].y + 16); });
  const last = x(xTicks.at(-1)!);
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="Relative error against perturbation norm for ${escapeHtml(methods.join(", "))}, worst case solid, random noise of the same norm dashed">
<g font-family="inherit" font-size="12" fill="#444">
${yTicks.map((t) => `<line x1="${left}" x2="${last}" y1="${y(t)}" y2="${y(t)}" stroke="#ddd"/><text x="${left - 8}" y="${yOf(t) + 4}" text-anchor="end">${t}</text>`).join("")}
${xTicks.map((t) => `<text x="${x(t)}" y="${height - bottom + 18}" text-anchor="middle">${t}</text>`).join("")}
<text x="${(Number(last) + left) / 2}" y="${height - 10}" text-anchor="middle">perturbation, % of ${test.domain === "image" ? "‖x‖" : "‖y‖"}</text>
<text transform="translate(16 ${(height - bottom + top) / 2}) rotate(-90)" text-anchor="middle">error of the image, √NMSE in %</text>
</g>
${series.map((s) => `<g fill="none" stroke="${colour(s.method)}" stroke-width="2"><path d="${path(s.noise)}" stroke-dasharray="5 4" opacity=".75"/><path d="${path(s.worst)}"/>${s.worst.slice(1).map((p) => `<circle cx="${x(p.x)}" cy="${y(p.y)}" r="4" fill="${colour(s.method)}"/>`).join("")}${s.dots.map((p) => `<circle cx="${x(p.x)}" cy="${y(p.y)}" r="1.6" fill="${colour(s.method)}" stroke="none" opacity=".7"/>`).join("")}</g>`).join("\n")}
<g font-family="inherit" font-size="13" font-weight="600">${ends.map((e) => `<text x="${Number(x(e.at.x)) + 10}" y="${(e.y + 4).toFixed(1)}" fill="${colour(e.method)}">${escapeHtml(e.method)}</text>`).join("")}</g>
</svg>`;
}
