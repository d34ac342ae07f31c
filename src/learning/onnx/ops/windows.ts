// Sizes and margins of the windows that convolutions and pooling read.
import { formatShape, quoted, type Value } from "../../../engine/index.ts";
import type { Call } from "../call.ts";

/** Along each axis of space. */
export interface Windows {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly before: readonly number[];
  readonly after: readonly number[];
  /** How many windows there are. */
  readonly count: readonly number[];
}
/** Cells from a window's first to its last. */
export const reach = (kernel: number, dilation: number): number => (kernel - 1) * dilation + 1;

export function whole(
  call: Call,
  name: string,
  values: readonly number[] | undefined,
  rank: number,
  from = 1,
): number[] {
  const list = values ?? new Array<number>(rank).fill(from);
  if (list.length !== rank || list.some((v) => !(Number.isInteger(v) && v >= from && v <= 2 ** 20)))
    call.fail(`its attribute ${name} is ${quoted([...list])} for ${rank} axes`);
  return [...list];
}
/** Margins of auto_pad: as many windows as the stride fits into the axis. */
function same(n: number, stride: number, width: number, upper: boolean): [number, number] {
  const total = Math.max(0, (Math.ceil(n / stride) - 1) * stride + width - n);
  const less = Math.floor(total / 2);
  return upper ? [less, total - less] : [total - less, less];
}
export function marginsOf(call: Call, rank: number): { before: number[]; after: number[] } {
  const pads = call.ints("pads") ?? new Array<number>(2 * rank).fill(0);
  if (
    pads.length !== 2 * rank ||
    pads.some((p) => !(Number.isInteger(p) && Math.abs(p) <= 2 ** 20))
  )
    call.fail(`its attribute pads is ${quoted([...pads])} for ${rank} axes`);
  return { before: pads.slice(0, rank), after: pads.slice(rank) };
}
export type AutoPad = "NOTSET" | "SAME_UPPER" | "SAME_LOWER" | "VALID";
export const autoPad = (call: Call): AutoPad =>
  call.oneOf("auto_pad", ["NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"]);

/** Windows of `kernel` cells over axes of `size`. */
export function windowsOf(call: Call, size: readonly number[], kernel: readonly number[]): Windows {
  const rank = size.length;
  const stride = whole(call, "strides", call.ints("strides"), rank);
  const dilation = whole(call, "dilations", call.ints("dilations"), rank);
  const width = kernel.map((k, i) => reach(k, dilation[i]));
  const auto = autoPad(call);
  const margins =
    auto === "NOTSET" ? marginsOf(call, rank) : { before: [] as number[], after: [] as number[] };
  if (auto !== "NOTSET")
    size.forEach((n, i) => {
      const [p, q] =
        auto === "VALID" ? [0, 0] : same(n, stride[i], width[i], auto === "SAME_UPPER");
      margins.before.push(p);
      margins.after.push(q);
    });
  const { before, after } = margins;
  const ceil = auto === "NOTSET" && call.flag("ceil_mode");
  const count = size.map((n, i) => {
    const steps = (n + before[i] + after[i] - width[i]) / stride[i];
    if (!ceil) return Math.floor(steps) + 1;
    const windows = Math.ceil(steps) + 1;
    // one that begins beyond the image is none
    return (windows - 1) * stride[i] >= n + before[i] ? windows - 1 : windows;
  });
  if (count.some((n) => n < 1))
    call.fail(`a window of [${width}] does not fit into ${formatShape(call.value(0).shape)}`);
  return { kernel, stride, dilation, before, after, count };
}

/** A signal as an image of one row, so that both are computed alike. */
export function asImage(call: Call, x: Value): Value {
  return x.shape.length === 3 ? call.reshape(x, [x.shape[0], x.shape[1], 1, x.shape[2]]) : x;
}
/** Back to as many axes as `like` has. */
export function asSignal(call: Call, y: Value, like: Value): Value {
  return like.shape.length === 3 ? call.reshape(y, [y.shape[0], y.shape[1], y.shape[3]]) : y;
}
type Pair = [number, number];
/** Numbers of an axis of a signal, as those of an image of one row. */
export const pairOf = (values: readonly number[], missing: number): Pair =>
  values.length === 1 ? [missing, values[0]] : [values[0], values[1]];
/** All of it for images of [H, W]. */
export function imageWindows(w: Windows): { [K in keyof Windows]: Pair } {
  return {
    kernel: pairOf(w.kernel, 1),
    stride: pairOf(w.stride, 1),
    dilation: pairOf(w.dilation, 1),
    before: pairOf(w.before, 0),
    after: pairOf(w.after, 0),
    count: pairOf(w.count, 1),
  };
}
