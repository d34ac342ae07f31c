// What a test's findings are shown from: its record and the names and figures around it.
import type { Box, Point } from "../../../report/index.ts";
import type { Accuracy, ImageRecord, Measurement, TestRecord } from "../../schema.ts";
import type { Scale } from "../../scales.ts";
import { intervalWords, MEAN_FROM, meanInterval95, type MeanInterval } from "../../intervals.ts";
import { mean } from "../../statistics.ts";

export interface Found {
  readonly test: Omit<TestRecord, "details">;
  /** In the result's order: a method's place is its mark. */
  readonly methods: readonly string[];
  /** The method's own name, of one that is shown under another. */
  readonly ownNames?: ReadonlyMap<string, string>;
  /** The method that the audit is about. */
  readonly audited: string;
  readonly images: readonly ImageRecord[];
  readonly accuracy: readonly Accuracy[];
  /** [height, width] */
  readonly shape: readonly [number, number];
  /** Of this test's pictures, by image. */
  readonly scales: readonly Scale[];
  /** Where each change |x̂(r) − x̂(0)| is largest, by the id of its picture. */
  readonly regions: Readonly<Record<string, Box>>;
  /** Share of k-space that the audit measures. */
  readonly sampledFraction: number;
}

/** The id of the picture of what a method makes of the undisturbed measurement. */
export const undisturbed = ({ ownNames }: Found, image: number, method: string): string =>
  `reconstruction ${image} ${ownNames?.get(method) ?? method}`;

/** A test that found nothing shows nothing. */
export const foundNothing = ({ measurements, rates = [], scores = [] }: Found["test"]): boolean =>
  measurements.length === 0 && rates.length === 0 && scores.length === 0;

export const distinct = <T>(values: readonly T[]): T[] => [...new Set(values)];
export const loss = (m: Measurement): number => m.psnr.before - m.psnr.after;
export const lossToNoise = (m: Measurement): number => m.psnr.before - m.noise.psnr;

/** The mean with its interval; of values that are not all finite the mean alone. */
export const spreadOf = (values: readonly number[]): MeanInterval =>
  values.every(Number.isFinite) ? meanInterval95(values) : { mean: mean(values) };

/** What stands beside a perturbation. */
export const noiseWords = ({ noise }: Measurement): string =>
  noise.measuredNorm === undefined
    ? "random noise of the same norm"
    : "random noise that is measured as much";
/** Nothing is a mean, or has an interval, where there is one image. */
export function overImages({ images }: Found): string {
  if (images.length === 1) return "";
  const means = "means over the images";
  return images.length < MEAN_FROM ? means : `${means} with ${intervalWords(images.length)}`;
}

/** A point at the mean, with its interval where there are values enough for one. */
export function meanPoint(x: number, values: readonly number[]): Point {
  const { mean: y, interval } = spreadOf(values);
  return { x, y, ...interval };
}
/** The methods that have measurements, with their marks. */
export function measured(
  { methods }: Found,
  measurements: readonly Measurement[],
): { name: string; mark: number; own: Measurement[] }[] {
  return methods
    .map((name, mark) => ({ name, mark, own: measurements.filter((m) => m.method === name) }))
    .filter(({ own }) => own.length > 0);
}
