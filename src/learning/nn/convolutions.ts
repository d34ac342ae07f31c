// Convolutions, edges around images, and changes of size. Pools: pools.ts; of lines and volumes:
// lines-and-volumes.ts.
import {
  arithmetic,
  ConfigError,
  formatShape,
  ShapeError,
  type GraphBuilder,
  type Value,
} from "../../engine/index.ts";
import type {
  Conv2d,
  ConvTranspose2d,
  DepthwiseConv2d,
  PaddingMode,
  PixelShuffle,
  SeparableConv2d,
  Upsample,
} from "./layers.ts";
import { pairOf, windowsOf, type Pair, type Windows } from "./per-axis.ts";
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
    {
      axis,
      indices: Array.from({ length: before + n + after }, (_, i) => placeIn(n, i - before, mode)),
    },
  );
}

/** Throws ShapeError where channels do not divide into groups. */
export function checkGroups(name: string, x: Value, groups: number, outChannels: number): void {
  const [given, made] = [x.shape[1] % groups, outChannels % groups];
  if (given === 0 && made === 0) return;
  const what =
    given !== 0
      ? `${x.shape[1]} channels of its input ${formatShape(x.shape)}`
      : `its ${outChannels} outChannels`;
  throw new ShapeError(`layer ${name}: ${what} do not divide into ${groups} groups`, {
    name,
    shape: x.shape,
  });
}
/** [value along the rows, along the columns] of windows. */
const both = (windows: readonly Windows[], of: (w: Windows) => number): Pair => [
  of(windows[0]),
  of(windows[1]),
];

/** The convolution of images with a kernel [K, C/groups, R, S], as a layer says it. */
export function convolved(
  b: GraphBuilder,
  name: string,
  x: Value,
  w: Value,
  layer: Pick<Conv2d, "kernelSize" | "stride" | "dilation" | "padding" | "paddingMode" | "groups">,
): Value {
  const { groups = 1, paddingMode = "zeros" } = layer;
  const windows = windowsOf(layer, x.shape.slice(2));
  const { padded, padding } = paddedFor(b, name, x, windows, paddingMode);
  const [stride, dilation] = [both(windows, (v) => v.stride), both(windows, (v) => v.dilation)];
  return b.emit("conv2d", { x: padded, w }, { stride, padding, dilation, groups });
}

export const conv2d: Apply<Conv2d> = (scope, name, x, layer) => {
  const { b, parameter } = scope;
  const { outChannels, groups = 1, bias = true } = layer;
  const [rows, columns] = pairOf(layer.kernelSize);
  const C = images(name, x)[1];
  checkGroups(name, x, groups, outChannels);
  const fanIn = (C / groups) * rows * columns;
  const w = parameter(`${name}.weight`, [outChannels, C / groups, rows, columns], fanIn);
  const y = convolved(b, name, x, w, layer);
  return bias ? arithmetic(b).add(y, parameter(`${name}.bias`, [outChannels, 1, 1], fanIn)) : y;
};

export const depthwiseConv2d: Apply<DepthwiseConv2d> = (
  scope,
  name,
  x,
  { multiplier = 1, ...layer },
) => {
  const C = images(name, x)[1];
  return conv2d(scope, name, x, {
    ...layer,
    kind: "conv2d",
    outChannels: C * multiplier,
    groups: C,
  });
};

export const separableConv2d: Apply<SeparableConv2d> = (
  scope,
  name,
  x,
  { outChannels, bias = true, ...layer },
) => {
  const each = scope.apply(`${name}.depthwise`, x, {
    ...layer,
    kind: "depthwiseConv2d",
    bias: false,
  });
  return scope.apply(`${name}.pointwise`, each, {
    kind: "conv2d",
    outChannels,
    kernelSize: 1,
    bias,
  });
};

/** What a convolution does not pad itself: other modes than zeros, and sides that differ. */
function paddedFor(
  b: GraphBuilder,
  name: string,
  x: Value,
  [rows, columns]: readonly Windows[],
  mode: PaddingMode,
): { padded: Value; padding: Pair } {
  if (mode === "zeros") {
    if (rows.before === rows.after && columns.before === columns.after)
      return { padded: x, padding: [rows.before, columns.before] };
    const before = [0, 0, rows.before, columns.before];
    const after = [0, 0, rows.after, columns.after];
    return { padded: b.emit("pad", { x }, { before, after }), padding: [0, 0] };
  }
  const tall = rows.after === 0 ? x : padAxis(b, x, 2, rows.before, rows.after, mode, name);
  const padded =
    columns.after === 0 ? tall : padAxis(b, tall, 3, columns.before, columns.after, mode, name);
  return { padded, padding: [0, 0] };
}

export const convTranspose2d: Apply<ConvTranspose2d> = ({ b, parameter }, name, x, layer) => {
  const { outChannels, groups = 1, bias = true } = layer;
  const [kernel, stride, dilation] = [layer.kernelSize, layer.stride ?? 1, layer.dilation ?? 1].map(
    pairOf,
  );
  const [padding, outputPadding] = [layer.padding ?? 0, layer.outputPadding ?? 0].map(pairOf);
  const C = images(name, x)[1];
  checkGroups(name, x, groups, outChannels);
  const beyond = outputPadding.findIndex(
    (n, axis) => n > 0 && n >= Math.max(stride[axis], dilation[axis]),
  );
  if (beyond >= 0)
    throw new ConfigError(
      `layer ${name}: outputPadding ${outputPadding[beyond]} must be less than the stride or the dilation`,
      { name, outputPadding },
    );
  const fanIn = (outChannels / groups) * kernel[0] * kernel[1];
  const w = parameter(`${name}.weight`, [C, outChannels / groups, ...kernel], fanIn);
  const y = b.emit(
    "conv_transpose2d",
    { x, w },
    { stride, padding, dilation, groups, outputPadding },
  );
  return bias ? arithmetic(b).add(y, parameter(`${name}.bias`, [outChannels, 1, 1], fanIn)) : y;
};

/** An axis of x enlarged: each cell one of x's, or two weighted by their distance. */
function enlarged(
  b: GraphBuilder,
  x: Value,
  axis: 2 | 3,
  scale: number,
  mode: "nearest" | "bilinear",
): Value {
  const n = x.shape[axis];
  const cells = Array.from({ length: n * scale }, (_, i) => i);
  if (mode === "nearest")
    return b.emit("take", { x }, { axis, indices: cells.map((i) => Math.floor(i / scale)) });
  const places = cells.map((i) => Math.max(0, (i + 0.5) / scale - 0.5));
  const low = places.map((at) => Math.min(n - 1, Math.floor(at)));
  const share = places.map((at, i) => at - low[i]);
  const { add, mul } = arithmetic(b);
  const weighted = (indices: readonly number[], weights: readonly number[]): Value =>
    mul(
      b.emit("take", { x }, { axis, indices }),
      b.constant(weights, axis === 2 ? [n * scale, 1] : [n * scale]),
    );
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
    throw new ConfigError(`layer ${name}: the scale ${scale} must be a whole number from 1 up`, {
      name,
      scale,
    });
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
