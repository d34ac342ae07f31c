// One component for every kind of detail, and nothing about what it belongs to.
import type { JSX } from "preact";
import {
  render,
  type Detail,
  type Facts,
  type Renderers,
  type Text,
  type Verdicts,
} from "../kinds.ts";
import { BarChart } from "./BarChart.tsx";
import { PictureGridView } from "./PictureGridView.tsx";
import type { Pictures } from "./stored.ts";
import { Plot } from "./Plot.tsx";
import { TableView } from "./TableView.tsx";
import { Chip, Mark, Scroll, Titled } from "./Words.tsx";

function VerdictLines({ verdicts }: { verdicts: Verdicts }): JSX.Element {
  return (
    <dl class="verdicts">
      {verdicts.lines.map((line) => (
        <div>
          <dt>
            <Chip outcome={line.outcome} /> <Mark mark={line.mark} />
            {line.name}
          </dt>
          <dd>
            {line.explanation}
            {line.figure && <span class="soft"> ({line.figure})</span>}
          </dd>
        </div>
      ))}
    </dl>
  );
}
function FactList({ facts }: { facts: Facts }): JSX.Element {
  return (
    <>
      {facts.title && (
        <p class="facts-title">
          {facts.mark !== undefined && <Mark mark={facts.mark} />}
          {facts.title}
        </p>
      )}
      <dl class="facts">
        {Object.entries(facts.facts).map(([name, value]) => (
          <div>
            <dt>{name}</dt>
            <dd>{Array.isArray(value) ? value.join(", ") : String(value)}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}
function Paragraphs({ text }: { text: Text }): JSX.Element {
  return (
    <>
      {text.paragraphs.map((paragraph) => (
        <p>{paragraph}</p>
      ))}
      {text.code !== undefined && (
        <pre>
          <code>{text.code}</code>
        </pre>
      )}
    </>
  );
}

const views: Renderers<Pictures, JSX.Element> = {
  table: (table) => (
    <Titled {...table}>
      <TableView table={table} />
    </Titled>
  ),
  curves: (curves) => (
    <Titled {...curves}>
      <Scroll label={curves.title ?? "plot"}>
        <div class="plot">
          <Plot curves={curves} />
        </div>
      </Scroll>
    </Titled>
  ),
  pictures: (grid, pictures) => (
    <Titled {...grid}>
      <PictureGridView grid={grid} pictures={pictures} />
    </Titled>
  ),
  bars: (bars) => (
    <Titled {...bars}>
      <Scroll label={bars.title ?? "bars"}>
        <div class="plot">
          <BarChart bars={bars} />
        </div>
      </Scroll>
    </Titled>
  ),
  verdicts: (verdicts) => (
    <Titled {...verdicts}>
      <VerdictLines verdicts={verdicts} />
    </Titled>
  ),
  facts: (facts) => (
    <Titled note={facts.note}>
      <FactList facts={facts} />
    </Titled>
  ),
  text: (text) => (
    <Titled {...text}>
      <Paragraphs text={text} />
    </Titled>
  ),
};

export function DetailView({
  detail,
  pictures,
}: {
  detail: Detail;
  pictures: Pictures;
}): JSX.Element {
  return render(views, detail, pictures);
}
