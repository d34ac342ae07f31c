// Figures in the place of verdicts, where no truth is known: of a measurement that came from a
// scanner.
import { present } from "../../engine/index.ts";
import { percent, fixed } from "../../report/index.ts";
import type { Ball } from "../attack/ascent.ts";
import type { SearchSettings } from "../attack/search.ts";
import type { Score } from "../schema.ts";
import { mean } from "../statistics.ts";
import type { Subject } from "./test.ts";

/** What a test does without a truth. It judges nothing. */
export interface ReferenceFree {
  examine(subject: Subject): Promise<readonly Score[]>;
  /** What was found for one method, as the end of a sentence that begins with its name. */
  say(scores: readonly Score[]): string;
}

/** What the figures of every such score are called, and how they are printed. */
export const figureNames = {
  change: { name: "change of the image, % of ‖x̂‖", format: "percent" },
  noise: { name: "to noise that is measured as much, %", format: "percent" },
  timesNoise: { name: "times as much as noise", format: "ratio" },
  lipschitz: { name: "change of the image over change of the measurement", format: "ratio" },
  residual: { name: "data consistency ‖Ax̂ − y‖, % of ‖y‖", format: "percent" },
  recovered: { name: "share of the detail that comes back, %", format: "percent" },
  measured: { name: "share of the detail that is measured at all, %", format: "percent" },
  queries: { name: "queries of a search without gradients, which finds less", format: "whole" },
  relative: { name: "change where there should be none, % of the first image", format: "percent" },
} as const;

/** The balls of a search for the largest change. */
export interface Balls {
  readonly labels: readonly string[];
  /** Shares of the reference. */
  readonly relative: readonly number[];
  readonly ball?: Ball;
  readonly settings: Partial<SearchSettings>;
  readonly queries?: number | undefined;
}

/** Of what was searched without gradients. */
export const weaklyFound = (scores: readonly Score[]): string =>
  scores.some((s) => s.figures.queries !== undefined) ? " without gradients" : "";

/** Searches each ball for the largest change, and stands it beside noise. */
export const largestChange = ({
  labels,
  relative,
  ball = "l2",
  settings,
  queries,
}: Balls): ReferenceFree => ({
  async examine(subject) {
    const unit = ball === "l2" ? subject.reference : subject.referenceMaximum;
    const found = await subject.seek({
      radii: relative.map((e) => e * unit),
      ball,
      goals: [{ name: "change", p: subject.clean }],
      settings,
      queries,
    });
    const scores: Score[] = [];
    for (const [k, { goals }] of found.entries()) {
      const [{ r, queries: asked }] = goals;
      const score = await subject.changeTo(r, labels[k], k === found.length - 1);
      scores.push({ ...score, figures: present({ ...score.figures, queries: asked }) });
    }
    return scores;
  },
  say(scores) {
    const last = scores.filter((s) => s.label === scores[scores.length - 1]?.label);
    const [change, noise] = [averageOf(last, "change"), averageOf(last, "noise")];
    const times = fixed(averageOf(last, "timesNoise"), 1);
    return `changes by ${percent(change)} of its image at ${last[0].label}, the most that was found${weaklyFound(last)}; by ${percent(noise)} with noise that is measured as much, which is ${times} times less`;
  },
});

/** Mean of one figure over the scores that have it. */
export const averageOf = (scores: readonly Score[], name: keyof typeof figureNames): number =>
  mean(scores.flatMap(({ figures }) => (figures[name] === undefined ? [] : [figures[name]])));

/** How much of details comes back: what was put in is known, whatever the image. */
export const detailScore = (
  { method, image }: Subject,
  label: string,
  found: readonly { readonly recovered: number; readonly measured: number }[],
): Score => ({
  method,
  image,
  label,
  figures: {
    recovered: mean(found.map((f) => f.recovered)),
    measured: mean(found.map((f) => f.measured)),
  },
});
