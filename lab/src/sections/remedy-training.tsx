// Section 15, live: small networks alike but for one remedy, trained and searched in this tab.
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Command } from "../parts/Command.tsx";
import { Choice, Controls, Slider } from "../parts/controls.tsx";
import { Curves, type Point } from "../parts/Curves.tsx";
import { download } from "../parts/download.ts";
import { NumberTable } from "../parts/NumberTable.tsx";
import { fixed, percent } from "../parts/numbers.ts";
import { RunButtons } from "../parts/RunButtons.tsx";
import { Part } from "../parts/words.tsx";
import { oneOf, useSetting, whole } from "../settings.ts";
import type {
  RemedyNews,
  RemedyTraining,
  TrainedHere,
  TrainedName,
} from "../worker/calls/remedy-training.ts";
import { useBackend } from "./card.tsx";
import { alike, remedyFlags, searchedFor } from "./remedy-words.ts";
import { useRun, type Run } from "./run.ts";
import { smoothed, thinned } from "./training.ts";

const settings = {
  remedy: oneOf("trained", ["none", "jitter", "data-consistency", "adversarial", "rates"], "none"),
  epochs: whole("epochs", 3, 1, 20),
  seed: whole("trainseed", 1, 1, 99),
};
const words: readonly (readonly [TrainedName, string])[] = [
  ["none", "none"],
  ["jitter", "jitter: noise of up to 0.1 in training"],
  ["data-consistency", "data consistency: what was measured is put back"],
  ["adversarial", "an adversary: worst cases of 5 % in training"],
  ["rates", "several rates: an eighth, a quarter, a half"],
];

interface Seen {
  readonly losses: readonly number[];
  readonly step: number;
  readonly steps: number;
  readonly psnr: readonly number[];
  readonly searched: number;
}
const nothing: Seen = { losses: [], step: 0, steps: 0, psnr: [], searched: 0 };
function after(seen: Seen, news: RemedyNews): Seen {
  if (news.kind === "search") return { ...seen, searched: news.done };
  if (news.kind === "epoch") return { ...seen, psnr: [...seen.psnr, news.psnr] };
  return { ...seen, losses: [...seen.losses, ...news.losses], step: news.step, steps: news.steps };
}

function told({ phase, seen }: Run<Seen, TrainedHere>, { epochs }: RemedyTraining): string {
  const last = seen.psnr.at(-1);
  const far = last === undefined ? "" : `, ${fixed(last, 2)} dB on heads that it has not seen`;
  if (phase === "idle")
    return `Not trained yet: ${epochs} ${epochs === 1 ? "pass" : "passes"} over ${alike.count} images of ${alike.size}².`;
  if (phase === "done") return `Trained and searched${far}.`;
  if (phase === "stopped") return "Stopped.";
  if (seen.searched > 0)
    return `Trained${far}. Search for its worst perturbation, gradient step ${seen.searched}.`;
  return seen.steps === 0
    ? "The engine draws the images…"
    : `Step ${seen.step} of ${seen.steps}${far}.`;
}

function LossCurve({ seen }: { seen: Seen }): JSX.Element {
  const points = (values: readonly number[]): Point[] => values.map((v, i): Point => [i + 1, v]);
  return (
    <Curves
      label={`Error against the training step, ${seen.losses.length} steps so far`}
      x="training step"
      y="root mean square error"
      xSpan={[0, Math.max(1, seen.steps)]}
      lines={[
        { name: "each batch", mark: 2, faint: true, points: thinned(points(seen.losses)) },
        { name: "smoothed", mark: 0, points: thinned(points(smoothed(seen.losses))) },
      ]}
    />
  );
}

const nameOf = ({ remedy, epochs, seed, backend }: RemedyTraining): string =>
  `${remedy}, ${epochs} epochs, seed ${seed}${backend === "webgpu" ? ", on the card" : ""}`;
function TrainedTable({ all }: { all: readonly TrainedHere[] }): JSX.Element {
  const { norm } = searchedFor;
  return (
    <NumberTable
      caption="Trained here"
      head={[
        "remedy",
        "PSNR of 12 heads, dB",
        "of one, dB",
        `left at ${percent(norm, 0)} of ‖x‖, dB`,
        "lost, dB",
        "lost to noise, dB",
      ]}
      rows={all.map((t) => [
        nameOf(t),
        fixed(t.psnr, 2),
        fixed(t.before, 2),
        fixed(t.after, 2),
        fixed(t.before - t.after, 2),
        fixed(t.before - t.noise, 2),
      ])}
    />
  );
}

function Turned({ asked, set }: { asked: RemedyTraining; set: Setters }): JSX.Element {
  return (
    <Controls>
      <Choice<TrainedName>
        label="Remedy"
        value={asked.remedy}
        options={words}
        onChange={set.remedy}
      />
      <Slider
        label="Epochs"
        value={asked.epochs}
        from={1}
        to={20}
        onChange={(v) => set.epochs(Math.round(v))}
      />
      <Slider
        label="Seed of the training"
        value={asked.seed}
        from={1}
        to={99}
        onChange={(v) => set.seed(Math.round(v))}
      />
    </Controls>
  );
}
interface Setters {
  remedy(v: TrainedName): void;
  epochs(v: number): void;
  seed(v: number): void;
}

export function RemedyTrainings(): JSX.Element {
  const [remedy, setRemedy] = useSetting(settings.remedy);
  const [epochs, setEpochs] = useSetting(settings.epochs);
  const [seed, setSeed] = useSetting(settings.seed);
  const asked: RemedyTraining = { remedy, epochs, seed, backend: useBackend() };
  const run = useRun("trainRemedy", asked, nothing, after, "train");
  const [all, setAll] = useState<readonly TrainedHere[]>([]);
  const { result } = run;
  useEffect(() => {
    if (result) setAll((before) => [...before.filter((t) => nameOf(t) !== nameOf(result)), result]);
  }, [result]);
  return (
    <section class="elsewhere" aria-label="Train one here">
      <Part
        title="Train one here"
        note={`A U-Net of ${alike.channels} channels for images of ${alike.size}²: seconds instead of minutes, and weaker than those above. One training differs from another by some tenths of a decibel: try other seeds before you believe a difference.`}
      >
        <Turned {...{ asked }} set={{ remedy: setRemedy, epochs: setEpochs, seed: setSeed }} />
        <RunButtons run={run} label="Train it" told={told(run, asked)} />
        {run.seen.losses.length > 0 && <LossCurve seen={run.seen} />}
        {all.length > 0 && <TrainedTable all={all} />}
      </Part>
      {result && (
        <button
          type="button"
          onClick={() =>
            download(`${remedy}.safetensors`, result.checkpoint, "application/octet-stream")
          }
        >
          Save {remedy}.safetensors
        </button>
      )}
      <Command line={`npx fiducial train reconstructor ${remedyFlags(asked)}`} what="this training">
        <p class="note">
          {asked.backend === "webgpu"
            ? "It gives the same network but for the rounding of the card."
            : "It gives the same network, to the last bit."}
        </p>
      </Command>
    </section>
  );
}
