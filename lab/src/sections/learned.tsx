// Section 3: the kernels that a network finds by itself, beside those made by hand.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { Controls, Slider } from "../parts/controls.tsx";
import { Curves } from "../parts/Curves.tsx";
import { Grid } from "../parts/Grid.tsx";
import { NumberTable } from "../parts/NumberTable.tsx";
import { percent, short } from "../parts/numbers.ts";
import { Part, Row, Shown } from "../parts/words.tsx";
import { useSetting, whole } from "../settings.ts";
import { useEngine } from "../worker/client.ts";
import type { LearnedKernels } from "../worker/calls/learned.ts";
import type { Section } from "./section.ts";

const [COUNT, SIZE] = [8, 5];
const settings = { seed: whole("seed", 1, 1, 100), step: whole("step", 160, 0, 160) };
const madeNames: Readonly<Record<string, string>> = {
  verticalEdge: "vertical edges",
  horizontalEdge: "horizontal edges",
  sobelVertical: "Sobel, vertical",
  sobelHorizontal: "Sobel, horizontal",
};
const planesOf = (all: Float32Array): Float32Array[] =>
  Array.from({ length: COUNT }, (_, k) => all.subarray(k * SIZE * SIZE, (k + 1) * SIZE * SIZE));

function KernelRow({
  title,
  planes,
  note,
}: {
  title: string;
  planes: readonly Float32Array[];
  note: string;
}): JSX.Element {
  return (
    <Part title={title} note={note}>
      <div class="planes">
        {planes.map((values, k) => (
          <Grid
            key={k}
            label={`${title}, kernel ${k + 1}`}
            values={values}
            rows={SIZE}
            columns={SIZE}
            cell={18}
          />
        ))}
      </div>
    </Part>
  );
}

function Figure({
  learned,
  step,
  setStep,
}: {
  learned: LearnedKernels;
  step: number;
  setStep: (v: number) => void;
}): JSX.Element {
  const { snapshots, made, classes } = learned;
  const index = snapshots.reduce(
    (best, s, i) => (Math.abs(s.step - step) < Math.abs(snapshots[best].step - step) ? i : best),
    0,
  );
  const now = snapshots[index];
  const range = (values: Float32Array): string =>
    `${short(Math.min(...values), 2)} to ${short(Math.max(...values), 2)}`;
  return (
    <>
      <Controls>
        <Slider
          label="Training step"
          value={now.step}
          from={0}
          to={snapshots.at(-1)!.step}
          step={4}
          onChange={(v) => setStep(Math.round(v))}
        />
      </Controls>
      <KernelRow
        title="At random, before training"
        planes={planesOf(snapshots[0].kernels)}
        note={`It tells ${percent(snapshots[0].accuracy, 0)} of new edges right.`}
      />
      <KernelRow
        title={`After ${now.step} steps`}
        planes={planesOf(now.kernels)}
        note={`It tells ${percent(now.accuracy, 0)} of new edges right: ${classes.join(", ")}.`}
      />
      <Part title="Made by hand" note="Nobody showed these to the network.">
        <div class="planes">
          {made.map(({ name, data }) => (
            <figure key={name} class="picture">
              <Grid label={madeNames[name]} values={data} rows={3} columns={3} cell={30} />
              <figcaption>{madeNames[name]}</figcaption>
            </figure>
          ))}
        </div>
      </Part>
      <Row>
        <Part title="Edges told right, of 200 that are not trained on">
          <Curves
            label={`Share of edges told right against the training step, from ${percent(snapshots[0].accuracy)} to ${percent(snapshots.at(-1)!.accuracy)}`}
            x="training step"
            y="right, %"
            ySpan={[0, 100]}
            lines={[
              {
                name: "new edges",
                mark: 1,
                points: snapshots.map((s) => [s.step, 100 * s.accuracy] as const),
              },
            ]}
            dot={[now.step, 100 * now.accuracy]}
          />
        </Part>
        <NumberTable
          caption={`The kernels' weights, at first and after ${now.step} steps`}
          head={["", "at first", `step ${now.step}`]}
          rows={[
            ...planesOf(now.kernels).map((values, k) => [
              `kernel ${k + 1}`,
              range(planesOf(snapshots[0].kernels)[k]),
              range(values),
            ]),
            ["cost", short(snapshots[0].loss), short(now.loss)],
          ]}
        />
      </Row>
    </>
  );
}

function Learned(): JSX.Element {
  const [seed, setSeed] = useSetting(settings.seed);
  const [step, setStep] = useSetting(settings.step);
  const [asked, ask] = useState(seed);
  const answer = useEngine("learnKernels", { seed: asked });
  const shuffle = (): void => {
    const next = (seed % 100) + 1;
    setSeed(next);
    ask(next);
  };
  return (
    <>
      <p class="buttons">
        <button type="button" onClick={shuffle}>
          Shuffle: other random weights (seed {seed})
        </button>
        <span role="status">{answer.busy && answer.value ? "Training anew…" : ""}</span>
      </p>
      <Shown answer={answer}>
        {(learned) => <Figure learned={learned} step={step} setStep={setStep} />}
      </Shown>
    </>
  );
}

export const learned: Section = {
  id: "learned",
  title: "Learned kernels",
  sentence:
    "Nobody has to make kernels by hand: from labelled pictures, training turns random ones into those that the task needs.",
  question: {
    asks: "Eight kernels begin at random, and learn only to name the direction of an edge. What will they look like in the end?",
    options: ["still random", "like edge detectors", "all alike"],
    right: 1,
    because:
      "What helps to tell directions apart is a bright side and a dark side, so that is what the gradient makes of them.",
  },
  View: Learned,
};
