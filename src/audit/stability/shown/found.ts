// What a test's findings are shown from: its record and the names and figures around it.
import type { Point } from "../../../report/index.ts";
import type { Accuracy, ImageRecord, Measurement, TestRecord } from "../../schema.ts";
import { meanInterval95, type MeanInterval } from "../../intervals.ts";
import { mean } from "../../statistics.ts";

export interface Found {
  readonly test: Omit<TestRecord, "details">;
  /** In the result's order: a method's place is its mark. */
  readonly methods: readonly string[];
  readonly images: readonly ImageRecord[];
  readonly accuracy: readonly Accuracy[];
  /** [height, width] */
  readonly shape: readonly [number, number];
  /** The maxima behind the grey and colour scales, by image. */
  readonly scales: readonly { readonly magnitude: number; readonly error: number }[];
  /** Share of k-space that the audit measures. */
  readonly sampledFraction: number;
}

/** A test that found nothing shows nothing. */
export const foundNothing = ({ measurements, rates = [] }: Found["test"]): boolean =>
  measurements.length === 0 && rates.length === 0;

export const distinct = <T>(values: readonly T[]): T[] => [...new Set(values)];
export const loss = (m: Measurement): number => m.psnr.before - m.psnr.after;
export const lossToNoise = (m: Measurement): number => m.psnr.before - m.noise.psnr;

/** The mean with its interval; of values that are not all finite the mean alone. */
export const spreadOf = (values: readonly number[]): MeanInterval =>
  values.every(Number.isFinite) ? meanInterval95(values) : { mean: mean(values) };

/** A point at the mean, with its 95 % interval where there are values enough for one. */
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
