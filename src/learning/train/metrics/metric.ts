// What a metric is, and those that count.
import { ConfigError, quoted } from "../../../engine/index.ts";
import { near } from "../../nn/option-types.ts";
import type { Scored } from "./scored.ts";

/** A figure of an evaluation beside its loss. One of your own is an object of this form. */
export interface Metric {
  readonly name: string;
  /** "lower" where a smaller value is the better one, as of an error. */
  readonly better?: "higher" | "lower";
  /** The kinds of targets that it can be asked of; all unless given. */
  readonly kinds?: readonly Scored["kind"][];
  /** Begins an evaluation. */
  open(): MetricRun;
}
export interface MetricRun {
  add(batch: Scored): void;
  /** Over all batches. */
  value(): number;
}

/** Throws ConfigError for metrics of one name, or that cannot be asked of such targets. */
export function checkMetrics(metrics: readonly Metric[], kind: Scored["kind"]): void {
  const names = metrics.map((metric) => metric.name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined)
    throw new ConfigError(
      `metrics: there are two of the name ${quoted(twice)}; name each once`,
      {},
    );
  for (const name of names)
    if (name === "loss" || name === "accuracy")
      throw new ConfigError(`metrics: ${quoted(name)} is there already; name yours otherwise`, {});
  const other = metrics.find(({ kinds }) => kinds && !kinds.includes(kind));
  if (other)
    throw new ConfigError(
      `metrics: ${other.name} is of ${other.kinds!.join(" or ")}, and the loss's targets are ${kind}`,
      { name: other.name, kind },
    );
}

const AVERAGES = ["macro", "micro", "weighted"] as const;
/**
 * How the figures of several classes become one: their mean ("macro", the default), that of all
 * counts together ("micro"), or the mean weighted by how often each is wanted. A class's number
 * asks for that one alone, as 1 does in a question of yes and no.
 */
export type Average = (typeof AVERAGES)[number] | number;
export interface CountedOptions {
  readonly average?: Average;
}
interface Counts {
  readonly truePositive: number;
  readonly falsePositive: number;
  readonly falseNegative: number;
}
type Ratio = (counts: Counts) => readonly [part: number, of: number];

function checkAverage(name: string, average: Average): void {
  if (
    typeof average === "number"
      ? Number.isInteger(average) && average >= 0
      : AVERAGES.includes(average)
  )
    return;
  const meant = typeof average === "string" ? near(average, AVERAGES) : "";
  throw new ConfigError(
    `${name}: average ${quoted(average)}: ${meant}it is ${AVERAGES.join(", ")}, or a class's number`,
    { average },
  );
}
/** A metric that is a ratio of counts; 0 where it has nothing to count. */
function counted(name: string, ratio: Ratio, { average = "macro" }: CountedOptions): Metric {
  checkAverage(name, average);
  const open = (): MetricRun => {
    let counts: Counts[] = [];
    return {
      add(batch) {
        if (typeof average === "number" && average >= batch.classes)
          throw new ConfigError(`${name}: there is no class ${average} among ${batch.classes}`, {
            average,
          });
        if (counts.length === 0)
          counts = Array.from({ length: batch.classes }, () => ({ ...none }));
        count(batch, counts);
      },
      value: () => averaged(counts, ratio, average),
    };
  };
  return {
    name: average === "macro" ? name : `${name} ${average}`,
    kinds: ["classes", "labels"],
    open,
  };
}
const none: Counts = { truePositive: 0, falsePositive: 0, falseNegative: 0 };
function count(batch: Scored, into: { -readonly [K in keyof Counts]: number }[]): void {
  const add = (c: number, wanted: boolean, found: boolean): void => {
    if (wanted && found) into[c].truePositive++;
    else if (wanted) into[c].falseNegative++;
    else if (found) into[c].falsePositive++;
  };
  for (let row = 0; row < batch.rows; row++) {
    if (!batch.counts(row)) continue;
    if (batch.kind === "classes") {
      const [wanted, found] = [batch.wanted(row), batch.found(row)];
      add(wanted, true, wanted === found);
      if (wanted !== found) add(found, false, true);
    } else
      for (let c = 0; c < batch.classes; c++) add(c, batch.isWanted(row, c), batch.isFound(row, c));
  }
}
function averaged(counts: readonly Counts[], ratio: Ratio, average: Average): number {
  const figureOf = (c: Counts): number => {
    const [part, of] = ratio(c);
    return of === 0 ? 0 : part / of;
  };
  if (typeof average === "number") return figureOf(counts[average] ?? none);
  const sum = (of: (c: Counts) => number): number => counts.reduce((total, c) => total + of(c), 0);
  if (average === "micro")
    return figureOf({
      truePositive: sum((c) => c.truePositive),
      falsePositive: sum((c) => c.falsePositive),
      falseNegative: sum((c) => c.falseNegative),
    });
  const wanted = (c: Counts): number => c.truePositive + c.falseNegative;
  // a class that occurs nowhere says nothing
  const weight = (c: Counts): number =>
    average === "weighted" ? wanted(c) : wanted(c) + c.falsePositive > 0 ? 1 : 0;
  const all = sum(weight);
  return all === 0 ? 0 : sum((c) => weight(c) * figureOf(c)) / all;
}

/** Of what was found, the share that is right: TP/(TP + FP). */
export const precision = (options: CountedOptions = {}): Metric =>
  counted("precision", (c) => [c.truePositive, c.truePositive + c.falsePositive], options);
/** Of what was wanted, the share that was found: TP/(TP + FN). */
export const recall = (options: CountedOptions = {}): Metric =>
  counted("recall", (c) => [c.truePositive, c.truePositive + c.falseNegative], options);
/**
 * 2TP/(2TP + FP + FN), the harmonic mean of precision and recall; for masks, Dice's coefficient.
 */
export const f1 = (options: CountedOptions = {}): Metric =>
  counted(
    "f1",
    (c) => [2 * c.truePositive, 2 * c.truePositive + c.falsePositive + c.falseNegative],
    options,
  );
/** TP/(TP + FP + FN), Jaccard's index; a class that occurs nowhere is left out of the mean. */
export const intersectionOverUnion = (options: CountedOptions = {}): Metric =>
  counted(
    "intersectionOverUnion",
    (c) => [c.truePositive, c.truePositive + c.falsePositive + c.falseNegative],
    options,
  );
