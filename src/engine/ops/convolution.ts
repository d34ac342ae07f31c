// What the three convolution ops share: sizes, and the one loop over which they are the three
// partial products.
import { ConfigError, ShapeError } from "../core/errors.ts";
import { formatShape, sameShape, type Shape } from "../core/shape.ts";
import type { ConvAttributes } from "../graph/catalogue.ts";
import type { Emitter, Value } from "../graph/ir.ts";

/** Output size of a convolution along one axis: ⌊(n + 2p − d(k − 1) − 1)/s⌋ + 1. */
export function convOutput(n: number, k: number, attrs: ConvAttributes, axis: 0 | 1): number {
  return (
    Math.floor(
      (n + 2 * attrs.padding[axis] - attrs.dilation[axis] * (k - 1) - 1) / attrs.stride[axis],
    ) + 1
  );
}

export function checkConvolution(
  op: string,
  attrs: ConvAttributes & { outputPadding?: readonly number[] },
): void {
  const { stride, padding, dilation, groups, outputPadding = [] } = attrs;
  const whole =
    [...stride, ...dilation, groups].every((v) => Number.isInteger(v) && v >= 1) &&
    [...padding, ...outputPadding].every((v) => Number.isInteger(v) && v >= 0);
  if (!whole)
    throw new ConfigError(
      `${op}: stride, dilation and groups are whole numbers from 1 up, paddings from 0 up; got ${JSON.stringify(attrs)}`,
      { attrs },
    );
}

export function requireRank4(op: string, name: string, shape: Shape): void {
  if (shape.length !== 4)
    throw new ShapeError(`${op}: ${name} is ${formatShape(shape)}; it must have 4 axes`, {
      op,
      name,
      shape,
    });
}

/**
 * Calls `visit(xIndex, wIndex, yIndex)` for every product x·w that a convolution x[N,C,H,W] *
 * w[K,C/g,R,S] → y[N,K,P,Q] adds into y.
 */
export function forEachProduct(
  x: Shape,
  w: Shape,
  y: Shape,
  attrs: ConvAttributes,
  visit: (xi: number, wi: number, yi: number) => void,
): void {
  const [N, C, H, W] = x;
  const [K, Cg, R, S] = w;
  const [, , P, Q] = y;
  const Kg = K / attrs.groups;
  for (let n = 0; n < N; n++)
    for (let k = 0; k < K; k++)
      for (let p = 0; p < P; p++)
        for (let q = 0; q < Q; q++) {
          const yi = ((n * K + k) * P + p) * Q + q;
          for (let c = 0; c < Cg; c++)
            for (let r = 0; r < R; r++)
              for (let s = 0; s < S; s++) {
                const h = p * attrs.stride[0] - attrs.padding[0] + r * attrs.dilation[0];
                const v = q * attrs.stride[1] - attrs.padding[1] + s * attrs.dilation[1];
                if (h < 0 || h >= H || v < 0 || v >= W) continue;
                visit(
                  ((n * C + Math.floor(k / Kg) * Cg + c) * H + h) * W + v,
                  ((k * Cg + c) * R + r) * S + s,
                  yi,
                );
              }
        }
}

/**
 * conv2d(x, w) down to `shape`: where a transposed convolution's outputPadding reaches its stride,
 * its adjoint has windows to spare, which no input cell answers to.
 */
export function convCropped(
  b: Emitter,
  x: Value,
  w: Value,
  attrs: ConvAttributes,
  shape: Shape,
): Value {
  const { stride, padding, dilation, groups } = attrs;
  const y = b.emit("conv2d", { x, w }, { stride, padding, dilation, groups });
  return sameShape(y.shape, shape)
    ? y
    : b.emit("slice", { x: y }, { start: [0, 0, 0, 0], end: shape });
}

/**
 * The outputPadding with which x's size comes back: rows and columns that no window of conv2d
 * reaches.
 */
export function unreached(
  x: Shape,
  kernel: readonly number[],
  y: Shape,
  attrs: ConvAttributes,
): [number, number] {
  const rest = (axis: 0 | 1): number =>
    x[axis + 2] +
    2 * attrs.padding[axis] -
    attrs.dilation[axis] * (kernel[axis] - 1) -
    1 -
    (y[axis + 2] - 1) * attrs.stride[axis];
  return [rest(0), rest(1)];
}

/**
 * The adjoint's padding where it is itself a convolution of stride 1, with turned kernels;
 * undefined where it is not.
 */
export function adjointPadding(
  [, , R, S]: Shape,
  { stride, padding, dilation }: ConvAttributes,
): readonly [number, number] | undefined {
  const inverse = [dilation[0] * (R - 1) - padding[0], dilation[1] * (S - 1) - padding[1]] as const;
  return stride[0] === 1 && stride[1] === 1 && inverse[0] >= 0 && inverse[1] >= 0
    ? inverse
    : undefined;
}

/** 2 · outputs · products per output. */
export function convFlops(w: Shape, y: Shape): number {
  return 2 * y[0] * y[1] * y[2] * y[3] * w[1] * w[2] * w[3];
}
const plain: ConvAttributes = { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 };
export interface ConvCase {
  readonly x: Shape;
  readonly w: Shape;
  readonly y: Shape;
  readonly attrs: ConvAttributes;
}
/** Cases that all three ops are tested on. */
export const convCases: readonly ConvCase[] = [
  { x: [2, 3, 7, 9], w: [4, 3, 3, 3], y: [2, 4, 7, 9], attrs: { ...plain, padding: [1, 1] } },
  { x: [1, 5, 8, 12], w: [6, 5, 3, 3], y: [1, 6, 6, 10], attrs: plain },
  {
    x: [2, 4, 8, 7],
    w: [6, 2, 3, 2],
    y: [2, 6, 5, 4],
    attrs: { stride: [2, 2], padding: [2, 1], dilation: [1, 2], groups: 2 },
  },
  {
    x: [1, 4, 9, 9],
    w: [4, 1, 5, 5],
    y: [1, 4, 9, 9],
    attrs: { ...plain, padding: [4, 4], dilation: [2, 2], groups: 4 },
  },
  { x: [2, 3, 4, 6], w: [8, 3, 1, 1], y: [2, 8, 4, 6], attrs: plain },
  { x: [2, 3, 8, 6], w: [5, 3, 2, 2], y: [2, 5, 4, 3], attrs: { ...plain, stride: [2, 2] } },
  {
    x: [2, 6, 8, 22],
    w: [8, 3, 2, 2],
    y: [2, 8, 4, 11],
    attrs: { ...plain, stride: [2, 2], groups: 2 },
  },
  { x: [1, 20, 9, 10], w: [17, 20, 3, 3], y: [1, 17, 9, 10], attrs: { ...plain, padding: [1, 1] } },
  { x: [1, 1, 13, 17], w: [2, 1, 11, 7], y: [1, 2, 13, 11], attrs: { ...plain, padding: [5, 0] } },
];
