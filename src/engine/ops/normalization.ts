// What the normalising ops share: which elements form a group, and its mean and deviation.
import { ShapeError } from "../core/errors.ts";
import { forEachIndex, formatShape, type Shape } from "../core/shape.ts";
import type { HostArray } from "../graph/ir.ts";

export interface NormalizeAttributes {
  readonly axes: readonly number[];
  readonly epsilon: number;
}

export function checkNormalize(op: string, x: Shape, { axes, epsilon }: NormalizeAttributes): void {
  if (axes.length === 0 || axes.some((a) => !(a >= 0 && a < x.length)) || !(epsilon >= 0)) {
    throw new ShapeError(
      `${op}: axes [${axes}] must be some of ${formatShape(x)}, epsilon ${epsilon} not negative`,
      { x, axes, epsilon },
    );
  }
}

/** The flat indices of each group that is normalised together. */
export function groupsOf(x: Shape, axes: readonly number[]): number[][] {
  const groups = new Map<string, number[]>();
  forEachIndex(x, (flat, index) => {
    const key = index.filter((_, i) => !axes.includes(i)).join();
    const group = groups.get(key);
    if (group) group.push(flat);
    else groups.set(key, [flat]);
  });
  return [...groups.values()];
}

/**
 * Mean and 1/√(variance + ε) of a group; the variance is the biased one, as in PyTorch's
 * normalisation layers.
 */
export function statistics(
  x: HostArray,
  group: readonly number[],
  epsilon: number,
): [mean: number, scale: number] {
  let mean = 0;
  for (const i of group) mean += x.data[i];
  mean /= group.length;
  let variance = 0;
  for (const i of group) variance += (x.data[i] - mean) ** 2;
  return [mean, 1 / Math.sqrt(variance / group.length + epsilon)];
}

/** instance norm, batch norm, layer norm */
export const normalizeCases: readonly { x: Shape; attrs: NormalizeAttributes }[] = [
  { x: [2, 3, 4, 5], attrs: { axes: [2, 3], epsilon: 1e-5 } },
  { x: [2, 3, 4, 5], attrs: { axes: [0, 2, 3], epsilon: 1e-3 } },
  { x: [4, 9], attrs: { axes: [1], epsilon: 1e-5 } },
];
