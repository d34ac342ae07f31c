// Section 14: fewer and more columns than a network was trained on, and what each method makes of
// them.
import { meanInterval95, samplingRates, type RateScore } from "fiducial/audit";
import { ConfigError } from "fiducial/engine";
import type { MethodName, NetworkName, ProblemAsked } from "../break/asked.ts";
import { openMethods, openProblem, shareOf } from "../break/problem.ts";
import { runTest } from "../break/watched.ts";
import type { Context } from "../protocol.ts";

export interface RatesAsked {
  readonly problem: ProblemAsked;
  readonly network: NetworkName;
  /** Generated heads, or the visitor's one. */
  readonly images: number;
  /** A first look: one family of masks, at a few shares. */
  readonly look?: boolean;
}
/** Of the mask's own share. */
const FEW = [0.4, 1, 2, 3];
export interface RatePoint {
  /** Share of k-space. */
  readonly rate: number;
  readonly mean: number;
  readonly low: number | undefined;
  readonly high: number | undefined;
  /** Images and masks. */
  readonly count: number;
}
export interface RateCurve {
  readonly method: MethodName;
  readonly name: string;
  readonly points: readonly RatePoint[];
}
export type RatesNews = { readonly done: number } | { readonly curve: RateCurve };

function pointsOf(scores: readonly RateScore[]): RatePoint[] {
  const rates = [...new Set(scores.map((s) => s.rate))].sort((a, b) => a - b);
  return rates.map((rate) => {
    const values = scores.filter((s) => s.rate === rate).flatMap((s) => s.psnr);
    const { mean, interval } = meanInterval95(values);
    return { rate, mean, low: interval?.low, high: interval?.high, count: values.length };
  });
}

export interface Rated {
  readonly curves: readonly RateCurve[];
  /** The mask's own share. */
  readonly own: number;
}
/** The bench's nested masks for every method, a note for each image. */
export async function sweepRates(asked: RatesAsked, context: Context): Promise<Rated> {
  const { problem: wanted, network, images, look = false } = asked;
  const names: MethodName[] = [network, "tv", "zero"];
  const opened = await openProblem(wanted, images);
  const methods = await openMethods(names, wanted, opened);
  const options = { problem: opened.problem, methods, seed: wanted.seed, backend: opened.backend };
  const found = methods.map((): RateScore[] => []);
  let before = 0;
  const test = samplingRates(look ? { factors: FEW, families: 1 } : {});
  const curveOf = (m: number): RateCurve => ({
    method: names[m],
    name: methods[m].name,
    points: pointsOf(found[m]),
  });
  await runTest(options, test, context, {
    tick: (done) => context.progress({ done: before + done } satisfies RatesNews),
    piece(m, { error, findings }) {
      if (error !== undefined) throw new ConfigError(`${error}.`);
      before += test.steps;
      found[m].push(...(findings?.rates ?? []));
      context.progress({ curve: curveOf(m) } satisfies RatesNews);
    },
  });
  return { curves: methods.map((_, m) => curveOf(m)), own: shareOf(opened.mask) };
}
