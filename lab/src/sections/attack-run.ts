// What is seen of an attack so far, from the notes of the worker.
import { oneOf, real, useSetting, whole } from "../settings.ts";
import type { MethodName } from "../worker/break/asked.ts";
import type {
  AttackAsked,
  Attacked,
  AttackNews,
  Image,
  Live,
  Stop,
  Transferred,
} from "../worker/calls/attack.ts";
import { useBackend } from "./card.tsx";
import type { Experiment } from "./experiment.ts";
import { useRun, type Run } from "./run.ts";

export interface Seen {
  readonly method: MethodName;
  readonly name: string;
  readonly clean: Image;
  readonly truth: Float64Array;
  readonly most: number;
  readonly done: number;
  /** PSNR at every point that the search for harm looked at. */
  readonly curve: readonly number[];
  readonly live: Live | undefined;
  readonly stops: readonly Stop[];
}
export type Attack = Run<readonly Seen[], Attacked>;

function after(seen: readonly Seen[], news: AttackNews): readonly Seen[] {
  if (news.kind === "begun") {
    const { kind: _, ...begun } = news;
    return [...seen, { ...begun, done: 0, curve: [], live: undefined, stops: [] }];
  }
  return seen.map((s) => {
    if (s.method !== news.method) return s;
    if (news.kind === "tick") return { ...s, done: news.done };
    if (news.kind === "stop") return { ...s, stops: [...s.stops, news.stop] };
    return { ...s, live: news.live, curve: [...s.curve, ...news.psnr] };
  });
}

export const labels = ["r₁", "r₂", "r₃"] as const;
export const settings = {
  r1: real("r1", 1, 0.01, 50),
  r2: real("r2", 3, 0.01, 50),
  r3: real("r3", 6, 0.01, 50),
  steps: whole("steps", 20, 5, 70),
  domain: oneOf("domain", ["image", "measurement"], "image"),
  shown: oneOf("shown", labels, "r₃"),
};

export function useAttack({ asked: problem, network }: Experiment) {
  const [r1, setR1] = useSetting(settings.r1);
  const [r2, setR2] = useSetting(settings.r2);
  const [r3, setR3] = useSetting(settings.r3);
  const [steps, setSteps] = useSetting(settings.steps);
  const [shown, show] = useSetting(settings.shown);
  const [domain, setDomain] = useSetting(settings.domain);
  const asked: AttackAsked = {
    problem,
    ...{ network, domain },
    norms: [r1, r2, r3].map((v) => Number((v / 100).toPrecision(6))),
    ...{ steps, backend: useBackend() },
  };
  const run: Attack = useRun("attack", asked, [] as readonly Seen[], after);
  return {
    ...{ asked, run, shown, show, percents: [r1, r2, r3], steps },
    setDomain,
    setNorms: [setR1, setR2, setR3],
    setSteps: (v: number) => setSteps(Math.round(v)),
    grows: r1 < r2 && r2 < r3,
  };
}
export type AttackState = ReturnType<typeof useAttack>;

export const stopOf = (seen: Seen, label: string): Stop | undefined =>
  seen.stops.find((s) => s.label === label);
export const sameOf = (run: Attack, method: MethodName, label: string): Transferred | undefined =>
  run.result?.same.find((t) => t.method === method && t.label === label);
export const highest = (values: ArrayLike<number>): number => {
  let top = 0;
  for (let i = 0; i < values.length; i++) top = Math.max(top, Math.abs(values[i]));
  return top;
};
/** The largest error of all that is shown, at any size: one scale for all maps. */
export function largestError({ seen, result }: Attack): number {
  const errors = [
    ...seen.flatMap((s) => [s.clean.error, ...(s.live ? [s.live.error] : [])]),
    ...seen.flatMap((s) => s.stops.flatMap((stop) => [stop.image.error, stop.noise.error])),
    ...(result?.same ?? []).map((t) => t.image.error),
  ];
  return Math.max(1e-6, ...errors.map(highest));
}
/** 1, 2 or 5 times a power of ten, at most x and at least 1. */
export function niceGain(x: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, x)));
  return [5, 2, 1].map((digit) => digit * power).find((gain) => gain <= Math.max(1, x)) ?? 1;
}
