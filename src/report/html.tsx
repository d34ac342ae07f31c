// A report as a page, and its plots as pictures of their own.
import { renderToString } from "preact-render-to-string";
import { BarChart } from "./components/BarChart.tsx";
import { Page } from "./components/Page.tsx";
import { Plot } from "./components/Plot.tsx";
import type { Bars, Curves, Report } from "./kinds.ts";
import { legibleReport } from "./legible.ts";

/** One HTML file: every text in it is escaped, and its policy forbids scripts and the network. */
export const reportPage = (report: Report): string =>
  `<!doctype html>${renderToString(<Page report={legibleReport(report)} />)}\n`;

/** An SVG that stands alone needs its namespace. */
const alone = (svg: string): string =>
  svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ');
/** SVGs that stand alone; empty where there is nothing to draw. */
export const plotSvg = (curves: Curves): string => alone(renderToString(<Plot curves={curves} />));
export const barsSvg = (bars: Bars): string => alone(renderToString(<BarChart bars={bars} />));
