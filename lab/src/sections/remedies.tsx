// Section 15: what helps? Accuracy against stability: what can be computed here, and what had to be
// trained elsewhere.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { Command } from "../parts/Command.tsx";
import { Controls, Slider } from "../parts/controls.tsx";
import { NumberTable } from "../parts/NumberTable.tsx";
import { fixed, percent } from "../parts/numbers.ts";
import { RunButtons } from "../parts/RunButtons.tsx";
import { Scatter } from "../parts/Scatter.tsx";
import { Part } from "../parts/words.tsx";
import { real, useSetting, whole } from "../settings.ts";
import type {
  RemediesAsked,
  RemediesNews,
  Remedied,
  RemedyName,
} from "../worker/calls/remedies.ts";
import { backendWords, GradientsOn, searchNote, useBackend } from "./card.tsx";
import { commandLine, modelNames, useExperiment } from "./experiment.ts";
import { ExperimentControls } from "./experiment-controls.tsx";
import { evidenceSource, trainedRemedies } from "./remedies-evidence.ts";
import { RemedyTrainings } from "./remedy-training.tsx";
import { useRun } from "./run.ts";
import type { Section } from "./section.ts";

/** In the order of their cost. */
const remedies: readonly (readonly [RemedyName, string])[] = [
  ["zero", "nothing is guessed at all"],
  ["unet", "no remedy: the network corrects the zero-filled image"],
  [
    "put-back",
    "data consistency: what was measured is put back at the end, by a network that was not trained for it",
  ],
  ["tv", "no network: total variation"],
  ["wavelet", "no network: sparse wavelets"],
  ["cascade", "data consistency within the network, trained with it"],
  ["smoothed", "smoothing: the mean of eight answers to noise that is added, σ = 0.05"],
];
/** Of searches and of the trainings further down. */
const note = `${searchNote} A training's weights depend on the card too.`;
const settings = { norm: real("norm", 3, 0.01, 50), steps: whole("steps", 10, 5, 70) };

interface Seen {
  readonly done: number;
  readonly at: number;
  readonly found: readonly Remedied[];
}
const nothing: Seen = { done: 0, at: 0, found: [] };
const after = (seen: Seen, news: RemediesNews): Seen =>
  "remedied" in news
    ? { ...seen, found: [...seen.found, news.remedied] }
    : { ...seen, done: news.done, at: news.remedy };

const markOf = (remedy: RemedyName): number =>
  remedy === "zero" || remedy === "tv" || remedy === "wavelet" ? 1 : remedy === "cascade" ? 2 : 0;

function Found({ found, norm }: { found: readonly Remedied[]; norm: number }): JSX.Element {
  return (
    <>
      <Part
        title="Computed here"
        note="Right is accurate, up is what its own worst perturbation leaves. Orange: the U-Net, with and without a remedy; blue: no learning; green: the cascade."
      >
        <Scatter
          label={`PSNR under each method’s worst perturbation against its PSNR without, for ${found.map((f) => f.name).join(", ")}; the numbers are in the table`}
          x="PSNR unperturbed, dB"
          y={`PSNR left at ${norm} % of ‖x‖, dB`}
          dots={found.map(({ remedy, name, measurement: { psnr } }) => ({
            ...{ name, x: psnr.before, y: psnr.after },
            mark: markOf(remedy),
          }))}
        />
      </Part>
      <NumberTable
        caption="Computed here, one image"
        head={[
          "method",
          "PSNR, dB",
          "left, dB",
          "lost, dB",
          "lost to noise, dB",
          "change / ‖r‖",
          "what it is",
        ]}
        rows={found.map(({ remedy, name, measurement: { psnr, noise, amplification } }) => [
          name,
          fixed(psnr.before, 2),
          fixed(psnr.after, 2),
          fixed(psnr.before - psnr.after, 2),
          fixed(psnr.before - noise.psnr, 2),
          fixed(amplification, 2),
          remedies.find(([r]) => r === remedy)![1],
        ])}
      />
    </>
  );
}

