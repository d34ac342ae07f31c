// Section 10: a network learns, live, and says what it sees in a drawing.
import type { JSX } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { change } from "../address.ts";
import { Choice, Controls, Slider } from "../parts/controls.tsx";
import { Curves, type Point } from "../parts/Curves.tsx";
import { Grid } from "../parts/Grid.tsx";
import { NumberTable } from "../parts/NumberTable.tsx";
import { percent, short } from "../parts/numbers.ts";
import { Picture } from "../parts/Picture.tsx";
import { Part, Row, Shown } from "../parts/words.tsx";
import { oneOf, real, useSetting, whole } from "../settings.ts";
import { useEngine } from "../worker/client.ts";
import type { DataName, Prepared, TrainAsked } from "../worker/calls/train.ts";
import { GradientsOn, useBackend } from "./card.tsx";
import { Drawing } from "./drawing.tsx";
import type { Section } from "./section.ts";
import { smoothed, thinned, useTraining, type Run, type Training } from "./training.ts";

const settings = {
  data: oneOf("data", ["digits", "shapes", "edges"], "digits"),
  samples: whole("samples", 1500, 50, 4000),
  rate: real("rate", 0.005, 0.0001, 1),
  batch: whole("batch", 50, 1, 200),
  epochs: whole("epochs", 6, 1, 30),
  kernels: whole("kernels", 8, 2, 16),
  convolutions: oneOf("convolutions", ["1", "2"], "2"),
  seed: whole("seed", 1, 1, 100),
  step: whole("step", 0, 0, 100000),
};

function useTrain() {
  const [data, setData] = useSetting(settings.data);
  const [samples, setSamples] = useSetting(settings.samples);
  const [rate, setRate] = useSetting(settings.rate);
  const [batch, setBatch] = useSetting(settings.batch);
  const [epochs, setEpochs] = useSetting(settings.epochs);
  const [kernels, setKernels] = useSetting(settings.kernels);
  const [convolutions, setConvolutions] = useSetting(settings.convolutions);
  const [seed, setSeed] = useSetting(settings.seed);
  const asked: TrainAsked = {
    ...{ data, samples, rate, batch, epochs, kernels, seed },
    ...{ convolutions: convolutions === "2" ? 2 : 1, backend: useBackend() },
  };
  /** Another run has done no step yet. */
  const anew =
    <T,>(set: (value: T) => void) =>
    (value: T): void => {
      change({ step: undefined });
      set(value);
    };
  return {
    ...{ asked, setData: anew(setData), setSamples: anew(setSamples), setRate: anew(setRate) },
    ...{ setBatch: anew(setBatch), setEpochs: anew(setEpochs), setKernels: anew(setKernels) },
    ...{ setConvolutions: anew(setConvolutions), setSeed: anew(setSeed) },
  };
}
type State = ReturnType<typeof useTrain>;

function Turned({ state }: { state: State }): JSX.Element {
  const { asked } = state;
  const round = (set: (v: number) => void) => (v: number) => set(Math.round(v));
  return (
    <Controls>
      <Choice<DataName>
        label="Pictures"
        value={asked.data}
        options={[
          ["digits", "drawn digits (10 classes)"],
          ["shapes", "shapes (5 classes)"],
          ["edges", "edges (4 directions)"],
        ]}
        onChange={state.setData}
      />
      <Choice
        label="Network"
        value={String(asked.convolutions)}
        options={[
          ["1", "one convolution, pooling, nodes"],
          ["2", "two convolutions with pooling, nodes"],
        ]}
        onChange={(v) => state.setConvolutions(v === "1" ? "1" : "2")}
      />
      <Slider
        label="Kernels"
        value={asked.kernels}
        from={2}
        to={16}
        onChange={round(state.setKernels)}
      />
      <Slider
        label="Training pictures"
        value={asked.samples}
        from={50}
        to={4000}
        step={50}
        onChange={round(state.setSamples)}
      />
      <Slider
        label="Learning rate"
        value={asked.rate}
        from={0.0001}
        to={1}
        log
        onChange={state.setRate}
      />
      <Slider
        label="Batch"
        value={asked.batch}
        from={1}
        to={200}
        onChange={round(state.setBatch)}
      />
      <Slider
        label="Epochs"
        value={asked.epochs}
        from={1}
        to={30}
        onChange={round(state.setEpochs)}
      />
      <Slider label="Seed" value={asked.seed} from={1} to={100} onChange={round(state.setSeed)} />
    </Controls>
  );
}

