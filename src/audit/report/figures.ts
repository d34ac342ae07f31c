// Every picture of a result as a file of its own: PNGs as they are, plots as SVG.
import type { AuditResult } from "../schema.ts";
import { convergencePlot, errorPlot, ratePlot, stabilityPlot } from "./plot.ts";

export interface Figure {
  readonly name: string;
  readonly content: Uint8Array | string;
}

const plain = (id: string): string =>
  id
    .replaceAll("x̂", "xhat")
    .replaceAll("₁", "1")
    .replaceAll("₂", "2")
    .replaceAll("₃", "3")
    .replace(/[^A-Za-z0-9.%+-]+/g, "-")
    .replaceAll("%", "percent")
    .replace(/^-|-$/g, "");
/** An SVG that stands alone needs its namespace. */
const alone = (svg: string): string => svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ');

/** Names and contents; names are unique, and hold nothing but letters, digits and . + -. */
export function renderFigures(result: AuditResult): Figure[] {
  const methods = result.methods.map((m) => m.name);
  const plots = [
    { name: "accuracy-stability.svg", content: stabilityPlot(result) },
    ...result.tests.flatMap((t) => [
      {
        name: `${t.id}.svg`,
        content: t.rates
          ? ratePlot(t, methods, Number(result.problem.operator.sampledFraction))
          : t.measurements.some((m) => m.series)
            ? ""
            : errorPlot(t, methods),
      },
      ...[...new Set(t.measurements.flatMap((m) => m.series ?? []))].map((series) => ({
        name: `${t.id}-${plain(series)}.svg`,
        content: errorPlot({ ...t, measurements: t.measurements.filter((m) => m.series === series) }, methods),
      })),
      {
        name: `${t.id}-convergence.svg`,
        content: t.measurements.some((m) => m.search?.curve) ? convergencePlot(t, methods) : "",
      },
    ]),
  ]
    .filter((p) => p.content !== "")
    .map((p) => ({ ...p, content: alone(p.content) }));
  const used = new Map<string, number>();
  const pictures = Object.entries(result.pictures).map(([id, data]): Figure => {
    const base = plain(id);
    const before = used.get(base) ?? 0;
    used.set(base, before + 1);
    return {
      name: `${base}${before > 0 ? `-${before + 1}` : ""}.png`,
      content: Uint8Array.from(atob(data), (c) => c.charCodeAt(0)),
    };
  });
  return [...plots, ...pictures];
}
