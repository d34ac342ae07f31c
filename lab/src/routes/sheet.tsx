// /sheet: questions and exercises to print, their answers on a page of their own.
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { Controls, Slider } from "../parts/controls.tsx";
import { Grid } from "../parts/Grid.tsx";
import { Part, Row, Shown } from "../parts/words.tsx";
import { sections } from "../sections/index.ts";
import { useSetting, whole } from "../settings.ts";
import { useEngine } from "../worker/client.ts";
import type { Exercise, Square } from "../worker/calls/sheet.ts";
import type { Route } from "./route.ts";

const sheet = whole("sheet", 1, 1, 1000);
const titleOf = (id: string): string => sections.find((s) => s.id === id)?.title ?? "";

function Squares({ all, of }: { all: readonly Square[]; of: string }): JSX.Element | null {
  if (all.length === 0) return null;
  return (
    <Row>
      {all.map(({ name, rows, columns, values }) => (
        <div class="part" key={name}>
          <p class="note">{name}</p>
          <Grid
            label={`${name} of ${of}`}
            values={values}
            rows={rows}
            columns={columns}
            cell={38}
          />
        </div>
      ))}
    </Row>
  );
}
function Questions(): JSX.Element {
  return (
    <Part title="Predict first">
      <ol class="tasks">
        {sections.map(({ id, question }) => (
          <li key={id}>
            {question.asks}
            <ul class="choices">
              {question.options.map((option) => (
                <li key={option}>☐ {option}</li>
              ))}
            </ul>
          </li>
        ))}
      </ol>
    </Part>
  );
}
function Exercises({ all }: { all: readonly Exercise[] }): JSX.Element {
  return (
    <Part title="Exercises">
      <ol class="tasks">
        {all.map(({ section, text, given }, i) => (
          <li key={text}>
            {text} <span class="note">({titleOf(section)})</span>
            <Squares all={given} of={`exercise ${i + 1}`} />
          </li>
        ))}
      </ol>
    </Part>
  );
}
function Answers({ all }: { all: readonly Exercise[] }): JSX.Element {
  return (
    <div class="answers">
      <Part title="Answers to the questions">
        <ol class="tasks">
          {sections.map(({ id, question }) => (
            <li key={id}>
              <strong>{question.options[question.right]}.</strong> {question.because}
            </li>
          ))}
        </ol>
      </Part>
      <Part title="Answers to the exercises, computed by the engine">
        <ol class="tasks">
          {all.map(({ text, answer, solution }, i) => (
            <li key={text}>
              {answer}
              <Squares all={solution} of={`answer ${i + 1}`} />
            </li>
          ))}
        </ol>
      </Part>
    </div>
  );
}

function Sheet(): JSX.Element {
  const [seed, setSeed] = useSetting(sheet);
  const answer = useEngine("exerciseSheet", { seed });
  useEffect(() => {
    document.title = "Teachers' sheet · Fiducial lab";
  }, []);
  return (
    <main class="sheet">
      <h1 tabIndex={-1}>Teachers' sheet {seed}</h1>
      <p class="sentence">
        Ten questions and {answer.value?.length ?? "some"} exercises; the answers are on a page of
        their own.
      </p>
      <Controls>
        <Slider
          label="Sheet: other numbers"
          value={seed}
          from={1}
          to={1000}
          onChange={(v) => setSeed(Math.round(v))}
        />
        <button type="button" onClick={() => print()}>
          Print
        </button>
      </Controls>
      <Questions />
      <Shown answer={answer}>
        {(all) => (
          <>
            <Exercises all={all} />
            <Answers all={all} />
          </>
        )}
      </Shown>
    </main>
  );
}

export const route: Route = { id: "sheet", title: "Teachers' sheet", order: 9, View: Sheet };
