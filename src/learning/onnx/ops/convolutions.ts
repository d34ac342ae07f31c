// Conv and ConvTranspose, of signals and images.
import { formatShape, type Value } from "../../../engine/index.ts";
import type { Call, Family, Val } from "../call.ts";
import { surrounded } from "./padding.ts";
import {
  asImage,
  asSignal,
  autoPad,
  imageWindows,
  marginsOf,
  pairOf,
  reach,
  whole,
  windowsOf,
} from "./windows.ts";

function kernelOf(call: Call, x: Value, w: Value): readonly number[] {
  if (w.shape.length !== x.shape.length)
    call.fail(`its weights are ${formatShape(w.shape)} and its input ${formatShape(x.shape)}`);
  const kernel = w.shape.slice(2);
  const said = call.ints("kernel_shape");
  if (said && said.join() !== kernel.join())
    call.fail(`its kernel_shape is [${said}] and its weights are ${formatShape(w.shape)}`);
  return kernel;
}
function withBias(call: Call, y: Value, bias: Value | undefined): Value {
  return bias ? call.math.add(y, call.reshape(bias, [1, bias.shape[0], 1, 1])) : y;
}
export function convolved(call: Call, x: Value, w: Value, bias: Value | undefined): Value {
  const windows = imageWindows(windowsOf(call, call.spatial(x), kernelOf(call, x, w)));
  const { stride, dilation, before, after } = windows;
  const even = before.every((p, i) => p === after[i] && p >= 0);
  const image = asImage(call, x);
  const padded = even ? image : surrounded(call, image, [0, 0, ...before], [0, 0, ...after], 0);
  const padding = even ? before : [0, 0];
  const attrs = { stride, padding, dilation, groups: call.int("group", 1) };
  const y = call.emit("conv2d", { x: padded, w: asImage(call, w) }, attrs);
  return asSignal(call, withBias(call, y, bias), x);
}
function conv(call: Call): Val {
  return call.give(convolved(call, call.value(0), call.value(1), call.inputs[2]?.value));
}

/** What is cut off before and after; negative where the output is larger than what is reached. */
function cuts(
  call: Call,
  size: readonly number[],
  full: readonly number[],
  stride: readonly number[],
): [number[], number[]] {
  const rank = size.length;
  const auto = autoPad(call);
  const said = call.ints("output_shape");
  const wanted = said ?? (auto.startsWith("SAME") ? size.map((n, i) => n * stride[i]) : undefined);
  if (!wanted) {
    const { before, after } =
      auto === "NOTSET"
        ? marginsOf(call, rank)
        : { before: size.map(() => 0), after: size.map(() => 0) };
    return [before, after];
  }
  const total = full.map((n, i) => n - wanted.slice(-rank)[i]);
  const less = total.map((t) => Math.floor(t / 2));
  const more = total.map((t, i) => t - less[i]);
  return auto === "SAME_UPPER" ? [less, more] : [more, less];
}
function convTranspose(call: Call): Val {
  const [x, w] = [call.value(0), call.value(1)];
  const size = call.spatial(x);
  const rank = size.length;
  const kernel = kernelOf(call, x, w);
  const stride = whole(call, "strides", call.ints("strides"), rank);
  const dilation = whole(call, "dilations", call.ints("dilations"), rank);
  const extra = whole(call, "output_padding", call.ints("output_padding"), rank, 0);
  const full = size.map((n, i) => (n - 1) * stride[i] + reach(kernel[i], dilation[i]) + extra[i]);
  const [before, after] = cuts(call, size, full, stride);
  const even = before.every((p, i) => p === after[i] && p >= 0);
  const attrs = {
    stride: pairOf(stride, 1),
    padding: even ? pairOf(before, 0) : [0, 0],
    dilation: pairOf(dilation, 1),
    groups: call.int("group", 1),
    outputPadding: pairOf(extra, 0),
  };
  const y = call.emit("conv_transpose2d", { x: asImage(call, x), w: asImage(call, w) }, attrs);
  const cut = (margins: number[]): number[] => [0, 0, ...pairOf(margins, 0).map((n) => -n)];
  const fitted = even ? y : surrounded(call, y, cut(before), cut(after), 0);
  return call.give(asSignal(call, withBias(call, fitted, call.inputs[2]?.value), x));
}
const attributes = "auto_pad dilations group kernel_shape pads strides";
export const convolutionOps: Family = {
  Conv: { attributes, run: conv },
  ConvTranspose: { attributes: `${attributes} output_padding output_shape`, run: convTranspose },
};
