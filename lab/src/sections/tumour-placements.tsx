// Twenty places instead of one: how much of a detail comes back, with its interval.
import type { JSX } from "preact";
import { Intervals, type Spread } from "../parts/Intervals.tsx";
import { NumberTable } from "../parts/NumberTable.tsx";
import { percent } from "../parts/numbers.ts";
import { RunButtons } from "../parts/RunButtons.tsx";
import type { SweepAsked, Swept } from "../worker/calls/tumour.ts";
import { useRun } from "./run.ts";

interface Seen {
  readonly done: number;
  readonly swept: readonly Swept[];
}
type News = { readonly done: number } | { readonly swept: Swept };
const nothing: Seen = { done: 0, swept: [] };
const after = (seen: Seen, news: News): Seen =>
  "swept" in news ? { done: 0, swept: [...seen.swept, news.swept] } : { ...seen, done: news.done };

const interval = ({ low, high }: Swept): string =>
  low === undefined || high === undefined
    ? "none from so few"
    : `${percent(low, 0)} to ${percent(high, 0)}`;

export function Placements({ asked }: { asked: SweepAsked }): JSX.Element {
  const run = useRun("sweepTumours", asked, nothing, after);
  const { phase, seen } = run;
  const { swept, done } = seen;
  const told = {
    idle: `The same size and contrast at ${asked.placements} drawn places, in six shapes.`,
    running: `Method ${Math.min(3, swept.length + 1)} of 3, place ${Math.min(asked.placements, done)} of ${asked.placements}.`,
    done: `Done: ${asked.placements} places for each method.`,
    stopped: "Stopped.",
    failed: "",
  }[phase];
  const spreads = swept.map((s, mark): Spread => {
    const { name, shares, mean, low, high } = s;
    return { name, values: shares, mean, low, high, mark };
  });
  return (
    <section aria-label="Many places">
      <RunButtons run={run} label={`Try ${asked.placements} places`} told={told} />
      {swept.length > 0 && (
        <>
          <Intervals
            label={`Share of a detail that comes back, at ${asked.placements} places, for ${swept.map((s) => s.name).join(", ")}; the numbers are in the table`}
            x="share that comes back"
            spreads={spreads}
            line={{ at: swept[0].measured, name: "share that is measured at all, on the mean" }}
          />
          <NumberTable
            caption={`${asked.placements} places, radius ${asked.radius} px, contrast ${asked.contrast}; intervals for 95 % of 20 values and more`}
            head={[
              "method",
              "comes back, mean",
              "interval",
              "lost (less than half)",
              "beyond any method",
            ]}
            rows={swept.map((s) => [
              s.name,
              percent(s.mean),
              interval(s),
              `${s.lost} of ${s.shares.length}`,
              String(s.notRecoverable),
            ])}
          />
        </>
      )}
    </section>
  );
}
