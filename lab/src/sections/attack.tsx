// Section 12: the smallest of changes that ruin an image, searched for live.
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Command } from "../parts/Command.tsx";
import { Choice, Controls, Slider } from "../parts/controls.tsx";
import { NumberTable } from "../parts/NumberTable.tsx";
import { fixed } from "../parts/numbers.ts";
import { RunButtons } from "../parts/RunButtons.tsx";
import { Part, Row, Shown } from "../parts/words.tsx";
import { ask, useEngine } from "../worker/client.ts";
import { AttackFigure, Unperturbed } from "./attack-figure.tsx";
import { AttackCurves, AttackTable, Verdicts } from "./attack-numbers.tsx";
import { labels, useAttack, type Attack, type AttackState } from "./attack-run.ts";
import { backendWords, GradientsOn, searchNote } from "./card.tsx";
import { commandLine, useExperiment } from "./experiment.ts";
import { ExperimentControls } from "./experiment-controls.tsx";
import type { Section } from "./section.ts";

function told({ phase, seen }: Attack): string {
  const last = seen.at(-1);
  if (phase === "idle") return "Not searched yet.";
  if (phase === "done") return "Done: each method at its own worst case, and at the network’s.";
  if (!last) return "The engine makes the methods ready…";
  const worst = last.curve.reduce((a, b) => Math.min(a, b), last.clean.psnr);
  const far = `${last.name}, gradient step ${last.done} of at most ${last.most}: ${fixed(last.clean.psnr, 1)} dB before, ${fixed(worst, 1)} dB so far.`;
  return phase === "stopped" ? `Stopped. ${far}` : far;
}

function Sizes({ state }: { state: AttackState }): JSX.Element {
  const { percents, setNorms, steps, setSteps, grows, asked, setDomain } = state;
  const whole = asked.domain === "image" ? "‖x‖" : "‖y‖";
  return (
    <>
      <Controls>
        <Choice
          label="r is added to"
          value={asked.domain}
          options={[
            ["image", "the image, and measured with it"],
            ["measurement", "the measurement itself"],
          ]}
          onChange={setDomain}
        />
        {labels.map((label, k) => (
          <Slider
            key={label}
            label={`‖${label}‖, % of ${whole}`}
            value={percents[k]}
            from={0.1}
            to={20}
            step={0.1}
            log
            onChange={setNorms[k]}
          />
        ))}
        <Slider label="Steps at r₃" value={steps} from={5} to={70} onChange={setSteps} />
      </Controls>
      {!grows && (
        <p class="failure" role="alert">
          The three sizes must grow: make r₁ smaller than r₂, and r₂ smaller than r₃.
        </p>
      )}
    </>
  );
}

function Which({ state }: { state: AttackState }): JSX.Element {
  return (
    <fieldset class="which">
      <legend>Shown</legend>
      {labels.map((label, k) => (
        <label key={label} class="option">
          <input
            type="radio"
            name="shown"
            checked={state.shown === label}
            onChange={() => state.show(label)}
          />
          {label}, {state.percents[k]} %
        </label>
      ))}
    </fieldset>
  );
}

/** Milliseconds that nothing is changed in before the engine makes itself ready. */
const QUIET = 400;
/** Has the engine compile the search while the visitor looks on, once the figure is there. */
function usePrepared({ asked, grows }: AttackState, shown: boolean): void {
  const key = JSON.stringify(asked);
  useEffect(() => {
    if (!shown || !grows) return;
    let stop = (): void => {};
    const timer = setTimeout(() => {
      const preparing = ask("prepareAttack", asked);
      preparing.result.catch(() => {});
      stop = preparing.stop;
    }, QUIET);
    return () => {
      clearTimeout(timer);
      stop();
    };
  }, [key, shown, grows]);
}

/** What there is before a search: the image, and what each method makes of it. */
function Before({ state }: { state: AttackState }): JSX.Element {
  const asked = state.asked.problem;
  const { network, size } = asked;
  const answer = useEngine("sampleKspace", { problem: asked, methods: [network, "tv", "zero"] });
  usePrepared(state, answer.value !== undefined && !answer.busy);
  return (
    <Shown answer={answer}>
      {(sampled) => (
        <>
          <h2>Before anything is added</h2>
          <Unperturbed sampled={sampled} size={size} />
          <NumberTable
            caption="What each method makes of the measurement"
            head={["method", "PSNR, dB", "SSIM"]}
            rows={sampled.made.map((m) => [m.name, fixed(m.psnr, 2), fixed(m.ssim, 3)])}
          />
          {sampled.refused.map(({ why }) => (
            <p key={why} class="failure">
              {why}
            </p>
          ))}
        </>
      )}
    </Shown>
  );
}

function AttackSection(): JSX.Element {
  const [opened, setOpened] = useState(0);
  const experiment = useExperiment(opened);
  const state = useAttack(experiment);
  const { asked, run, steps } = state;
  const sizes = asked.norms.join(",");
  const searched =
    asked.domain === "image"
      ? ["--tests ascent", "--count 1", `--norms ${sizes}`, `--iterations ${steps}`]
      : [
          "--tests worst-case",
          "--domain measurement",
          "--count 1",
          `--budgets ${sizes}`,
          `--steps ${steps}`,
        ];
  const beside = "--methods total-variation,zero-filled";
  const more = [...searched, beside, ...backendWords(asked.backend)];
  return (
    <>
      <ExperimentControls
        experiment={experiment}
        onOpened={() => setOpened(opened + 1)}
        withNetwork
      />
      <Sizes state={state} />
      <GradientsOn note={searchNote} />
      <RunButtons run={run} label="Search for the worst" told={told(run)} disabled={!state.grows} />
      {run.seen.length > 0 && <Which state={state} />}
      {run.seen.length === 0 && <Before state={state} />}
      <AttackFigure run={run} label={state.shown} size={asked.problem.size} domain={asked.domain} />
      <Verdicts run={run} />
      {run.seen.some((s) => s.stops.length > 0) && (
        <Row>
          <Part
            title="What is left of each method’s image"
            note="Each line falls by what its own worst perturbation costs, dashed is noise. Look at where it starts as well as at how far it falls."
          >
            <AttackCurves run={run} domain={asked.domain} />
          </Part>
        </Row>
      )}
      {run.seen.length > 0 && <AttackTable run={run} domain={asked.domain} />}
      <Command line={commandLine("audit", asked.problem, more)} />
    </>
  );
}

export const attack: Section = {
  id: "attack",
  title: "Attack",
  sentence:
    "A change that no eye sees, measured with the image, can change the answer: here the worst one is searched for, for every method alike.",
  question: {
    asks: "A change of 6 % of the image’s norm is added. Which costs more: the worst one that can be found, or random noise that is measured as much?",
    options: ["both the same", "the worst one, by far", "noise, by far"],
    right: 1,
    because:
      "Noise spreads over all directions, and every method forgives most of them. A search needs only one that is not forgiven. By how much depends on the method: read it, do not expect it.",
  },
  View: AttackSection,
};
