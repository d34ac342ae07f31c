// Convolutions, pools and changes of size.
import { arithmetic, ConfigError, formatShape, ShapeError, type GraphBuilder, type Value } from "../../engine/index.ts";
import type {
  AdaptivePool2d,
  AvgPool2d,
  Conv2d,
  ConvTranspose2d,
  MaxPool2d,
  PaddingMode,
  PixelShuffle,
  Upsample,
} from "./layers.ts";
import { checkCells, images, type Apply } from "./scope.ts";

/** What stands outside an image, but for zeros; "symmetric" repeats its edge. */
export type EdgeMode = Exclude<PaddingMode, "zeros"> | "symmetric";

/** The cell of an axis of n that stands at i, which may lie outside it. */
export function placeIn(n: number, i: number, mode: EdgeMode): number {
  if (mode === "replicate") return Math.max(0, Math.min(n - 1, i));
  if (mode === "circular") return (i + n) % n;
  if (mode === "symmetric") return i < 0 ? -1 - i : i >= n ? 2 * n - 1 - i : i;
  return i < 0 ? -i : i >= n ? 2 * (n - 1) - i : i;
}

/** Pads an axis of n by `before` and `after` cells that repeat the image as `mode` says. */
export function padAxis(
  b: GraphBuilder,
  x: Value,
  axis: number,
  before: number,
  after: number,
  mode: EdgeMode,
  name: string,
): Value {
  const n = x.shape[axis];
  checkCells(name, before + n + after);
  const most = mode === "replicate" ? Number.POSITIVE_INFINITY : mode === "reflect" ? n - 1 : n;
  if (Math.max(before, after) > most)
    throw new ShapeError(
      `layer ${name}: padding ${Math.max(before, after)} with mode "${mode}" needs an image larger than ${formatShape(x.shape)}`,
      { name, shape: x.shape },
    );
  return b.emit(
    "take",
    { x },
    { axis, indices: Array.from({ length: before + n + after }, (_, i) => placeIn(n, i - before, mode)) },
  );
}

/**
 * Zeros before and after an axis of n with padding "same": ⌈n/stride⌉ outputs, an odd zero at the
 * end (ONNX's SAME_UPPER; at stride 1 PyTorch's "same").
 */
export function samePadding(n: number, kernel: number, stride: number, dilation: number): [number, number] {
  const total = Math.max(0, (Math.ceil(n / stride) - 1) * stride + dilation * (kernel - 1) + 1 - n);
  return [Math.floor(total / 2), Math.ceil(total / 2)];
}
/** Cells before and after each of the image's two axes. */
export function paddingOf(layer: Conv2d, size: readonly number[]): [number, number][] {
  const { kernelSize, stride = 1, dilation = 1, padding = 0 } = layer;
  return size.map((n) => {
    if (padding === "same") return samePadding(n, kernelSize, stride, dilation);
    const both = padding === "valid" ? 0 : padding;
    return [both, both];
  });
}

export const conv2d: Apply<Conv2d> = (scope, name, x, layer) => {
  const { b, parameter } = scope;
  const { outChannels, kernelSize: k, stride = 1, dilation = 1, groups = 1, bias = true } = layer;
  const C = images(name, x)[1];
  if (C % groups !== 0)
    throw new ShapeError(
      `layer ${name}: ${C} channels of its input ${formatShape(x.shape)} do not divide into ${groups} groups`,
      { name, shape: x.shape },
    );
  const fanIn = (C / groups) * k * k;
  const w = parameter(`${name}.weight`, [outChannels, C / groups, k, k], fanIn);
  const { padded, padding } = paddedFor(b, name, x, layer);
  const y = b.emit(
    "conv2d",
    { x: padded, w },
    { stride: [stride, stride], padding, dilation: [dilation, dilation], groups },
  );
  return bias ? arithmetic(b).add(y, parameter(`${name}.bias`, [outChannels, 1, 1], fanIn)) : y;
};

