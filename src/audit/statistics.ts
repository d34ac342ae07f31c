// Means and their intervals.
import { NORMAL_95 } from "./likelihood/normals.ts";

export const mean = (values: readonly number[]): number =>
  values.length === 0 ? 0 : values.reduce((a, b) => a + b, 0) / values.length;

/**
 * The mean, and half the width of its 95 % interval by the normal approximation; 0 for fewer than
 * two values.
 */
export function meanInterval(values: readonly number[]): { mean: number; half: number } {
  const average = mean(values);
  const deviation =
    values.length > 1 ? Math.sqrt(values.reduce((s, v) => s + (v - average) ** 2, 0) / (values.length - 1)) : 0;
  return { mean: average, half: values.length > 1 ? (NORMAL_95 * deviation) / Math.sqrt(values.length) : 0 };
}
