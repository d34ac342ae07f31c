// Hand-made kernels by name, and how one is applied to an image.
import {
  ConfigError,
  exp,
  formatShape,
  GraphBuilder,
  ops,
  ShapeError,
  sizeOf,
  type Backend,
} from "../../engine/index.ts";
import { convolved } from "./convolutions.ts";
import type { PaddingMode } from "./layers.ts";

/** [height, width], or a filter over channels [channels, height, width]. */
export interface KernelImage {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}
const rows = (...values: readonly (readonly number[])[]): KernelImage => ({
  shape: [values.length, values[0].length],
  data: values.flat(),
});
/** One 3×3 kernel per colour: the centre of the chosen ones. */
const colours = (red: number, green: number, blue: number): KernelImage => ({
  shape: [3, 3, 3],
  data: [red, green, blue].flatMap((v) => [0, 0, 0, 0, v, 0, 0, 0, 0]),
});

export type KernelName =
  | "identity"
  | "verticalEdge"
  | "horizontalEdge"
  | "sobelVertical"
  | "sobelHorizontal"
  | "prewittVertical"
  | "prewittHorizontal"
  | "scharrVertical"
  | "scharrHorizontal"
  | "laplacian"
  | "laplacianDiagonal"
  | "sharpen"
  | "emboss"
  | "corner"
  | "red"
  | "green"
  | "blue"
  | "luminance";
/**
 * Applied by cross-correlation, as networks do: verticalEdge answers where the image is brighter on
 * its left.
 */
export const kernels: Readonly<Record<KernelName, KernelImage>> = {
  identity: rows([0, 0, 0], [0, 1, 0], [0, 0, 0]),
  verticalEdge: rows([1, 0, -1], [1, 0, -1], [1, 0, -1]),
  horizontalEdge: rows([1, 1, 1], [0, 0, 0], [-1, -1, -1]),
  sobelVertical: rows([1, 0, -1], [2, 0, -2], [1, 0, -1]),
  sobelHorizontal: rows([1, 2, 1], [0, 0, 0], [-1, -2, -1]),
  prewittVertical: rows([1, 0, -1], [1, 0, -1], [1, 0, -1]),
  prewittHorizontal: rows([1, 1, 1], [0, 0, 0], [-1, -1, -1]),
  scharrVertical: rows([3, 0, -3], [10, 0, -10], [3, 0, -3]),
  scharrHorizontal: rows([3, 10, 3], [0, 0, 0], [-3, -10, -3]),
  laplacian: rows([0, 1, 0], [1, -4, 1], [0, 1, 0]),
  laplacianDiagonal: rows([1, 1, 1], [1, -8, 1], [1, 1, 1]),
  sharpen: rows([0, -1, 0], [-1, 5, -1], [0, -1, 0]),
  emboss: rows([-2, -1, 0], [-1, 1, 1], [0, 1, 2]),
  corner: rows([1, 1, -2], [1, 1, -2], [-2, -2, 4]),
  red: colours(1, 0, 0),
  green: colours(0, 1, 0),
  blue: colours(0, 0, 1),
  luminance: colours(0.299, 0.587, 0.114),
};

/** size × size, every value 1/size². */
export function boxBlur(size: number): KernelImage {
  return { shape: [size, size], data: new Array<number>(size * size).fill(1 / (size * size)) };
}
/** size × size, a sampled Gaussian of standard deviation sigma in pixels, summing to 1. */
export function gaussianBlur(size: number, sigma: number): KernelImage {
  const line = Array.from({ length: size }, (_, i) =>
    exp(-((i - (size - 1) / 2) ** 2) / (2 * sigma * sigma)),
  );
  const total = line.reduce((a, b) => a + b, 0) ** 2;
  return { shape: [size, size], data: line.flatMap((a) => line.map((b) => (a * b) / total)) };
}

/**
 * One kernel over an image [C,H,W] (or [H,W]): a 2-D kernel goes over every channel by itself, a
 * filter [C,h,w] over all of them into one. Square kernels of any size. `flip: true` is the
 * mathematicians' convolution; otherwise cross-correlation, as in networks. Throws ShapeError for a
 * filter with other channels than the image.
 */
export async function filterImage(
  image: { readonly shape: readonly number[]; readonly data: ArrayLike<number> },
  options: {
    kernel: KernelImage;
    stride?: number;
    padding?: number | "same" | "valid";
    paddingMode?: PaddingMode;
    dilation?: number;
    flip?: boolean;
    backend: Backend;
  },
): Promise<{ shape: number[]; data: Float64Array }> {
  const {
    kernel,
    stride = 1,
    padding = "valid",
    paddingMode = "zeros",
    dilation = 1,
    flip = false,
    backend,
  } = options;
  const [C, H, W] = image.shape.length === 2 ? [1, ...image.shape] : image.shape;
  const over = kernel.shape.length === 3;
  const k = kernel.shape.at(-1)!;
  if (kernel.shape.at(-2) !== k)
    throw new ConfigError(
      `filterImage: the kernel is ${formatShape(kernel.shape)}; it must be square`,
      { shape: kernel.shape },
    );
  if (over && kernel.shape[0] !== C)
    throw new ShapeError(
      `filterImage: the filter ${formatShape(kernel.shape)} is for ${kernel.shape[0]} channels, the image ${formatShape(image.shape)} has ${C}`,
      { kernel: kernel.shape, image: image.shape },
    );
  if (image.data.length !== sizeOf(image.shape))
    throw new ShapeError(
      `filterImage: ${image.data.length} values for an image ${formatShape(image.shape)}`,
      { shape: image.shape },
    );
  const one = flip ? flipped(kernel) : kernel.data;
  const weights = over ? one : Array.from({ length: C }, () => one).flat();
  const b = new GraphBuilder(ops);
  const groups = over ? 1 : C;
  // constants, which keep what digits a backend has, unlike a network's float32 weights
  const w = b.constant(weights, [over ? 1 : C, over ? C : 1, k, k]);
  const sizes = { kernelSize: k, stride, padding, paddingMode, dilation, groups };
  const y = convolved(b, "filter", b.input("x", [1, C, H, W]), w, sizes);
  b.output("y", y);
  const out = await (await backend.compile(b)).execute({ x: image.data });
  return {
    shape: image.shape.length === 2 ? y.shape.slice(2) : y.shape.slice(1),
    data: Float64Array.from(out.y),
  };
}
/** Each plane turned by 180°. */
function flipped({ shape, data }: KernelImage): readonly number[] {
  const plane = shape.at(-1)! * shape.at(-2)!;
  return data.map((_, i) => data[i - (i % plane) + plane - 1 - (i % plane)]);
}
