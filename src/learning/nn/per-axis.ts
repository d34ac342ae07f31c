// Sizes along the axes of an image, a line or a volume: one number for all of them, or one for
// each.

/** Of an image: [vertical, horizontal]. */
export type PerAxis = number | readonly [number, number];
/** Of a volume: [depth, vertical, horizontal]. */
export type PerAxis3 = number | readonly [number, number, number];
export type Pair = readonly [number, number];
/**
 * Zeros on both sides, or as many as "same" needs: ⌈size/stride⌉ outputs, an odd zero at the end
 * (ONNX's SAME_UPPER; at stride 1 PyTorch's "same"). "valid" is 0.
 */
export type Padding<Sizes> = Sizes | "same" | "valid";

export const along = (sizes: number | readonly number[], axis: number): number =>
  typeof sizes === "number" ? sizes : sizes[axis];
export const pairOf = (sizes: PerAxis): Pair => [along(sizes, 0), along(sizes, 1)];

/** Windows along one axis. */
export interface Windows {
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly before: number;
  readonly after: number;
}
export interface WindowSizes {
  readonly kernelSize: number | readonly number[];
  readonly stride?: number | readonly number[];
  readonly dilation?: number | readonly number[];
  readonly padding?: Padding<number | readonly number[]>;
}

/** Zeros before and after an axis of n with padding "same". */
export function samePadding(n: number, kernel: number, stride: number, dilation: number): Pair {
  const total = Math.max(0, (Math.ceil(n / stride) - 1) * stride + dilation * (kernel - 1) + 1 - n);
  return [Math.floor(total / 2), Math.ceil(total / 2)];
}

/** How windows lie along each axis of these sizes; `stride` where the layer has none. */
export function windowsOf(
  layer: WindowSizes,
  size: readonly number[],
  ownStride?: typeof layer.stride,
): Windows[] {
  const { kernelSize, stride = ownStride ?? 1, dilation = 1, padding = 0 } = layer;
  return size.map((n, axis) => {
    const [kernel, step, apart] = [kernelSize, stride, dilation].map((sizes) => along(sizes, axis));
    const both = padding === "valid" ? 0 : padding === "same" ? undefined : along(padding, axis);
    const [before, after] = both === undefined ? samePadding(n, kernel, step, apart) : [both, both];
    return { kernel, stride: step, dilation: apart, before, after };
  });
}
