// A report as one page that needs no network, no script and no other file.
import type { JSX } from "preact";
import type { Detail, Report, Section } from "../kinds.ts";
import { slug } from "../legible.ts";
import { style } from "../style.ts";
import { DetailView } from "./Kinds.tsx";
import { Store } from "./PictureGridView.tsx";
import { picturesOf, type Pictures } from "./stored.ts";
import { Chip } from "./Words.tsx";

/** Nothing is fetched, and nothing runs, whatever a picture or a name holds. */
const policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";

/** Neighbours that are folded under the same summary, together. */
function foldedTogether(details: readonly Detail[]): Detail[][] {
  const groups: Detail[][] = [];
  for (const detail of details) {
    const last = groups.at(-1);
    if (last && detail.fold !== undefined && last[0].fold === detail.fold) last.push(detail);
    else groups.push([detail]);
  }
  return groups;
}

function SectionView({ section, pictures }: { section: Section; pictures: Pictures }): JSX.Element {
  return (
    <section id={slug(section.id)}>
      <h2>
        {section.outcome && <Chip outcome={section.outcome} />} {section.title}
      </h2>
      {foldedTogether(section.details).map((group) => {
        const views = group.map((detail) => <DetailView detail={detail} pictures={pictures} />);
        return group[0].fold === undefined ? (
          views
        ) : (
          <details>
            <summary>{group[0].fold}</summary>
            {views}
          </details>
        );
      })}
    </section>
  );
}

export function Page({ report }: { report: Report }): JSX.Element {
  const pictures = picturesOf(report);
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content={policy} />
        <meta name="viewport" content="width=device-width,initial-scale=1" />
        <title>{report.name}</title>
        {/* a constant of style.ts, which may not be escaped */}
        <style dangerouslySetInnerHTML={{ __html: style }} />
      </head>
      <body>
        <Store stored={pictures.stored} />
        <main>
          <h1>{report.title}</h1>
          {report.subtitle && <p class="soft">{report.subtitle}</p>}
          {report.sections.map((section) => (
            <SectionView section={section} pictures={pictures} />
          ))}
        </main>
      </body>
    </html>
  );
}
