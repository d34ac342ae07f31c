// Every picture of a report as a file of its own: PNGs as they are, plots as SVG, and beside each
// the numbers behind it.
import { detailCsv } from "./csv.ts";
import { barsSvg, plotSvg } from "./html.tsx";
import { render, type Detail, type Renderers, type Report } from "./kinds.ts";
import { legibleReport, slug, uniqueNames } from "./legible.ts";

export interface FigureFile {
  readonly name: string;
  readonly content: Uint8Array | string;
}

const drawings: Renderers<null, string> = {
  table: () => "",
  curves: plotSvg,
  pictures: () => "",
  bars: barsSvg,
  verdicts: () => "",
  facts: () => "",
  text: () => "",
};

/** The bytes of a picture; nothing where it is no PNG in base64. */
function bytesOf(data: string): Uint8Array | undefined {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(data) || data.length % 4 !== 0) return undefined;
  return Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
}

/** Names hold nothing but letters, digits and . + -, and are unique whatever the case. */
export function reportFigures(report: Report): FigureFile[] {
  const unique = uniqueNames();
  const { sections, pictures = {} } = legibleReport(report);
  const drawn = (detail: Detail): FigureFile[] => {
    const svg = render(drawings, detail, null);
    if (svg === "") return [];
    const name = unique(slug(detail.id));
    return [
      { name: `${name}.svg`, content: svg },
      { name: `${name}.csv`, content: detailCsv(detail) },
    ];
  };
  const plots = sections.flatMap((section) => section.details.flatMap(drawn));
  const images = Object.entries(pictures).flatMap(([id, data]): FigureFile[] => {
    const content = bytesOf(data);
    return content ? [{ name: `${unique(slug(id))}.png`, content }] : [];
  });
  return [...plots, ...images];
}