const cardNote = "Another card rounds in another way, and may come to other weights.";
const stepsOf = ({ samples, batch, epochs }: TrainAsked): number =>
  epochs * Math.floor(samples / Math.min(batch, samples));

function Buttons({ training, asked }: { training: Training; asked: TrainAsked }): JSX.Element {
  const { run, start, steer, reset } = training;
  const steps = stepsOf(asked);
  const busy = run.phase === "running" || run.phase === "drawing";
  const told: Readonly<Record<Run["phase"], string>> = {
    idle: `Not trained yet: ${steps} steps of ${Math.min(asked.batch, asked.samples)} pictures.`,
    drawing: `Drawing the pictures: ${run.drawn} are there.`,
    running: `Step ${run.step} of ${steps}, ${Math.round(run.imagesPerSecond)} pictures a second.`,
    paused: `Paused at step ${run.step} of ${steps}.`,
    done: `Done: ${run.step} steps.`,
    failed: run.error ?? "",
  };
  const goOn = (until: number | null): void => {
    if (run.phase === "paused") steer(until);
    else start(until ?? undefined);
  };
  return (
    <div class="steps">
      <div class="buttons">
        {busy ? (
          <button type="button" onClick={() => steer(0)}>
            ❚❚ Pause
          </button>
        ) : (
          <button type="button" onClick={() => goOn(null)}>
            {run.phase === "paused" ? "▶ Go on" : "▶ Train"}
          </button>
        )}
        <button
          type="button"
          disabled={busy || run.phase === "done"}
          onClick={() => goOn(run.step + 1)}
        >
          One step
        </button>
        <button
          type="button"
          disabled={run.phase === "idle"}
          onClick={() => {
            change({ step: undefined });
            reset();
          }}
        >
          Start again
        </button>
      </div>
      <p class={run.phase === "failed" ? "failure" : undefined} data-phase={run.phase}>
        {told[run.phase]}
      </p>
    </div>
  );
}

/** Said now and then, and no more often than every five seconds. */
function Spoken({ run }: { run: Run }): JSX.Element {
  const last = run.epochs.at(-1);
  const right = last?.validation?.accuracy;
  const text =
    right === undefined
      ? ""
      : `After ${last!.epoch} epochs ${percent(right)} of new pictures are told right.`;
  const [said, say] = useState("");
  useEffect(() => {
    const timer = setTimeout(() => say(text), 5000);
    return () => clearTimeout(timer);
  }, [run.phase, text]);
  return (
    <p class="unseen" role="status">
      {run.phase === "done" ? text : said}
    </p>
  );
}

function CostCurves({ run, asked }: { run: Run; asked: TrainAsked }): JSX.Element {
  const each = run.losses.map((v, i): Point => [i + 1, v]);
  const smooth = smoothed(run.losses).map((v, i): Point => [i + 1, v]);
  const perEpoch = stepsOf(asked) / asked.epochs;
  const held = run.epochs.flatMap((e): Point[] =>
    e.validation ? [[e.epoch * perEpoch, e.validation.loss]] : [],
  );
  return (
    <Curves
      label={`Cost against the training step, ${run.losses.length} steps so far; the numbers of each epoch are in the table`}
      x="training step"
      y="cost"
      xSpan={[0, stepsOf(asked)]}
      lines={[
        { name: "each batch", mark: 2, faint: true, points: thinned(each) },
        { name: "smoothed", mark: 0, points: thinned(smooth) },
        { name: "new pictures", mark: 1, dashed: true, points: held },
      ]}
    />
  );
}
function AccuracyCurves({ run, asked }: { run: Run; asked: TrainAsked }): JSX.Element {
  const of = (value: (e: Run["epochs"][number]) => number | undefined): Point[] =>
    run.epochs.flatMap((e): Point[] =>
      value(e) === undefined ? [] : [[e.epoch, 100 * value(e)!]],
    );
  return (
    <Curves
      label="Pictures told right against the epoch, those that are trained on and new ones; the numbers are in the table"
      x="epoch"
      y="right, %"
      xSpan={[0, asked.epochs]}
      ySpan={[0, 100]}
      lines={[
        { name: "trained on", mark: 0, points: of((e) => e.trainAccuracy) },
        { name: "new pictures", mark: 1, dashed: true, points: of((e) => e.validation?.accuracy) },
      ]}
    />
  );
}

/** Drawn anew with every step, so that they are pictures and no grids. */
function Kernels({ kernels }: { kernels: Float32Array }): JSX.Element {
  return (
    <div class="planes">
      {Array.from({ length: kernels.length / 25 }, (_, k) => (
        <Picture
          key={k}
          name={`kernel ${k + 1} of the first convolution`}
          values={kernels.subarray(25 * k, 25 * (k + 1))}
          rows={5}
          columns={5}
          scale="signed"
          side={70}
          bare
        />
      ))}
    </div>
  );
}

