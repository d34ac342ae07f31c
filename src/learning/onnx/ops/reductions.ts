// Sums, means, largest ones and their places along axes.
import { sizeOf, type Value } from "../../../engine/index.ts";
import type { Call, Family, OpDefinition, Val } from "../call.ts";
import { chosen, negative } from "./arithmetic.ts";

export type Reduction = "sum" | "mean" | "max" | "min" | "prod";

/** The axes to be reduced put last, as one. */
function gathered(call: Call, x: Value, axes: readonly number[]): Value {
  const kept = x.shape.map((_, i) => i).filter((i) => !axes.includes(i));
  const turned = call.transpose(x, [...kept, ...axes]);
  return call.reshape(turned, [
    ...kept.map((i) => x.shape[i]),
    sizeOf(axes.map((i) => x.shape[i])),
  ]);
}
export function reduced(
  call: Call,
  x: Value,
  axes: readonly number[],
  keep: boolean,
  kind: Reduction,
): Value {
  const shape = x.shape.map((d, i) => (axes.includes(i) ? 1 : d));
  const { mul, sum, product } = call.math;
  const folded: { readonly [K in Reduction]: () => Value } = {
    sum: () => sum(x, axes),
    mean: () => mul(sum(x, axes), 1 / sizeOf(axes.map((i) => x.shape[i]))),
    prod: () => product(gathered(call, x, axes), x.shape.length - axes.length),
    max: () => call.emit("reduce_max", { x }, { axes }),
    min: () => negative(call, call.emit("reduce_max", { x: negative(call, x) }, { axes })),
  };
  const y = axes.length === 0 ? x : folded[kind]();
  return call.reshape(y, keep ? shape : shape.filter((_, i) => !axes.includes(i)));
}

/** Axes were an attribute first: of ReduceSum until opset 13, of the others until 18. */
function axesOf(call: Call, since: number): readonly number[] {
  const rank = call.value(0).shape.length;
  const given = (call.opset >= since ? call.numbersIf(1) : call.ints("axes")) ?? [];
  if (given.length > 0) return call.axes(given, rank);
  return call.flag("noop_with_empty_axes") ? [] : Array.from({ length: rank }, (_, i) => i);
}
function reduction(kind: Reduction, options: Partial<Forms> = {}): OpDefinition {
  const { since = 18, before, after } = options;
  return {
    attributes: "axes keepdims noop_with_empty_axes",
    run: (call) => {
      const x = call.value(0);
      const axes = axesOf(call, since);
      const y = reduced(
        call,
        before ? before(call, x) : x,
        axes,
        call.flag("keepdims", true),
        kind,
      );
      return call.give(after ? after(call, y) : y);
    },
  };
}
interface Forms {
  readonly since: number;
  readonly before: (call: Call, x: Value) => Value;
  readonly after: (call: Call, y: Value) => Value;
}
const square = (call: Call, x: Value): Value => call.math.square(x);
const logOf = (call: Call, x: Value): Value => call.emit("log", { x });
/** The largest is taken out first, so that no power overflows. */
function logSumExp(call: Call): Val {
  const x = call.value(0);
  const axes = axesOf(call, 18);
  const { add, sub } = call.math;
  const top = reduced(call, x, axes, true, "max");
  const powers = call.emit("exp", { x: sub(x, top) });
  const y = add(logOf(call, reduced(call, powers, axes, true, "sum")), top);
  const shape = call.flag("keepdims", true) ? y.shape : y.shape.filter((_, i) => !axes.includes(i));
  return call.give(call.reshape(y, shape));
}

/** The place of the first of the largest, or of the last. */
function argMax(call: Call, sign: 1 | -1): Val {
  const x = call.value(0);
  const axis = call.axis(call.int("axis", 0), x.shape.length);
  const signed = sign === 1 ? x : negative(call, x);
  const last = call.flag("select_last_index");
  const backwards = Array.from({ length: x.shape[axis] }, (_, i) => x.shape[axis] - 1 - i);
  const found = call.emit(
    "argmax",
    { x: last ? call.take(signed, axis, backwards) : signed },
    { axis },
  );
  const place = last ? call.math.sub(x.shape[axis] - 1, found) : found;
  const kept = x.shape.map((d, i) => (i === axis ? 1 : d));
  return call.give(call.flag("keepdims", true) ? call.reshape(place, kept) : place, "int64");
}
const attributes = "axis keepdims select_last_index";

/** The k largest, one after the other, each taken out before the next is looked for. */
function topK(call: Call): Val[] {
  const x = call.value(0);
  const k = call.opset >= 10 ? call.number(1) : call.int("k");
  const axis = call.axis(call.int("axis", -1), x.shape.length);
  const n = x.shape[axis];
  if (!(Number.isInteger(k) && k >= 1 && k <= Math.min(n, 1024)))
    call.fail(`it takes ${k} of ${n}; 1 to 1024 are read`);
  const isLargest = call.flag("largest", true);
  const kept = x.shape.map((d, i) => (i === axis ? 1 : d));
  const all = call.counted(n, axis, x.shape.length);
  let rest = isLargest ? x : negative(call, x);
  const values: Value[] = [];
  const places: Value[] = [];
  for (let i = 0; i < k; i++) {
    const place = call.reshape(call.emit("argmax", { x: rest }, { axis }), kept);
    const isIt = call.emit("equal", { a: all, b: place });
    values.push(reduced(call, chosen(call, isIt, x, call.graph.scalar(0)), [axis], true, "sum"));
    places.push(place);
    rest = chosen(call, isIt, call.graph.scalar(Number.NEGATIVE_INFINITY), rest);
  }
  return [call.give(call.concat(values, axis)), call.give(call.concat(places, axis), "int64")];
}

export const reductionOps: Family = {
  ReduceSum: reduction("sum", { since: 13 }),
  ReduceMean: reduction("mean"),
  ReduceMax: reduction("max"),
  ReduceMin: reduction("min"),
  ReduceProd: reduction("prod"),
  ReduceL1: reduction("sum", { before: (call, x) => call.emit("abs", { x }) }),
  ReduceL2: reduction("sum", { before: square, after: (call, y) => call.emit("sqrt", { x: y }) }),
  ReduceSumSquare: reduction("sum", { before: square }),
  ReduceLogSum: reduction("sum", { after: logOf }),
  ReduceLogSumExp: { attributes: "axes keepdims noop_with_empty_axes", run: logSumExp },
  ArgMax: { attributes, run: (call) => argMax(call, 1) },
  ArgMin: { attributes, run: (call) => argMax(call, -1) },
  TopK: { attributes: "axis k largest sorted", run: topK },
};
