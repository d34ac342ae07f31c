// What the pooling ops share: output sizes and the loop over windows.
import { ConfigError, ShapeError } from "../core/errors.ts";
import { formatShape, type Shape } from "../core/shape.ts";
import type { PoolAttributes } from "../graph/catalogue.ts";

/**
 * Shape after pooling x [N,C,H,W]. Throws ShapeError when the window is larger than the padded
 * image.
 */
export function pooledShape(op: string, x: Shape, { kernel, stride, padding }: PoolAttributes): Shape {
  if (x.length !== 4) throw new ShapeError(`${op}: x is ${formatShape(x)}; it must have 4 axes`, { op, x });
  if (kernel.some((k, i) => !(k >= 1) || !(stride[i] >= 1) || padding[i] < 0 || 2 * padding[i] > k)) {
    throw new ConfigError(
      `${op}: kernel [${kernel}] and stride [${stride}] must be at least 1, padding [${padding}] at most half the kernel`,
      { kernel, stride, padding },
    );
  }
  const size = (axis: 0 | 1): number => Math.floor((x[axis + 2] + 2 * padding[axis] - kernel[axis]) / stride[axis]) + 1;
  const y = [x[0], x[1], size(0), size(1)];
  if (y[2] < 1 || y[3] < 1)
    throw new ShapeError(`${op}: a window of [${kernel}] does not fit into ${formatShape(x)}`, { op, x, kernel });
  return y;
}

/** For every output cell, visits the indices of its window inside x. */
export function forEachWindow(
  x: Shape,
  y: Shape,
  { kernel, stride, padding }: PoolAttributes,
  cell: (yi: number, window: readonly number[]) => void,
): void {
  const [N, C, H, W] = x;
  for (let nc = 0; nc < N * C; nc++)
    for (let p = 0; p < y[2]; p++)
      for (let q = 0; q < y[3]; q++) {
        const window: number[] = [];
        for (let r = 0; r < kernel[0]; r++)
          for (let s = 0; s < kernel[1]; s++) {
            const h = p * stride[0] - padding[0] + r;
            const w = q * stride[1] - padding[1] + s;
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
];
