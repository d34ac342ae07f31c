// Pad in all its modes, and zeros or another number around what convolutions and pooling read.
import { quoted, type Value } from "../../../engine/index.ts";
import type { Call, Val } from "../call.ts";
import { chosen } from "./arithmetic.ts";

/** Which cell stands at a place outside an axis of n, or −1 for the constant. */
const modes = {
  constant: (at: number, n: number) => (at < 0 || at >= n ? -1 : at),
  edge: (at: number, n: number) => Math.min(Math.max(at, 0), n - 1),
  wrap: (at: number, n: number) => ((at % n) + n) % n,
  reflect: (at: number, n: number) => {
    if (n === 1) return 0;
    const period = 2 * (n - 1);
    const turned = ((at % period) + period) % period;
    return turned < n ? turned : period - turned;
  },
} as const;

/** `fill`, a number or a value, around x; a negative margin cuts off. */
export function surrounded(
  call: Call,
  x: Value,
  before: readonly number[],
  after: readonly number[],
  fill: number | Value,
): Value {
  const cut = (margin: number): number => Math.max(0, -margin);
  const grown = (margins: readonly number[]): number[] =>
    margins.map((margin) => Math.max(0, margin));
  const end = x.shape.map((d, i) => d - cut(after[i]));
  if (x.shape.some((_, i) => end[i] < cut(before[i]))) call.fail("it cuts off more than there is");
  const start = before.map(cut);
  const isWhole = start.every((n) => n === 0) && end.every((n, i) => n === x.shape[i]);
  const kept = isWhole ? x : call.emit("slice", { x }, { start, end });
  const margins = { before: grown(before), after: grown(after) };
  if ([...margins.before, ...margins.after].every((n) => n === 0)) return kept;
  const y = call.emit("pad", { x: kept }, margins);
  if (fill === 0) return y;
  // only along the axes that grow; elsewhere it repeats
  const flat = kept.shape.map((d, i) => (margins.before[i] + margins.after[i] > 0 ? d : 1));
  const inside = call.emit("pad", { x: call.graph.filled(1, flat) }, margins);
  return chosen(call, inside, y, typeof fill === "number" ? call.graph.scalar(fill) : fill);
}

function marginsOf(call: Call, rank: number): { before: number[]; after: number[] } {
  const old = call.ints("pads") ?? call.ints("paddings");
  const pads = call.opset >= 11 ? call.numbers(1) : (old ?? call.fail("its pads are missing"));
  const given = call.opset >= 18 ? call.numbersIf(3) : undefined;
  const axes = call.axes(given ?? Array.from({ length: rank }, (_, i) => i), rank);
  if (pads.length !== 2 * axes.length || !pads.every(Number.isInteger))
    call.fail(`its pads are ${quoted([...pads])} for ${axes.length} axes`);
  const before = new Array<number>(rank).fill(0);
  const after = new Array<number>(rank).fill(0);
  axes.forEach((axis, i) => {
    before[axis] = pads[i];
    after[axis] = pads[i + axes.length];
  });
  return { before, after };
}
export function pad(call: Call): Val {
  let x = call.value(0);
  const { before, after } = marginsOf(call, x.shape.length);
  const mode = call.oneOf("mode", ["constant", "reflect", "edge", "wrap"]);
  if (mode === "constant") {
    const given = call.inputs[2]?.value;
    const fill = call.opset < 11 ? call.float("value", 0) : given ? call.reshape(given, []) : 0;
    return call.give(surrounded(call, x, before, after, fill));
  }
  x.shape.forEach((n, axis) => {
    const length = n + before[axis] + after[axis];
    if (length < 0 || length > 2 ** 22 || (n === 0 && length > 0))
      call.fail(`an axis of ${n} would become ${length}`);
    call.graph.spend(length);
    const indices = Array.from({ length }, (_, i) => modes[mode](i - before[axis], n));
    x = call.take(x, axis, indices);
  });
  return call.give(x);
}