function Confusion({ run, classes }: { run: Run; classes: readonly string[] }): JSX.Element | null {
  const confusion = run.epochs.at(-1)?.validation?.confusion;
  if (!confusion) return null;
  return (
    <Part
      title="What new pictures are taken for"
      note={`A row for what they are, a column for what they are taken for: ${classes.join(", ")}.`}
    >
      <Grid
        label="confusion matrix"
        values={confusion.flat()}
        rows={classes.length}
        columns={classes.length}
        cell={30}
        scale="viridis"
        text={(i) => (confusion.flat()[i] === 0 ? "·" : String(confusion.flat()[i]))}
      />
    </Part>
  );
}

function EpochTable({ run }: { run: Run }): JSX.Element {
  const rows = run.epochs.map((e) => [
    String(e.epoch),
    short(e.trainLoss),
    short(e.validation?.loss ?? Number.NaN),
    percent(e.trainAccuracy ?? 0),
    percent(e.validation?.accuracy ?? 0),
  ]);
  return (
    <NumberTable
      caption="Epoch by epoch"
      head={["epoch", "cost, trained on", "cost, new", "right, trained on", "right, new"]}
      rows={rows.length === 0 ? [["none yet", "", "", "", ""]] : rows}
    />
  );
}

function Figure({
  prepared,
  run,
  asked,
}: {
  prepared: Prepared;
  run: Run;
  asked: TrainAsked;
}): JSX.Element {
  // what changes with an epoch is not compared anew at every frame
  const perEpoch = [run.epochs.length, run.phase === "idle", prepared];
  const accuracy = useMemo(() => <AccuracyCurves run={run} asked={asked} />, perEpoch);
  const confusion = useMemo(() => <Confusion run={run} classes={prepared.classes} />, perEpoch);
  const table = useMemo(() => <EpochTable run={run} />, perEpoch);
  const when = run.step > 0 ? `, step ${run.step}` : ", at random";
  return (
    <>
      <Row>
        <Part title="Cost">
          <CostCurves run={run} asked={asked} />
        </Part>
        <Part title="Told right">{accuracy}</Part>
      </Row>
      <Row>
        <Part
          title={`The ${asked.kernels} kernels of the first convolution${when}`}
          note={`Of ${prepared.parameters} parameters in all.`}
        >
          <Kernels kernels={run.kernels ?? prepared.kernels} />
        </Part>
        {confusion}
      </Row>
      {table}
    </>
  );
}

function Train(): JSX.Element {
  const state = useTrain();
  const { asked } = state;
  const training = useTraining(asked);
  const { run } = training;
  const [step] = useSetting(settings.step);
  const prepared = useEngine("prepareTraining", asked);
  const paused = run.phase === "paused" ? run.step : 0;
  useEffect(() => {
    if (paused > 0) change({ step: String(paused) });
  }, [paused]);
  // a run that was paused is the same again: the seed makes it so
  useEffect(() => {
    if (step > 0) training.start(step);
  }, []);
  // a drawing is shown to the network after every epoch, and at every step that is taken by itself
  const when = run.phase === "running" ? `epoch ${run.epochs.length}` : `${run.phase} ${run.step}`;
  const key = JSON.stringify(asked);
  const turned = useMemo(() => <Turned state={state} />, [key]);
  const drawing = useMemo(() => <Drawing asked={asked} when={when} />, [key, when]);
  return (
    <>
      {turned}
      <GradientsOn note={cardNote} onChange={() => change({ step: undefined })} />
      <Buttons training={training} asked={asked} />
      <Spoken run={run} />
      <Shown answer={prepared}>{(p) => <Figure prepared={p} run={run} asked={asked} />}</Shown>
      {drawing}
    </>
  );
}

export const train: Section = {
  id: "train",
  title: "Train",
  sentence:
    "Training repeats one thing: a batch of pictures, the gradient of its cost, a small step of every parameter. All pictures once make an epoch.",
  question: {
    asks: "With only 50 training pictures and many epochs, what will the two curves of “told right” do?",
    options: [
      "rise together",
      "part: trained-on pictures do better",
      "part: new pictures do better",
    ],
    right: 1,
    because:
      "The network learns its few pictures by heart, which helps little with new ones: it over-fits. Set 50 pictures and 30 epochs, and see.",
  },
  View: Train,
};
