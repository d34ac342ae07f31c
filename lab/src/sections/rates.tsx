// Section 14: is more always better? Error against the share of k-space, beyond what was trained.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { Bands } from "../parts/Bands.tsx";
import { Command } from "../parts/Command.tsx";
import { Controls, Slider } from "../parts/controls.tsx";
import { NumberTable } from "../parts/NumberTable.tsx";
import { fixed, percent } from "../parts/numbers.ts";
import { RunButtons } from "../parts/RunButtons.tsx";
import { useSetting, whole } from "../settings.ts";
import { Shown } from "../parts/words.tsx";
import { useEngine } from "../worker/client.ts";
import type { RateCurve, RatePoint, RatesAsked, RatesNews } from "../worker/calls/rates.ts";
import { commandLine, useExperiment } from "./experiment.ts";
import { ExperimentControls } from "./experiment-controls.tsx";
import { useRun } from "./run.ts";
import type { Section } from "./section.ts";

interface Seen {
  readonly done: number;
  readonly curves: readonly RateCurve[];
}
const nothing: Seen = { done: 0, curves: [] };
function after(seen: Seen, news: RatesNews): Seen {
  if ("done" in news) return { ...seen, done: news.done };
  const { curve } = news;
  const known = seen.curves.some((c) => c.method === curve.method);
  const curves = known
    ? seen.curves.map((c) => (c.method === curve.method ? curve : c))
    : [...seen.curves, curve];
  return { ...seen, curves };
}
const images = whole("images", 7, 1, 20);

const within = ({ low, high }: RatePoint): string =>
  low === undefined || high === undefined ? "–" : `${fixed(low, 2)} to ${fixed(high, 2)}`;

function Figure({
  curves,
  own,
}: {
  curves: readonly RateCurve[];
  own: number | undefined;
}): JSX.Element {
  return (
    <Bands
      label={`PSNR against the share of k-space that is measured, for ${curves.map((c) => c.name).join(", ")}; the numbers are in the table`}
      x="measured, % of k-space"
      y="PSNR, dB: higher is less error"
      xSpan={[0, 100]}
      line={own === undefined ? undefined : { at: 100 * own, name: "the mask’s own share" }}
      bands={curves.map(({ name, points }, mark) => ({
        ...{ name, mark },
        points: points.map(({ rate, mean, low, high }) => ({ x: 100 * rate, y: mean, low, high })),
      }))}
    />
  );
}

function Found({
  curves,
  own,
}: {
  curves: readonly RateCurve[];
  own: number | undefined;
}): JSX.Element {
  return (
    <>
      <Figure curves={curves} own={own} />
      <NumberTable
        caption="PSNR, mean and its interval (95 % of 20 values and more)"
        head={["method", "measured", "PSNR, dB", "interval", "values"]}
        rows={curves.flatMap(({ name, points }) =>
          points.map((p) => [
            name,
            percent(p.rate, 0),
            fixed(p.mean, 2),
            within(p),
            String(p.count),
          ]),
        )}
      />
    </>
  );
}
/** What can be had at once: one image, one mask at each of four shares. */
function FirstLook({ asked }: { asked: RatesAsked }): JSX.Element {
  const answer = useEngine("sweepRates", asked);
  return (
    <>
      <p class="note">A first look: one image, one mask at each share, so no band.</p>
      <Shown answer={answer}>{({ curves, own }) => <Found curves={curves} own={own} />}</Shown>
    </>
  );
}

function Rates(): JSX.Element {
  const [opened, setOpened] = useState(0);
  const experiment = useExperiment(opened);
  const { network } = experiment;
  const [count, setCount] = useSetting(images);
  const heads = experiment.asked.image === "own" ? 1 : count;
  const run = useRun(
    "sweepRates",
    { problem: experiment.asked, network, images: heads },
    nothing,
    after,
  );
  const { phase, seen, result } = run;
  const told = {
    idle: `Not measured yet: ${heads} ${heads === 1 ? "image" : "images"}, three families of nested masks each.`,
    running: `${seen.curves.length === 0 ? "Making ready" : `${seen.curves.at(-1)!.name} is measured`}; ${seen.done} steps of at most ${24 * 3 * heads}.`,
    done: `Done: ${3 * heads} masks and images at the mask’s own share and above it, ${heads} below.`,
    stopped: "Stopped.",
    failed: "",
  }[phase];
  const more = ["--tests rates", `--count ${heads}`, "--methods total-variation,zero-filled"];
  return (
    <>
      <ExperimentControls
        experiment={experiment}
        onOpened={() => setOpened(opened + 1)}
        withNetwork
      />
      {experiment.asked.image === "phantom" && (
        <Controls>
          <Slider
            label="Heads"
            value={count}
            from={1}
            to={20}
            onChange={(v) => setCount(Math.round(v))}
          />
        </Controls>
      )}
      <RunButtons run={run} label="Measure less and more" told={told} />
      {seen.curves.length > 0 ? (
        <Found curves={seen.curves} own={result?.own} />
      ) : (
        <FirstLook asked={{ problem: experiment.asked, network, images: 1, look: true }} />
      )}
      <Command line={commandLine("audit", experiment.asked, more)} />
    </>
  );
}

export const rates: Section = {
  id: "rates",
  title: "More samples",
  sentence:
    "More measurements should never make an image worse; a network that was trained for fewer may not know that.",
  question: {
    asks: "A network learned from a quarter of k-space. Now it is given three quarters. Its image gets…",
    options: ["better, as with any method", "no better, or worse", "that depends on the network"],
    right: 2,
    because:
      "A network that puts the measured cells back gains with every column. One that only corrects the errors it was shown goes on correcting errors that are no longer there. Try both networks.",
  },
  View: Rates,
};
