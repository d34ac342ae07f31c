// Convolutions and pools of lines [N,C,L] and volumes [N,C,D,H,W], written with the ops of images:
// a line is an image of one row; a volume's convolution is an image's whose channels are the slices
// under the kernel, which are written out for it, so it takes the kernel's depth times the memory.
import {
  arithmetic,
  formatShape,
  ShapeError,
  type GraphBuilder,
  type Value,
} from "../../engine/index.ts";
import { checkGroups, convolved } from "./convolutions.ts";
import { largestOf, meanOf } from "./pools.ts";
import { along, windowsOf, type Pair, type Padding, type PerAxis3 } from "./per-axis.ts";
import { checkCells, MOST_CELLS, type Apply } from "./scope.ts";

interface Convolution<Sizes> {
  readonly outChannels: number;
  readonly kernelSize: Sizes;
  readonly stride?: Sizes;
  readonly padding?: Padding<Sizes>;
  readonly dilation?: Sizes;
  readonly groups?: number;
  readonly bias?: boolean;
}
interface Pool<Sizes> {
  readonly kernelSize: Sizes;
  readonly stride?: Sizes;
  readonly padding?: Padding<Sizes>;
}
export interface Conv1d extends Convolution<number> {
  readonly kind: "conv1d";
}
export interface Conv3d extends Convolution<PerAxis3> {
  readonly kind: "conv3d";
}
export interface Pool1d extends Pool<number> {
  readonly kind: "maxPool1d" | "avgPool1d";
}
export interface Pool3d extends Pool<PerAxis3> {
  readonly kind: "maxPool3d" | "avgPool3d";
}
export type LineOrVolumeLayer = Conv1d | Conv3d | Pool1d | Pool3d;

/** conv2d of lines [N,C,L]. */
export const conv1d = (options: Omit<Conv1d, "kind">): Conv1d => ({ kind: "conv1d", ...options });
/**
 * conv2d of volumes [N,C,D,H,W]. The slices under the kernel are laid out beside one another first.
 */
export const conv3d = (options: Omit<Conv3d, "kind">): Conv3d => ({ kind: "conv3d", ...options });
/** maxPool2d of lines [N,C,L]. */
export const maxPool1d = (options: Omit<Pool1d, "kind">): Pool1d => ({
  kind: "maxPool1d",
  ...options,
});
/** avgPool2d of lines [N,C,L]; zeros of the padding count. */
export const avgPool1d = (options: Omit<Pool1d, "kind">): Pool1d => ({
  kind: "avgPool1d",
  ...options,
});
/** maxPool2d of volumes [N,C,D,H,W]. */
export const maxPool3d = (options: Omit<Pool3d, "kind">): Pool3d => ({
  kind: "maxPool3d",
  ...options,
});
/** avgPool2d of volumes [N,C,D,H,W]; zeros of the padding count. */
export const avgPool3d = (options: Omit<Pool3d, "kind">): Pool3d => ({
  kind: "avgPool3d",
  ...options,
});

/** Cells of a line, and of what is laid out under a kernel along a volume's depth. */
const MOST_OF_LINE = 2 ** 20;
/** Throws ShapeError for an input of another number of axes, or with an axis of too many cells. */
function axesOf(name: string, x: Value, rank: 3 | 5): readonly number[] {
  x.shape
    .slice(2)
    .forEach((cells) => checkCells(name, cells, rank === 3 ? MOST_OF_LINE : MOST_CELLS));
  if (x.shape.length === rank) return x.shape;
  const wanted = rank === 3 ? "lines [N×C×L]" : "volumes [N×C×D×H×W]";
  throw new ShapeError(`layer ${name}: its input is ${formatShape(x.shape)}, it takes ${wanted}`, {
    name,
    shape: x.shape,
  });
}
/** A row's sizes for a line's, as images have them. */
const inRow = ({ kernelSize, stride, padding }: Pool<number>): Pool<readonly [number, number]> => ({
  kernelSize: [1, kernelSize],
  ...(stride === undefined ? {} : { stride: [1, stride] as const }),
  ...(padding === undefined
    ? {}
    : { padding: typeof padding === "number" ? ([0, padding] as const) : padding }),
});

export const applyConv1d: Apply<Conv1d> = ({ b, parameter }, name, x, layer) => {
  const { outChannels, kernelSize, dilation = 1, groups = 1, bias = true } = layer;
  const [N, C, L] = axesOf(name, x, 3);
  checkGroups(name, x, groups, outChannels);
  const { add, reshape } = arithmetic(b);
  const fanIn = (C / groups) * kernelSize;
  const w = parameter(`${name}.weight`, [outChannels, C / groups, kernelSize], fanIn);
  const row = reshape(w, [outChannels, C / groups, 1, kernelSize]);
  const sizes = { ...inRow(layer), dilation: [1, dilation] as const, groups };
  const y = convolved(b, name, reshape(x, [N, C, 1, L]), row, sizes);
  const line = reshape(y, [N, outChannels, y.shape[3]]);
  return bias ? add(line, parameter(`${name}.bias`, [outChannels, 1], fanIn)) : line;
};