/** What a convolution does not pad itself: other modes than zeros, and sides that differ. */
function paddedFor(
  b: GraphBuilder,
  name: string,
  x: Value,
  layer: Conv2d,
): { padded: Value; padding: readonly [number, number] } {
  const { paddingMode = "zeros" } = layer;
  const [rows, columns] = paddingOf(layer, x.shape.slice(2));
  if (paddingMode === "zeros") {
    if (rows[0] === rows[1] && columns[0] === columns[1]) return { padded: x, padding: [rows[0], columns[0]] };
    const padded = b.emit("pad", { x }, { before: [0, 0, rows[0], columns[0]], after: [0, 0, rows[1], columns[1]] });
    return { padded, padding: [0, 0] };
  }
  const tall = rows[1] === 0 ? x : padAxis(b, x, 2, ...rows, paddingMode, name);
  const padded = columns[1] === 0 ? tall : padAxis(b, tall, 3, ...columns, paddingMode, name);
  return { padded, padding: [0, 0] };
}

export const convTranspose2d: Apply<ConvTranspose2d> = (
  { b, parameter },
  name,
  x,
  { outChannels, kernelSize: k, stride = 1, padding = 0, bias = true },
) => {
  const C = images(name, x)[1];
  const w = parameter(`${name}.weight`, [C, outChannels, k, k], outChannels * k * k);
  const y = b.emit(
    "conv_transpose2d",
    { x, w },
    { stride: [stride, stride], padding: [padding, padding], dilation: [1, 1], groups: 1, outputPadding: [0, 0] },
  );
  return bias ? arithmetic(b).add(y, parameter(`${name}.bias`, [outChannels, 1, 1], outChannels * k * k)) : y;
};

/**
 * Cells by which the last window reaches past an axis of n in ceil mode, as PyTorch counts: a
 * window must start inside the image or its left padding.
 */
function overhang(n: number, k: number, stride: number, padding: number, ceilMode: boolean): number {
  if (!ceilMode) return 0;
  let out = Math.ceil((n + 2 * padding - k) / stride) + 1;
  if ((out - 1) * stride >= n + padding) out--;
  return Math.max(0, (out - 1) * stride + k - n - 2 * padding);
}

export const maxPool2d: Apply<MaxPool2d> = (
  { b },
  name,
  x,
  { kernelSize: k, stride = k, padding = 0, ceilMode = false },
) => {
  const [, , H, W] = images(name, x);
  const [down, right] = [H, W].map((n) => overhang(n, k, stride, padding, ceilMode));
  // a window that reaches past the edge holds the edge itself, so repeating it changes no maximum;
  // with padding the overhang lies beyond it
  let y = x;
  if (down > 0) y = padAxis(b, y, 2, 0, down, "replicate", name);
  if (right > 0) y = padAxis(b, y, 3, 0, right, "replicate", name);
  return b.emit("max_pool2d", { x: y }, { kernel: [k, k], stride: [stride, stride], padding: [padding, padding] });
};

export const avgPool2d: Apply<AvgPool2d> = (
  { b },
  name,
  x,
  { kernelSize: k, stride = k, padding = 0, ceilMode = false, countIncludePad = true },
) => {
  const [, , H, W] = images(name, x);
  const [down, right] = [H, W].map((n) => overhang(n, k, stride, padding, ceilMode));
  const attrs = { kernel: [k, k], stride: [stride, stride], padding: [0, 0] } as const;
  if (down === 0 && right === 0 && (countIncludePad || padding === 0))
    return b.emit("avg_pool2d", { x }, { ...attrs, padding: [padding, padding] });
  const padded = b.emit(
    "pad",
    { x },
    { before: [0, 0, padding, padding], after: [0, 0, padding + down, padding + right] },
  );
  const sums = b.emit("avg_pool2d", { x: padded }, attrs);
  const [, , h, w] = sums.shape;
  /**
   * cells of a window that count: those of the image, and of its padding where they are wanted,
   * never the overhang
   */
  const counted = (i: number, n: number): number => {
    const from = i * stride - padding;
    const [low, high] = countIncludePad ? [-padding, n + padding] : [0, n];
    return Math.min(from + k, high) - Math.max(from, low);
  };
  const scale = (cells: number, n: number): Float64Array =>
    Float64Array.from({ length: cells }, (_, i) => k / counted(i, n));
  const { mul } = arithmetic(b);
  return mul(mul(sums, b.constant(scale(h, H), [h, 1])), b.constant(scale(w, W), [w]));
};

