// What the pooling ops share: output sizes and the loop over windows.
import { ConfigError, ShapeError } from "../core/errors.ts";
import { formatShape, type Shape } from "../core/shape.ts";
import type { PoolAttributes } from "../graph/catalogue.ts";

/** How windows lie along one axis of n cells: the first begins at −before. */
interface Windows {
  readonly count: number;
  readonly n: number;
  readonly kernel: number;
  readonly stride: number;
  readonly before: number;
  readonly dilation: number;
}
function windowsAlong(axis: 0 | 1, n: number, attrs: PoolAttributes): Windows {
  const { after = attrs.padding, dilation = [1, 1] } = attrs;
  const [kernel, stride, before] = [attrs.kernel[axis], attrs.stride[axis], attrs.padding[axis]];
  const reach = dilation[axis] * (kernel - 1) + 1;
  const count = Math.floor((n + before + after[axis] - reach) / stride) + 1;
  return { count, n, kernel, stride, before, dilation: dilation[axis] };
}
/** A window without a cell of the image, which has no largest; undefined where all have one. */
function emptyWindow({ count, n, kernel, stride, before, dilation }: Windows): number | undefined {
  for (let p = 0; p < count; p++) {
    const start = p * stride - before;
    const skipped = Math.max(0, Math.ceil(-start / dilation));
    if (skipped >= kernel || start + skipped * dilation >= n) return p;
  }
  return undefined;
}

/**
 * Shape after pooling x [N,C,H,W]. Throws ConfigError for attributes that are no window's,
 * ShapeError when none fits into the padded image or one lies in the padding alone.
 */
export function pooledShape(op: string, x: Shape, attrs: PoolAttributes): Shape {
  const { kernel, stride, padding, after = padding, dilation = [1, 1] } = attrs;
  if (x.length !== 4)
    throw new ShapeError(`${op}: x is ${formatShape(x)}; it must have 4 axes`, { op, x });
  if (
    ![...kernel, ...stride, ...dilation].every((n) => n >= 1) ||
    ![...padding, ...after].every((n) => n >= 0)
  ) {
    throw new ConfigError(
      `${op}: kernel [${kernel}], stride [${stride}] and dilation [${dilation}] must be at least 1, ` +
        `padding [${padding}] and [${after}] at least 0`,
      { kernel, stride, dilation, padding, after },
    );
  }
  const along = ([0, 1] as const).map((axis) => windowsAlong(axis, x[axis + 2], attrs));
  if (along.some(({ count }) => count < 1))
    throw new ShapeError(`${op}: a window of [${kernel}] does not fit into ${formatShape(x)}`, {
      op,
      x,
      kernel,
    });
  along.forEach((windows, axis) => {
    const empty = emptyWindow(windows);
    if (empty !== undefined)
      throw new ShapeError(
        `${op}: window ${empty} along axis ${axis + 2} holds no cell of ${formatShape(x)}; ` +
          `pad less than [${padding}] and [${after}]`,
        { op, x, padding, after },
      );
  });
  return [x[0], x[1], along[0].count, along[1].count];
}

/** For every output cell, visits the indices of its window inside x. */
export function forEachWindow(
  x: Shape,
  y: Shape,
  { kernel, stride, padding, dilation = [1, 1] }: PoolAttributes,
  cell: (yi: number, window: readonly number[]) => void,
): void {
  const [N, C, H, W] = x;
  for (let nc = 0; nc < N * C; nc++)
    for (let p = 0; p < y[2]; p++)
      for (let q = 0; q < y[3]; q++) {
        const window: number[] = [];
        for (let r = 0; r < kernel[0]; r++)
          for (let s = 0; s < kernel[1]; s++) {
            const h = p * stride[0] - padding[0] + r * dilation[0];
            const w = q * stride[1] - padding[1] + s * dilation[1];
            if (h >= 0 && h < H && w >= 0 && w < W) window.push((nc * H + h) * W + w);
          }
        cell((nc * y[2] + p) * y[3] + q, window);
      }
}

/** Index of the window's first largest value (PyTorch's choice at ties). */
export function argmax(data: Float64Array, window: readonly number[]): number {
  let best = window[0];
  for (const i of window) if (data[i] > data[best]) best = i;
  return best;
}

export const poolCases: readonly { x: Shape; y: Shape; attrs: PoolAttributes }[] = [
  { x: [2, 3, 6, 8], y: [2, 3, 3, 4], attrs: { kernel: [2, 2], stride: [2, 2], padding: [0, 0] } },
  { x: [1, 2, 7, 9], y: [1, 2, 4, 5], attrs: { kernel: [3, 3], stride: [2, 2], padding: [1, 1] } },
  { x: [1, 2, 5, 6], y: [1, 2, 3, 5], attrs: { kernel: [3, 2], stride: [1, 1], padding: [0, 0] } },
  { x: [1, 1, 5, 5], y: [1, 1, 4, 4], attrs: { kernel: [3, 3], stride: [2, 2], padding: [2, 2] } },
  {
    x: [1, 2, 6, 7],
    y: [1, 2, 5, 4],
    attrs: { kernel: [2, 3], stride: [1, 2], padding: [0, 1], after: [1, 2], dilation: [2, 1] },
  },
];
