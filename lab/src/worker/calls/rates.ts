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
}
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

/** The bench's nested masks for every method, a note for each image; the audit's own share at last. */
export async function sweepRates(asked: RatesAsked, context: Context): Promise<{ own: number }> {
  const { problem: wanted, network, images } = asked;
  const names: MethodName[] = [network, "tv", "zero"];
  const opened = await openProblem(wanted, images);
  const methods = await openMethods(names, wanted, opened);
  const options = { problem: opened.problem, methods, seed: wanted.seed, backend: opened.backend };
  const found = methods.map((): RateScore[] => []);
  let before = 0;
  const test = samplingRates();
  await runTest(options, test, context, {
    tick: (done) => context.progress({ done: before + done } satisfies RatesNews),
    piece(m, { error, findings }) {
      if (error !== undefined) throw new ConfigError(`${error}.`);
      before += test.steps;
      found[m].push(...(findings?.rates ?? []));
      const curve = { method: names[m], name: methods[m].name, points: pointsOf(found[m]) };
      context.progress({ curve } satisfies RatesNews);
    },
  });
  return { own: shareOf(opened.mask) };
}