export const adaptivePool2d: Apply<AdaptivePool2d> = ({ b }, name, x, { kind, outputSize }) => {
  images(name, x);
  let y = x;
  outputSize.forEach((m, i) => {
    const axis = 2 + i;
    const n = y.shape[axis];
    if (!Number.isInteger(m) || m < 1)
      throw new ConfigError(`layer ${name}: outputSize ${outputSize.join("×")} must be whole numbers from 1 up`, {
        name,
        outputSize,
      });
    const windows = Array.from(
      { length: m },
      (_, o) => [Math.floor((o * n) / m), Math.ceil(((o + 1) * n) / m)] as const,
    );
    const k = Math.max(...windows.map(([from, to]) => to - from));
    // every window is brought to one size by repeating its last cell; means are weighted so that
    // the repeats do not count
    const indices = windows.flatMap(([from, to]) => Array.from({ length: k }, (_, j) => Math.min(from + j, to - 1)));
    const even = indices.length === n && k * m === n;
    const spread = even ? y : b.emit("take", { x: y }, { axis, indices });
    const pair = (v: number): readonly [number, number] => (i === 0 ? [v, 1] : [1, v]);
    const attrs = { kernel: pair(k), stride: pair(k), padding: [0, 0] as const };
    if (kind === "adaptiveMaxPool2d") {
      y = b.emit("max_pool2d", { x: spread }, attrs);
      return;
    }
    const weights = Float64Array.from(
      windows.flatMap(([from, to]) => Array.from({ length: k }, (_, j) => (from + j < to ? k / (to - from) : 0))),
    );
    const weighted = even ? spread : arithmetic(b).mul(spread, b.constant(weights, i === 0 ? [k * m, 1] : [k * m]));
    y = b.emit("avg_pool2d", { x: weighted }, attrs);
  });
  return y;
};

/** An axis of x enlarged: each cell one of x's, or two weighted by their distance. */
function enlarged(b: GraphBuilder, x: Value, axis: 2 | 3, scale: number, mode: "nearest" | "bilinear"): Value {
  const n = x.shape[axis];
  const cells = Array.from({ length: n * scale }, (_, i) => i);
  if (mode === "nearest") return b.emit("take", { x }, { axis, indices: cells.map((i) => Math.floor(i / scale)) });
  const places = cells.map((i) => Math.max(0, (i + 0.5) / scale - 0.5));
  const low = places.map((at) => Math.min(n - 1, Math.floor(at)));
  const share = places.map((at, i) => at - low[i]);
  const { add, mul } = arithmetic(b);
  const weighted = (indices: readonly number[], weights: readonly number[]): Value =>
    mul(b.emit("take", { x }, { axis, indices }), b.constant(weights, axis === 2 ? [n * scale, 1] : [n * scale]));
  return add(
    weighted(
      low,
      share.map((s) => 1 - s),
    ),
    weighted(
      low.map((cell, i) => (share[i] > 0 ? Math.min(n - 1, cell + 1) : cell)),
      share,
    ),
  );
}

export const upsample: Apply<Upsample> = ({ b }, name, x, { scale, mode }) => {
  images(name, x);
  if (!Number.isInteger(scale) || scale < 1)
    throw new ConfigError(`layer ${name}: the scale ${scale} must be a whole number from 1 up`, { name, scale });
  x.shape.slice(2).forEach((n) => checkCells(name, n * scale));
  return enlarged(b, enlarged(b, x, 3, scale, mode), 2, scale, mode);
};

export const pixelShuffle: Apply<PixelShuffle> = ({ b }, name, x, { scale: s }) => {
  const [N, C, H, W] = images(name, x);
  if (!Number.isInteger(s) || s < 1 || C % (s * s) !== 0)
    throw new ShapeError(
      `layer ${name}: ${C} channels of its input ${formatShape(x.shape)} are no multiple of ${s}² = ${s * s}`,
      { name, shape: x.shape },
    );
  const { reshape } = arithmetic(b);
  const turned = b.emit(
    "transpose",
    { x: reshape(x, [N, C / (s * s), s, s, H, W]) },
    { permutation: [0, 1, 4, 2, 5, 3] },
  );
  return reshape(turned, [N, C / (s * s), H * s, W * s]);
};
