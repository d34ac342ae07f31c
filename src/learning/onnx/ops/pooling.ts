// Pooling over windows and over whole images.
import { sizeOf, type Value } from "../../../engine/index.ts";
import type { Call, Family, OpDefinition, Val } from "../call.ts";
import { reduced } from "./reductions.ts";
import { asImage, asSignal, imageWindows, reach, whole, windowsOf } from "./windows.ts";

type ImageWindows = ReturnType<typeof imageWindows>;

function poolWindows(call: Call, x: Value): ImageWindows {
  const size = call.spatial(x);
  const kernel = whole(call, "kernel_shape", call.ints("kernel_shape"), size.length);
  return imageWindows(windowsOf(call, size, kernel));
}
/** The engine's attributes: what is padded behind, where windows end, not where the margins do. */
function attributesOf(image: Value, w: ImageWindows): object {
  const after = image.shape.slice(2).map((n, i) => {
    const end = (w.count[i] - 1) * w.stride[i] + reach(w.kernel[i], w.dilation[i]);
    return Math.max(0, end - n - w.before[i]);
  });
  const { kernel, stride, before: padding, dilation } = w;
  return { kernel, stride, padding, after, dilation };
}
function pooled(call: Call, x: Value, w: ImageWindows, op: "max_pool2d" | "avg_pool2d"): Value {
  const image = asImage(call, x);
  return call.emit(op, { x: image }, attributesOf(image, w));
}
/** Where in x each window's first largest number is, as the place in the whole of x. */
function places(call: Call, x: Value, w: ImageWindows): Value {
  const image = asImage(call, x);
  const [H, W] = image.shape.slice(2);
  call.graph.spend(sizeOf(x.shape));
  const cells = Float64Array.from({ length: sizeOf(x.shape) }, (_, i) => i);
  // by columns, the places of an image are counted down before across
  if (call.int("storage_order", 0) === 1)
    cells.forEach((_, i) => {
      const at = i % (H * W);
      cells[i] = i - at + (at % W) * H + Math.floor(at / W);
    });
  return call.emit(
    "max_pool2d_gather",
    { u: call.graph.constant(cells, image.shape), x: image },
    attributesOf(image, w),
  );
}
function maxPool(call: Call): Val[] {
  const x = call.value(0);
  const w = poolWindows(call, x);
  const outputs = [call.give(asSignal(call, pooled(call, x, w, "max_pool2d"), x))];
  if (call.gives(1)) outputs.push(call.give(asSignal(call, places(call, x, w), x), "int64"));
  return outputs;
}

/** How many cells of each window count: those of the image, or of its margins, too. */
function cellsOf(size: readonly number[], w: ImageWindows, withMargins: boolean): number[] {
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
  const mean = pooled(call, x, w, "avg_pool2d");
  call.graph.spend(w.count[0] * w.count[1] + w.count[0] * w.kernel[0] + w.count[1] * w.kernel[1]);
  const cells = cellsOf(asImage(call, x).shape.slice(2), w, call.flag("count_include_pad"));
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
  const powers = call.emit("pow", { a: call.emit("abs", { x }), b: p });
  const sum = call.math.mul(pooled(call, powers, w, "avg_pool2d"), w.kernel[0] * w.kernel[1]);
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
const attributes =
  "auto_pad ceil_mode count_include_pad dilations kernel_shape pads storage_order strides";
export const poolingOps: Family = {
  MaxPool: { attributes, run: maxPool },
  AveragePool: { attributes, run: averagePool },
  LpPool: { attributes: `${attributes} p`, run: lpPool },
  GlobalAveragePool: overImage("mean"),
  GlobalMaxPool: overImage("max"),
};
