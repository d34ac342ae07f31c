// Pools: the largest value or the mean of every window, and reductions of whole axes.
import {
  arithmetic,
  ConfigError,
  formatShape,
  ShapeError,
  type GraphBuilder,
  type Value,
} from "../../engine/index.ts";
import type { AdaptivePool2d, AvgPool2d, MaxPool2d, Reduce } from "./layers.ts";
import { windowsOf, type Pair, type WindowSizes, type Windows } from "./per-axis.ts";
import { images, type Apply } from "./scope.ts";

/**
 * Cells by which the last window reaches past an axis of n in ceil mode, as PyTorch counts: a
 * window must start inside the image or its left padding.
 */
function overhang(n: number, { kernel, stride, dilation, before, after }: Windows): number {
  const reach = dilation * (kernel - 1) + 1;
  let out = Math.ceil((n + before + after - reach) / stride) + 1;
  if ((out - 1) * stride >= n + before) out--;
  return Math.max(0, (out - 1) * stride + reach - n - before - after);
}
/** A pool's windows along both axes, and how far the last ones reach past the padding. */
function poolOf(
  layer: WindowSizes & { readonly ceilMode?: boolean },
  [H, W]: readonly number[],
): { windows: Windows[]; over: Pair } {
  const windows = windowsOf(layer, [H, W], layer.kernelSize);
  const { ceilMode = false } = layer;
  return { windows, over: ceilMode ? [overhang(H, windows[0]), overhang(W, windows[1])] : [0, 0] };
}

/** The largest value of every window of [N,C,H,W], whatever its sides. */
export function largestOf(b: GraphBuilder, x: Value, layer: Omit<MaxPool2d, "kind">): Value {
  const { windows, over } = poolOf(layer, x.shape.slice(2));
  const [rows, columns] = windows;
  const padding: Pair = [rows.before, columns.before];
  const after: Pair = [rows.after + over[0], columns.after + over[1]];
  const dilation: Pair = [rows.dilation, columns.dilation];
  const attrs = {
    kernel: [rows.kernel, columns.kernel],
    stride: [rows.stride, columns.stride],
    padding,
    ...(after.join() === padding.join() ? {} : { after }),
    ...(dilation.join() === "1,1" ? {} : { dilation }),
  } as const;
  return b.emit("max_pool2d", { x }, attrs);
}
export const maxPool2d: Apply<MaxPool2d> = ({ b }, name, x, layer) => {
  images(name, x);
  return largestOf(b, x, layer);
};

/** The mean of every window of [N,C,H,W], whatever its sides. */
export function meanOf(b: GraphBuilder, x: Value, layer: Omit<AvgPool2d, "kind">): Value {
  const { countIncludePad = true } = layer;
  const size = x.shape.slice(2);
  const { windows, over } = poolOf(layer, size);
  const [rows, columns] = windows;
  const attrs = {
    kernel: [rows.kernel, columns.kernel],
    stride: [rows.stride, columns.stride],
    padding: [0, 0],
  } as const;
  const even = windows.every((w) => w.before === w.after) && over.every((n) => n === 0);
  const unpadded = windows.every((w) => w.before === 0 && w.after === 0);
  if (even && (countIncludePad || unpadded))
    return b.emit("avg_pool2d", { x }, { ...attrs, padding: [rows.before, columns.before] });
  const before = [0, 0, rows.before, columns.before];
  const after = [0, 0, rows.after + over[0], columns.after + over[1]];
  const sums = b.emit("avg_pool2d", { x: b.emit("pad", { x }, { before, after }) }, attrs);
  const [, , h, w] = sums.shape;
  const { mul } = arithmetic(b);
  const shapes = [[h, 1], [w]] as const;
  return [h, w].reduce((y, cells, axis) => {
    const { before: edge, after: end } = windows[axis];
    if (edge + end + over[axis] === 0) return y;
    return mul(
      y,
      b.constant(weights(cells, size[axis], windows[axis], countIncludePad), shapes[axis]),
    );
  }, sums);
}
export const avgPool2d: Apply<AvgPool2d> = ({ b }, name, x, layer) => {
  images(name, x);
  return meanOf(b, x, layer);
};
/**
 * For every window along an axis of n, its cells over those that count: those of the image, and of
 * its padding where they are wanted, never the overhang.
 */
function weights(count: number, n: number, window: Windows, padded: boolean): Float64Array {
  const { kernel, stride, before, after } = window;
  const [low, high] = padded ? [-before, n + after] : [0, n];
  return Float64Array.from({ length: count }, (_, i) => {
    const from = i * stride - before;
    return kernel / (Math.min(from + kernel, high) - Math.max(from, low));
  });
}

export const adaptivePool2d: Apply<AdaptivePool2d> = ({ b }, name, x, { kind, outputSize }) => {
  images(name, x);
  let y = x;
  outputSize.forEach((m, i) => {
    const axis = 2 + i;
    const n = y.shape[axis];
    if (!Number.isInteger(m) || m < 1)
      throw new ConfigError(
        `layer ${name}: outputSize ${outputSize.join("×")} must be whole numbers from 1 up`,
        { name, outputSize },
      );
    const cells = Array.from(
      { length: m },
      (_, o) => [Math.floor((o * n) / m), Math.ceil(((o + 1) * n) / m)] as const,
    );
    const k = Math.max(...cells.map(([from, to]) => to - from));
    // every window is brought to one size by repeating its last cell; means are weighted so that
    // the repeats do not count
    const indices = cells.flatMap(([from, to]) =>
      Array.from({ length: k }, (_, j) => Math.min(from + j, to - 1)),
    );
    const even = indices.length === n && k * m === n;
    const spread = even ? y : b.emit("take", { x: y }, { axis, indices });
    const pair = (v: number): readonly [number, number] => (i === 0 ? [v, 1] : [1, v]);
    const attrs = { kernel: pair(k), stride: pair(k), padding: [0, 0] as const };
    if (kind === "adaptiveMaxPool2d") {
      y = b.emit("max_pool2d", { x: spread }, attrs);
      return;
    }
    const shares = Float64Array.from(
      cells.flatMap(([from, to]) =>
        Array.from({ length: k }, (_, j) => (from + j < to ? k / (to - from) : 0)),
      ),
    );
    const weighted = even
      ? spread
      : arithmetic(b).mul(spread, b.constant(shares, i === 0 ? [k * m, 1] : [k * m]));
    y = b.emit("avg_pool2d", { x: weighted }, attrs);
  });
  return y;
};

export const reduce: Apply<Reduce> = ({ b }, name, x, { axes, by }) => {
  const strange = axes.find(
    (axis, i) => axis < 1 || axis >= x.shape.length || axes.indexOf(axis) !== i,
  );
  if (axes.length === 0 || strange !== undefined)
    throw new ShapeError(
      `layer ${name}: axes [${axes.join(", ")}] of its input ${formatShape(x.shape)}; name each once, from 1 (the channels) to ${x.shape.length - 1}`,
      { name, axes },
    );
  const { mean, reshape, sum } = arithmetic(b);
  const reductions = {
    max: () => b.emit("reduce_max", { x }, { axes }),
    mean: () => mean(x, axes),
    sum: () => sum(x, axes),
  };
  const kept = x.shape.map((n, axis) => (axes.includes(axis) ? 1 : n));
  return reshape(reductions[by](), kept);
};
