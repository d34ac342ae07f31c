// Pooling over windows and over whole images.
import { sizeOf, type Value } from "../../../engine/index.ts";
import type { Call, Family, OpDefinition, Val } from "../call.ts";
import { chosen } from "./arithmetic.ts";
import { surrounded } from "./padding.ts";
import { reduced } from "./reductions.ts";
import { asImage, asSignal, imageWindows, reach, whole, windowsOf, type Windows } from "./windows.ts";

type ImageWindows = ReturnType<typeof imageWindows>;
/** No number of float32 is lower; minus infinity times 0 would be none. */
const LOWEST = -3.4028234663852886e38;

function poolWindows(call: Call, x: Value): ImageWindows {
  const size = call.spatial(x);
  const kernel = whole(call, "kernel_shape", call.ints("kernel_shape"), size.length);
  return imageWindows(windowsOf(call, size, kernel));
}
/** Margins and rest at the far end, so that the last window is whole. */
function farMargins(w: Windows, size: readonly number[]): number[] {
  return size.map((n, i) => {
    const end = (w.count[i] - 1) * w.stride[i] + reach(w.kernel[i], w.dilation[i]);
    return end - n - w.before[i];
  });
}
/** The cells of every window side by side: [N, C, P, R, Q, S]. */
function apart(call: Call, x: Value, w: ImageWindows): Value {
  const laid = [0, 1].reduce((image, axis) => {
    const indices: number[] = [];
    for (let p = 0; p < w.count[axis]; p++)
      for (let r = 0; r < w.kernel[axis]; r++) indices.push(p * w.stride[axis] + r * w.dilation[axis]);
    return call.take(image, axis + 2, indices);
  }, x);
  const [n, c] = x.shape;
  return call.reshape(laid, [n, c, w.count[0], w.kernel[0], w.count[1], w.kernel[1]]);
}
/** More cells of a window than this are reduced as an axis. */
const MOST_UNROLLED = 64;
/** Pooled by the engine's op at once where it can, or with margins and rows laid out for it. */
function pooled(call: Call, image: Value, w: ImageWindows, op: "max_pool2d" | "avg_pool2d", fill: number): Value {
  const size = image.shape.slice(2);
  const far = farMargins(w, size);
  const { kernel, stride, before: padding } = w;
  const isDense = w.dilation.every((d) => d === 1) && kernel[0] * kernel[1] <= MOST_UNROLLED;
  const fits = padding.every((p, i) => p >= 0 && 2 * p <= kernel[i] && far[i] <= p && far[i] > p - stride[i]);
  if (isDense && fits) return call.emit(op, { x: image }, { kernel, stride, padding });
  const padded = surrounded(call, image, [0, 0, ...w.before], [0, 0, ...far], fill);
  if (isDense) return call.emit(op, { x: padded }, { kernel, stride, padding: [0, 0] });
  return reduced(call, apart(call, padded, w), [3, 5], false, op === "max_pool2d" ? "max" : "mean");
}

/** Where in x each window's first largest number is, as the place in the whole of x. */
function places(call: Call, image: Value, y: Value, w: ImageWindows): Value {
  const size = image.shape.slice(2);
  const [n, c] = image.shape;
  const [H, W] = size;
  const padded = surrounded(call, image, [0, 0, ...w.before], [0, 0, ...farMargins(w, size)], LOWEST);
  const rows = (axis: 0 | 1, r: number): number[] =>
    Array.from({ length: w.count[axis] }, (_, p) => p * w.stride[axis] + r * w.dilation[axis]);
  const byColumn = call.int("storage_order", 0) === 1;
  let place = call.graph.filled(0, y.shape);
  for (let r = w.kernel[0] - 1; r >= 0; r--)
    for (let s = w.kernel[1] - 1; s >= 0; s--) {
      const at = [rows(0, r), rows(1, s)];
      const cells = call.take(call.take(padded, 2, at[0]), 3, at[1]);
      const isIt = call.emit("equal", { a: cells, b: y });
      const own = Float64Array.from({ length: sizeOf(y.shape) }, (_, i) => {
        const [p, q] = [Math.floor(i / w.count[1]) % w.count[0], i % w.count[1]];
        const [h, v] = [at[0][p] - w.before[0], at[1][q] - w.before[1]];
        const image = Math.floor(i / (w.count[0] * w.count[1]));
        return image * H * W + (byColumn ? v * H + h : h * W + v);
      });
      place = chosen(call, isIt, call.graph.constant(own, [n, c, ...w.count]), place);
    }
  return place;
}
function maxPool(call: Call): Val[] {
  const x = call.value(0);
  const w = poolWindows(call, x);
  const image = asImage(call, x);
  const y = pooled(call, image, w, "max_pool2d", LOWEST);
  const outputs = [call.give(asSignal(call, y, x))];
  if (call.gives(1)) outputs.push(call.give(asSignal(call, places(call, image, y, w), x), "int64"));
  return outputs;
}

/** How many cells of each window count: those of the image, or of its margins, too. */
function cellsOf(call: Call, size: readonly number[], w: ImageWindows, withMargins: boolean): number[] {
  const along = (axis: 0 | 1): number[] =>
    Array.from({ length: w.count[axis] }, (_, p) => {
      const low = withMargins ? -w.before[axis] : 0;
      const high = withMargins ? size[axis] + w.after[axis] : size[axis];
      let cells = 0;
      for (let r = 0; r < w.kernel[axis]; r++) {
        const at = p * w.stride[axis] - w.before[axis] + r * w.dilation[axis];
        if (at >= low && at < high) cells++;
      }
      return cells;
    });
  const [rows, columns] = [along(0), along(1)];
  return rows.flatMap((r) => columns.map((c) => r * c));
}
function averagePool(call: Call): Val {
  const x = call.value(0);
  const w = poolWindows(call, x);
  const image = asImage(call, x);
  const mean = pooled(call, image, w, "avg_pool2d", 0);
  const cells = cellsOf(call, image.shape.slice(2), w, call.flag("count_include_pad"));
  const all = w.kernel[0] * w.kernel[1];
  if (cells.every((n) => n === all)) return call.give(asSignal(call, mean, x));
  // the engine divides by the kernel's cells
  const factors = call.graph.constant(
    cells.map((n) => all / n),
    [1, 1, ...w.count],
  );
  return call.give(asSignal(call, call.math.mul(mean, factors), x));
}
/** (Σ |x|ᵖ)^(1/p), zeros around. */
function lpPool(call: Call): Val {
  const x = call.value(0);
  const w = poolWindows(call, x);
  const p = call.graph.scalar(call.int("p", 2));
  const image = call.emit("pow", { a: call.emit("abs", { x: asImage(call, x) }), b: p });
  const sum = call.math.mul(pooled(call, image, w, "avg_pool2d", 0), w.kernel[0] * w.kernel[1]);
  const y = call.emit("pow", { a: sum, b: call.math.div(1, p) });
  return call.give(asSignal(call, y, x));
}
function overImage(kind: "mean" | "max"): OpDefinition {
  return {
    run: (call) => {
      const x = call.value(0);
      const axes = call.spatial(x).map((_, i) => i + 2);
      return call.give(reduced(call, x, axes, true, kind));
    },
  };
}
const attributes = "auto_pad ceil_mode count_include_pad dilations kernel_shape pads storage_order strides";
export const poolingOps: Family = {
  MaxPool: { attributes, run: maxPool },
  AveragePool: { attributes, run: averagePool },
  LpPool: { attributes: `${attributes} p`, run: lpPool },
  GlobalAveragePool: overImage("mean"),
  GlobalMaxPool: overImage("max"),
};
