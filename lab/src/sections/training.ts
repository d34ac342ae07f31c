// A training run as the page sees it: what has come of it so far, and how it is steered.
import { useEffect, useRef } from "preact/hooks";
import { ask, type Asked, type EngineError } from "../worker/client.ts";
import type { TrainAsked, TrainProgress } from "../worker/calls/train.ts";
import { useFramed } from "./framed.ts";

export type Phase = "idle" | "drawing" | "running" | "paused" | "done" | "failed";
export interface Run {
  readonly phase: Phase;
  /** Samples that are drawn. */
  readonly drawn: number;
  readonly step: number;
  readonly losses: readonly number[];
  readonly epochs: readonly NonNullable<TrainProgress["epoch"]>[];
  readonly kernels: Float32Array | undefined;
  readonly imagesPerSecond: number;
  readonly error: string | undefined;
}
const nothing: Run = {
  ...{
    phase: "idle",
    drawn: 0,
    step: 0,
    losses: [],
    epochs: [],
    kernels: undefined,
    imagesPerSecond: 0,
  },
  error: undefined,
};

function after(run: Run, news: TrainProgress): Run {
  if (news.drawn !== undefined) return { ...run, phase: "drawing", drawn: news.drawn };
  return {
    ...run,
    phase: news.paused
      ? "paused"
      : run.phase === "paused" && !news.losses?.length
        ? "paused"
        : "running",
    step: news.step ?? run.step,
    losses: news.losses?.length ? [...run.losses, ...news.losses] : run.losses,
    epochs: news.epoch ? [...run.epochs, news.epoch] : run.epochs,
    kernels: news.kernels ?? run.kernels,
    imagesPerSecond: news.losses?.length ? (news.imagesPerSecond ?? 0) : run.imagesPerSecond,
  };
}

export interface Training {
  readonly run: Run;
  /** From the first step, to `until` or to the end. */
  start(until?: number): void;
  /** Goes no further than `until`: 0 pauses, null lets it go on to the end. */
  steer(until: number | null): void;
  reset(): void;
}
export function useTraining(asked: TrainAsked): Training {
  const [run, update, answer] = useFramed<Run>(nothing);
  const going = useRef<Asked<number> | undefined>(undefined);
  const reset = (): void => {
    going.current?.stop();
    going.current = undefined;
    answer(() => nothing);
  };
  useEffect(() => reset, [JSON.stringify(asked)]);
  const start = (until?: number): void => {
    reset();
    answer(() => ({ ...nothing, phase: "drawing" }));
    const mine = ask("trainNetwork", { ...asked, until: until ?? null }, (news: TrainProgress) => {
      if (going.current === mine) update((before) => after(before, news));
    });
    going.current = mine;
    const settle = (end: Partial<Run>): void => {
      if (going.current === mine) update((before) => ({ ...before, ...end }));
    };
    mine.result.then(
      () => settle({ phase: "done" }),
      (error: EngineError) => settle({ phase: "failed", error: error.message }),
    );
  };
  return { run, start, reset, steer: (until) => void ask("steerTraining", { until }).result };
}

/** More points than these are closer to one another than a pixel. */
const MOST_POINTS = 400;
export function thinned<T>(points: readonly T[]): readonly T[] {
  const every = Math.ceil(points.length / MOST_POINTS);
  return every <= 1 ? points : points.filter((_, i) => i % every === 0 || i === points.length - 1);
}
/** An average that forgets: each is nine tenths of the last and a tenth of the new. */
export function smoothed(losses: readonly number[]): number[] {
  let mean = losses[0] ?? 0;
  return losses.map((v) => {
    mean = 0.9 * mean + 0.1 * v;
    return mean;
  });
}