export const applyPool1d: Apply<Pool1d> = ({ b }, name, x, { kind, ...layer }) => {
  const [N, C, L] = axesOf(name, x, 3);
  const { reshape } = arithmetic(b);
  const y = pools[kind](b, reshape(x, [N, C, 1, L]), inRow(layer));
  return reshape(y, [N, C, y.shape[3]]);
};
const pools = { maxPool1d: largestOf, maxPool3d: largestOf, avgPool1d: meanOf, avgPool3d: meanOf };

/** The slices under every place of the kernel: [N,C,D,H,W] → [N·D', C·kernel, H, W]. */
function slicesUnder(
  b: GraphBuilder,
  name: string,
  x: Value,
  layer: Conv3d,
): { slices: Value; depth: number } {
  const [N, C, D, H, W] = x.shape;
  const [{ kernel, stride, dilation, before, after }] = windowsOf(layer, [D]);
  const depth = Math.floor((before + D + after - dilation * (kernel - 1) - 1) / stride) + 1;
  if (depth < 1)
    throw new ShapeError(
      `layer ${name}: its kernel of depth ${kernel} does not fit into ${formatShape(x.shape)}; pad more`,
      { name, shape: x.shape },
    );
  checkCells(name, depth * kernel, MOST_OF_LINE);
  const edges = (n: number): number[] => [0, 0, n, 0, 0];
  const padded =
    before + after === 0 ? x : b.emit("pad", { x }, { before: edges(before), after: edges(after) });
  const indices = Array.from({ length: depth }, (_, p) =>
    Array.from({ length: kernel }, (_, k) => p * stride + k * dilation),
  ).flat();
  const { reshape } = arithmetic(b);
  const under = reshape(b.emit("take", { x: padded }, { axis: 2, indices }), [
    N,
    C,
    depth,
    kernel,
    H,
    W,
  ]);
  const turned = b.emit("transpose", { x: under }, { permutation: [0, 2, 1, 3, 4, 5] });
  return { slices: reshape(turned, [N * depth, C * kernel, H, W]), depth };
}

/** Sizes along rows and columns of those of a volume. */
function flat<T extends Padding<PerAxis3>>(sizes: T): Pair | Extract<T, string> {
  if (typeof sizes === "string") return sizes as Extract<T, string>;
  return [along(sizes as PerAxis3, 1), along(sizes as PerAxis3, 2)];
}

export const applyConv3d: Apply<Conv3d> = ({ b, parameter }, name, x, layer) => {
  const {
    outChannels,
    kernelSize,
    stride = 1,
    dilation = 1,
    padding = 0,
    groups = 1,
    bias = true,
  } = layer;
  const [N, C] = axesOf(name, x, 5);
  checkGroups(name, x, groups, outChannels);
  const kernel = [0, 1, 2].map((axis) => along(kernelSize, axis));
  const fanIn = (C / groups) * kernel[0] * kernel[1] * kernel[2];
  const w = parameter(`${name}.weight`, [outChannels, C / groups, ...kernel], fanIn);
  const { add, reshape } = arithmetic(b);
  const { slices, depth } = slicesUnder(b, name, x, layer);
  const planes = reshape(w, [outChannels, (C / groups) * kernel[0], kernel[1], kernel[2]]);
  const sizes = {
    kernelSize: flat(kernelSize),
    stride: flat(stride),
    dilation: flat(dilation),
    padding: flat(padding),
  };
  const y = convolved(b, name, slices, planes, { ...sizes, groups });
  const [, , H, W] = y.shape;
  const parts = reshape(y, [N, depth, outChannels, H, W]);
  const volume = b.emit("transpose", { x: parts }, { permutation: [0, 2, 1, 3, 4] });
  return bias ? add(volume, parameter(`${name}.bias`, [outChannels, 1, 1, 1], fanIn)) : volume;
};

/** First every slice, then along the depth: the largest of the largest, the mean of the means. */
export const applyPool3d: Apply<Pool3d> = (
  { b },
  name,
  x,
  { kind, kernelSize, stride = kernelSize, padding = 0 },
) => {
  const [N, C, D, H, W] = axesOf(name, x, 5);
  const { reshape } = arithmetic(b);
  const planes = { kernelSize: flat(kernelSize), stride: flat(stride), padding: flat(padding) };
  const each = pools[kind](b, reshape(x, [N, C * D, H, W]), planes);
  const [, , h, w] = each.shape;
  const deep = pools[kind](b, reshape(each, [N * C, 1, D, h * w]), {
    kernelSize: [along(kernelSize, 0), 1],
    stride: [along(stride, 0), 1],
    padding: typeof padding === "string" ? padding : [along(padding, 0), 0],
  });
  return reshape(deep, [N, C, deep.shape[2], h, w]);
};