function Evidence(): JSX.Element {
  return (
    <section class="elsewhere" aria-label="Trained elsewhere">
      <Part
        title="Trained elsewhere: nine U-Nets alike but for one remedy"
        note="Right is accurate, low is stable. Nothing here is computed by this page."
      >
        <Scatter
          label="Decibels lost to the worst perturbation of 5 % against PSNR, for eleven methods; the numbers are in the table"
          x="PSNR unperturbed, dB"
          y="lost to the worst at 5 % of ‖y‖, dB"
          dots={trainedRemedies.map(({ name, psnr, worst }) => ({
            ...{ name: name.replace("U-Net, ", ""), x: psnr, y: worst },
            mark: name.startsWith("U-Net") ? 0 : 1,
          }))}
        />
      </Part>
      <p class="note">
        Source: {evidenceSource}. Jitter is training with noise, adversarial training with worst
        cases.
      </p>
      <NumberTable
        caption="Trained elsewhere, four phantoms of 64²"
        head={["method", "PSNR, dB", "lost at 5 % of ‖y‖, dB", "change / ‖r‖"]}
        rows={trainedRemedies.map((r) => [
          r.name,
          fixed(r.psnr, 2),
          fixed(r.worst, 2),
          fixed(r.change, 2),
        ])}
      />
    </section>
  );
}

function Remedies(): JSX.Element {
  const [opened, setOpened] = useState(0);
  const experiment = useExperiment(opened);
  const [norm, setNorm] = useSetting(settings.norm);
  const [steps, setSteps] = useSetting(settings.steps);
  const problem = { ...experiment.asked, network: "cascade" as const };
  const share = Number((norm / 100).toPrecision(6));
  const asked: RemediesAsked = {
    problem,
    norm: share,
    ...{ steps, backend: useBackend() },
    remedies: remedies.map(([name]) => name),
  };
  const run = useRun("compareRemedies", asked, nothing, after);
  const { phase, seen } = run;
  const told = {
    idle: `Not compared yet: ${remedies.length} methods, each searched for its own worst perturbation of ${norm} % of ‖x‖.`,
    running: `Method ${Math.min(remedies.length, seen.at + 1)} of ${remedies.length}, gradient step ${seen.done}.`,
    done: "Done.",
    stopped: "Stopped.",
    failed: "",
  }[phase];
  const more = [
    ...["--tests ascent", "--count 1", `--norms ${share}`, `--iterations ${steps}`],
    `--model ${modelNames.unet} --methods total-variation,wavelet,zero-filled`,
    ...backendWords(asked.backend),
  ];
  return (
    <>
      <ExperimentControls experiment={experiment} onOpened={() => setOpened(opened + 1)} />
      <Controls>
        <Slider
          label="‖r‖, % of ‖x‖"
          value={norm}
          from={0.1}
          to={20}
          step={0.1}
          log
          onChange={setNorm}
        />
        <Slider
          label="Steps"
          value={steps}
          from={5}
          to={70}
          onChange={(v) => setSteps(Math.round(v))}
        />
      </Controls>
      <GradientsOn note={note} />
      <RunButtons run={run} label={`Compare ${remedies.length} methods`} told={told} />
      {seen.found.length > 0 && <Found found={seen.found} norm={norm} />}
      <Command line={commandLine("audit", problem, more)}>
        <p class="note">
          The U-Net with its cells put back and the smoothed one have no option there; they are{" "}
          <code>networkReconstructor({"{ network, form, smoothing }"})</code> of the library,{" "}
          {percent(share)} of ‖x‖ as the budget.
        </p>
      </Command>
      <RemedyTrainings />
      <Evidence />
    </>
  );
}

export const remediesSection: Section = {
  id: "remedies",
  title: "Remedies",
  sentence:
    "A remedy is worth what it gives and what it costs: accuracy, and what the worst case leaves of it, side by side.",
  question: {
    asks: "Which method loses least under its own worst perturbation?",
    options: ["the most accurate network", "total variation", "zero-filling"],
    right: 2,
    because:
      "Zero-filling guesses nothing, so nothing can mislead it, and its image is the worst of all. Stability is read beside accuracy, never by itself: look for what is far right and high.",
  },
  View: Remedies,
};
