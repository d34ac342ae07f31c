// Section 13: a tumour is placed, measured, reconstructed; it comes back, in part, or not at all.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { Command } from "../parts/Command.tsx";
import { Choice, Controls, Slider } from "../parts/controls.tsx";
import { NumberTable } from "../parts/NumberTable.tsx";
import { fixed, percent, short } from "../parts/numbers.ts";
import { Picture } from "../parts/Picture.tsx";
import { Placed } from "../parts/Placed.tsx";
import { Part, Row, Shown } from "../parts/words.tsx";
import { oneOf, useSetting, whole } from "../settings.ts";
import { useEngine } from "../worker/client.ts";
import type { Placed as Answer, TumourAsked } from "../worker/calls/tumour.ts";
import { commandLine, useExperiment, type Experiment } from "./experiment.ts";
import { ExperimentControls } from "./experiment-controls.tsx";
import type { Section } from "./section.ts";
import { Placements } from "./tumour-placements.tsx";

/** As the command line's audit has them. */
const radii = ["1.5", "2.5", "4", "6"] as const;
const contrasts = ["0.05", "0.1", "0.2", "0.4"] as const;
const shapes = ["disc", "annulus", "arrow", "letter E", "diamond", "heart"] as const;
const settings = {
  shape: oneOf("shape", shapes, "disc"),
  radius: oneOf("radius", radii, "2.5"),
  contrast: oneOf("contrast", contrasts, "0.2"),
  row: whole("row", -1, 0, 127),
  column: whole("column", -1, 0, 127),
};

function useTumour(experiment: Experiment) {
  const { asked: problem, network } = experiment;
  const [shape, setShape] = useSetting(settings.shape);
  const [radius, setRadius] = useSetting(settings.radius);
  const [contrast, setContrast] = useSetting(settings.contrast);
  const [givenRow, setRow] = useSetting(settings.row);
  const [givenColumn, setColumn] = useSetting(settings.column);
  const inside = (v: number, otherwise: number): number =>
    v < 0 ? Math.round(otherwise * problem.size) : Math.min(v, problem.size - 1);
  const asked: TumourAsked = {
    ...{ problem, network, shape, radius: Number(radius), contrast: Number(contrast) },
    ...{ row: inside(givenRow, 0.6), column: inside(givenColumn, 0.36) },
  };
  const place = (row: number, column: number): void => {
    setRow(row);
    setColumn(column);
  };
  return { asked, radius, contrast, setShape, setRadius, setContrast, place };
}
type State = ReturnType<typeof useTumour>;

function Turned({ state }: { state: State }): JSX.Element {
  const { asked, place } = state;
  const last = asked.problem.size - 1;
  return (
    <Controls>
      <Choice
        label="Shape"
        value={asked.shape}
        options={shapes.map((s) => [s, s])}
        onChange={state.setShape}
      />
      <Choice
        label="Radius, pixels"
        value={state.radius}
        options={radii.map((r) => [r, r])}
        onChange={state.setRadius}
      />
      <Choice
        label="Contrast, share of the maximum"
        value={state.contrast}
        options={contrasts.map((c) => [c, percent(Number(c), 0)])}
        onChange={state.setContrast}
      />
      <Slider
        label="Row"
        value={asked.row + 1}
        from={1}
        to={last + 1}
        onChange={(v) => place(Math.round(v) - 1, asked.column)}
      />
      <Slider
        label="Column"
        value={asked.column + 1}
        from={1}
        to={last + 1}
        onChange={(v) => place(asked.row, Math.round(v) - 1)}
      />
    </Controls>
  );
}

function Pictures({ state, answer }: { state: State; answer: Answer }): JSX.Element {
  const { asked, place } = state;
  const { size } = asked.problem;
  const { truth, tumour, white, shown, tissue } = answer;
  const top = Math.max(asked.contrast * white, 1e-6);
  const common = { rows: size, columns: size };
  return (
    <Row>
      <Part
        title="With the tumour, as it is"
        note={`Tap where it is to be, or use the arrows.${tissue < 1 ? " Some of it lies outside the tissue." : ""}`}
      >
        <Placed
          name="the true image with the tumour"
          values={truth}
          span={[0, white]}
          side={280}
          {...common}
          {...{ row: asked.row, column: asked.column, radius: asked.radius, onPlace: place }}
        />
        <Picture
          name={`the tumour alone, ±${short(top)}`}
          values={tumour}
          scale="signed"
          span={[-top, top]}
          side={140}
          {...common}
        />
      </Part>
      {shown.map((s) => (
        <Part key={s.method} title={s.name}>
          <div class="stack pair">
            <Picture
              name={`${fixed(s.scores.psnr, 2)} dB, SSIM ${fixed(s.scores.ssim, 3)}`}
              values={s.x}
              span={[0, white]}
              side={190}
              {...common}
            />
            <Picture
              name={`what comes back: ${percent(s.recovered, 0)}`}
              values={s.back}
              scale="signed"
              span={[-top, top]}
              side={190}
              {...common}
            />
          </div>
        </Part>
      ))}
    </Row>
  );
}

function Numbers({ answer }: { answer: Answer }): JSX.Element {
  return (
    <NumberTable
      caption={`This tumour; ${percent(answer.measured, 0)} of it is measured at all`}
      head={["method", "comes back", "PSNR, dB", "PSNR were it lost", "SSIM", "SSIM were it lost"]}
      rows={answer.shown.map((s) => [
        s.name,
        percent(s.recovered, 0),
        fixed(s.scores.psnr, 2),
        fixed(s.lost.psnr, 2),
        fixed(s.scores.ssim, 3),
        fixed(s.lost.ssim, 3),
      ])}
    />
  );
}

function Tumour(): JSX.Element {
  const [opened, setOpened] = useState(0);
  const experiment = useExperiment(opened);
  const state = useTumour(experiment);
  const { asked } = state;
  const answer = useEngine("placeTumour", asked);
  const swept = {
    ...{
      problem: asked.problem,
      network: asked.network,
      radius: asked.radius,
      contrast: asked.contrast,
    },
    placements: 20,
  };
  const more = [
    "--tests details",
    "--count 1",
    "--placements 20",
    "--methods total-variation,zero-filled",
  ];
  return (
    <>
      <ExperimentControls
        experiment={experiment}
        onOpened={() => setOpened(opened + 1)}
        withNetwork
      />
      <Turned state={state} />
      <Shown answer={answer}>
        {(placed) => (
          <>
            <Pictures state={state} answer={placed} />
            <Numbers answer={placed} />
          </>
        )}
      </Shown>
      <Placements asked={swept} />
      <Command line={commandLine("audit", asked.problem, more)}>
        <p class="note">
          It tries every radius and contrast; yours is the row {asked.radius} px, contrast{" "}
          {asked.contrast}. The one that you placed by hand has no command.
        </p>
      </Command>
    </>
  );
}

export const tumour: Section = {
  id: "tumour",
  title: "Tumour",
  sentence:
    "A small structure can be lost while the image’s score stays as it was: so ask of the structure, and at many places.",
  question: {
    asks: "A tumour of a few pixels vanishes from the image altogether. By how much does the PSNR of the whole image fall?",
    options: ["by half", "by a few decibels", "by a fraction of a decibel"],
    right: 2,
    because:
      "It is some dozens of pixels among thousands, and a score over all of them hardly sees it. Compare the columns “PSNR” and “PSNR were it lost”: that is why the region has a figure of its own.",
  },
  View: Tumour,
};
