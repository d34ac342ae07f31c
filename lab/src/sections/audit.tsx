// Section 16: a whole audit, run in this tab, and results of the command line's opened beside it.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { Command } from "../parts/Command.tsx";
import { Controls, Slider, Switch } from "../parts/controls.tsx";
import { RunButtons } from "../parts/RunButtons.tsx";
import { flag, useSetting, whole } from "../settings.ts";
import type { AuditAsked, AuditNews, AuditTest, ShownResult } from "../worker/calls/audit.ts";
import { AuditResults } from "./audit-results.tsx";
import { backendWords, GradientsOn, searchNote, useBackend } from "./card.tsx";
import { commandLine, useExperiment, type Experiment } from "./experiment.ts";
import { ExperimentControls } from "./experiment-controls.tsx";
import { useRun, type Run } from "./run.ts";
import type { Section } from "./section.ts";

const settings = {
  count: whole("count", 1, 1, 4),
  steps: whole("steps", 10, 5, 70),
  // ascent is always there
  details: flag("details"),
  rates: flag("rates"),
};

function useAudit({ asked: problem, network }: Experiment) {
  const [count, setCount] = useSetting(settings.count);
  const [steps, setSteps] = useSetting(settings.steps);
  const [details, setDetails] = useSetting(settings.details);
  const [rates, setRates] = useSetting(settings.rates);
  const backend = useBackend();
  const tests: AuditTest[] = [
    "ascent",
    ...(details ? (["details"] as const) : []),
    ...(rates ? (["rates"] as const) : []),
  ];
  const words = [
    ...[
      `--tests ${tests.join(" --tests ")}`,
      ...(problem.image === "own" ? [] : [`--count ${count}`]),
    ],
    ...[`--iterations ${steps}`, "--methods total-variation,zero-filled"],
    ...backendWords(backend),
  ];
  const command = commandLine("audit", problem, words);
  const asked: AuditAsked = { problem, network, tests, count, steps, backend, command };
  return { asked, setCount, setSteps, details, setDetails, rates, setRates };
}
type State = ReturnType<typeof useAudit>;

function Turned({ state }: { state: State }): JSX.Element {
  const { asked, setCount, setSteps, details, setDetails, rates, setRates } = state;
  return (
    <Controls>
      {asked.problem.image === "phantom" && (
        <Slider
          label="Heads"
          value={asked.count}
          from={1}
          to={4}
          onChange={(v) => setCount(Math.round(v))}
        />
      )}
      <Slider
        label="Steps at r₃"
        value={asked.steps}
        from={5}
        to={70}
        onChange={(v) => setSteps(Math.round(v))}
      />
      <Switch label="Small details, twenty places" on={details} onChange={setDetails} />
      <Switch label="More and fewer samples" on={rates} onChange={setRates} />
    </Controls>
  );
}

const nothing: AuditNews = { what: "", done: 0, total: 1 };
const after = (_: AuditNews, news: AuditNews): AuditNews => news;
function told({ phase, seen }: Run<AuditNews, ShownResult>): string {
  const share = Math.floor((100 * seen.done) / Math.max(1, seen.total));
  if (phase === "idle") return "Not run yet.";
  if (phase === "running")
    return seen.what === "" ? "The engine makes the methods ready…" : `${share} %: ${seen.what}.`;
  return phase === "done" ? "Done: the report is below." : "Stopped.";
}

function Audit(): JSX.Element {
  const [opened, setOpened] = useState(0);
  const experiment = useExperiment(opened);
  const state = useAudit(experiment);
  const { asked } = state;
  const run = useRun("runAudit", asked, nothing, after);
  return (
    <>
      <ExperimentControls
        experiment={experiment}
        onOpened={() => setOpened(opened + 1)}
        withNetwork
      />
      <Turned state={state} />
      <GradientsOn note={searchNote} />
      <RunButtons run={run} label="Run the audit" told={told(run)} />
      <AuditResults own={run.result} />
      <Command line={asked.command}>
        <p class="note">
          For generated images the result that it writes is this one, byte for byte, whatever number
          of threads there is; for a scan of your own it may also say how that is unlike the
          training images.
          {asked.backend === "webgpu" &&
            " With a graphics card that holds of what is measured without a search."}
        </p>
      </Command>
    </>
  );
}

export const audit: Section = {
  id: "audit",
  title: "Audit",
  sentence:
    "An audit asks every method the same questions under the same budgets, and writes down numbers that anybody can find again.",
  question: {
    asks: "An audit of a network ends with “not observed”. What is known then?",
    options: [
      "the network is stable",
      "no search of this audit found harm",
      "the network is more accurate than others",
    ],
    right: 1,
    because:
      "A search that finds nothing has found nothing: a longer one, another start or another image may. That is why a report says how hard was looked, and gives the command to look again.",
  },
  View: Audit,
};
