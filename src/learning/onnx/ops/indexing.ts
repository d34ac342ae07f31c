// Numbers by lists of places: gathered, scattered, chosen. The places are known before the network
// runs, but for those that are gathered.
import { formatShape, sizeOf, type Shape, type Value } from "../../../engine/index.ts";
import type { Call, Family, OpDefinition, Val } from "../call.ts";
import { chosen, larger, smaller } from "./arithmetic.ts";
import { entries, fromEnd, places } from "./gathering.ts";
import { sizes } from "./shapes.ts";

const flat = (call: Call, x: Value): Value => call.reshape(x, [sizeOf(x.shape)]);
/** The place, in the whole of an array, of an index on every axis. */
function placeOf(shape: Shape, index: readonly number[]): number {
  return index.reduce((at, i, axis) => at * shape[axis] + i, 0);
}
function indexOf(shape: Shape, place: number): number[] {
  const index = new Array<number>(shape.length);
  let rest = place;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    index[axis] = rest % shape[axis];
    rest = Math.floor(rest / shape[axis]);
  }
  return index;
}
/** Throws ConfigError unless the indices, which stand for one axis each, lie within x on others. */
function checkAlong(call: Call, x: Value, axis: number): void {
  const { shape } = call.value(1);
  if (shape.length !== x.shape.length || shape.some((d, i) => i !== axis && d > x.shape[i]))
    call.fail(`its indices are ${formatShape(shape)} and its input ${formatShape(x.shape)}`);
}
/** Flat places in x of such indices. */
function alongAxis(call: Call, x: Value, axis: number): number[] {
  const { shape } = call.value(1);
  checkAlong(call, x, axis);
  return places(call, 1, x.shape[axis]).map((at, i) => {
    const index = indexOf(shape, i);
    index[axis] = at;
    return placeOf(x.shape, index);
  });
}
/** The same, where the network computes them. */
function computedAlong(call: Call, x: Value, axis: number): Value {
  const { shape } = call.value(1);
  checkAlong(call, x, axis);
  call.graph.spend(sizeOf(shape));
  const firsts = Float64Array.from({ length: sizeOf(shape) }, (_, i) => {
    const index = indexOf(shape, i);
    index[axis] = 0;
    return placeOf(x.shape, index);
  });
  const at = fromEnd(call, call.value(1), x.shape[axis]);
  const stride = sizeOf(x.shape.slice(axis + 1));
  return call.math.add(call.graph.constant(firsts, shape), call.math.mul(at, stride));
}
function gatherElements(call: Call): Val {
  const x = call.value(0);
  const axis = call.axis(call.int("axis", 0), x.shape.length);
  const { shape } = call.value(1);
  const taken = call.graph.isKnown(call.value(1))
    ? call.take(flat(call, x), 0, alongAxis(call, x, axis))
    : entries(call, call.reshape(x, [1, sizeOf(x.shape)]), computedAlong(call, x, axis));
  return call.give(call.reshape(taken, shape));
}
/** What is left of x, and how many there are of it, for indices of several axes. */
function tuplesOf(
  call: Call,
  x: Value,
  batch: number,
): { depth: number; part: Shape; tuples: Shape } {
  const { shape } = call.value(1);
  const depth = shape.at(-1) ?? 0;
  if (depth + batch > x.shape.length || shape.length <= batch)
    call.fail(`its indices are ${formatShape(shape)} and its input ${formatShape(x.shape)}`);
  return { depth, part: x.shape.slice(batch + depth), tuples: shape.slice(0, -1) };
}
/** Flat places of the first of each part. */
function firstsOf(call: Call, x: Value, batch: number): number[] {
  const { depth, part, tuples } = tuplesOf(call, x, batch);
  const numbers = call.numbers(1);
  return Array.from({ length: sizeOf(tuples) }, (_, i) => {
    const index = indexOf(tuples, i).slice(0, batch);
    for (let k = 0; k < depth; k++) {
      const size = x.shape[batch + k];
      const at = numbers[i * depth + k];
      const place = at < 0 ? at + size : at;
      if (!(Number.isInteger(place) && place >= 0 && place < size))
        call.fail(`index ${at} is not in an axis of ${size}`);
      index.push(place);
    }
    return placeOf(x.shape, index) * sizeOf(part);
  });
}
/** Flat places of all cells of each part [tuples, part], where the network computes them. */
function computedCells(call: Call, x: Value, batch: number): Value {
  const { depth, part, tuples } = tuplesOf(call, x, batch);
  const { add, mul, slice } = call.math;
  const [count, size] = [sizeOf(tuples), sizeOf(part)];
  const indices = call.reshape(call.value(1), [count, depth]);
  const ofBatch = sizeOf(x.shape.slice(batch));
  const each = count / sizeOf(tuples.slice(0, batch));
  call.graph.spend(count);
  const firsts = Float64Array.from({ length: count }, (_, i) => Math.floor(i / each) * ofBatch);
  let at = call.graph.constant(firsts, [count, 1]);
  for (let k = 0; k < depth; k++) {
    const own = fromEnd(call, slice(indices, 1, k, k + 1), x.shape[batch + k]);
    at = add(at, mul(own, sizeOf(x.shape.slice(batch + k + 1))));
  }
  return add(at, call.counted(size, 1, 2));
}
function everyCell(call: Call, starts: readonly number[], part: Shape): number[] {
  const size = sizeOf(part);
  call.graph.spend(size * starts.length);
  return starts.flatMap((start) => Array.from({ length: size }, (_, i) => start + i));
}
function gatherND(call: Call): Val {
  const x = call.value(0);
  const batch = call.int("batch_dims", 0);
  const { part, tuples } = tuplesOf(call, x, batch);
  const taken = call.graph.isKnown(call.value(1))
    ? call.take(flat(call, x), 0, everyCell(call, firstsOf(call, x, batch), part))
    : entries(call, call.reshape(x, [1, sizeOf(x.shape)]), computedCells(call, x, batch));
  return call.give(call.reshape(taken, [...tuples, ...part]));
}

type Joined = "none" | "add" | "mul" | "max" | "min";
const neutral: Readonly<Record<Joined, number>> = {
  none: 0,
  add: 0,
  mul: 1,
  max: Number.NEGATIVE_INFINITY,
  min: Number.POSITIVE_INFINITY,
};
/** Updates put at flat places; where several meet, one after the other. */
function scattered(
  call: Call,
  x: Value,
  at: readonly number[],
  updates: Value,
  how: Joined,
): Value {
  const n = sizeOf(x.shape);
  call.graph.spend(2 * n + at.length);
  const [start, news] = [flat(call, x), flat(call, updates)];
  if (how === "add" && at.length > 0) {
    const added = call.emit("take_grad", { dy: news }, { axis: 0, indices: at, size: n });
    return call.reshape(call.math.add(start, added), x.shape);
  }
  /** Which update comes k-th at a cell. */
  const rounds: Map<number, number>[] = [];
  const met = new Map<number, number>();
  at.forEach((cell, update) => {
    const k = how === "none" ? 0 : (met.get(cell) ?? 0);
    met.set(cell, k + 1);
    rounds[k] ??= new Map();
    rounds[k].set(cell, update);
  });
  let y = start;
  for (const round of rounds) {
    call.graph.spend(n);
    const all = Array.from({ length: n }, (_, i) => i);
    if (how === "none") {
      const from = all.map((i) => (round.has(i) ? n + round.get(i)! : i));
      y = call.take(call.concat([y, news], 0), 0, from);
      continue;
    }
    const from = all.map((i) => round.get(i) ?? at.length);
    const own = call.take(
      call.concat([news, call.graph.constant([neutral[how]], [1])], 0),
      0,
      from,
    );
    const join = {
      mul: () => call.math.mul(y, own),
      max: () => larger(call, y, own),
      min: () => smaller(call, y, own),
    };
    y = join[how as "mul" | "max" | "min"]();
  }
  return call.reshape(y, x.shape);
}
const reductionOf = (call: Call): Joined =>
  call.oneOf("reduction", ["none", "add", "mul", "max", "min"]);
function scatterElements(call: Call): Val {
  const x = call.value(0);
  const axis = call.axis(call.int("axis", 0), x.shape.length);
  return call.give(scattered(call, x, alongAxis(call, x, axis), call.value(2), reductionOf(call)));
}
function scatterND(call: Call): Val {
  const x = call.value(0);
  const cells = everyCell(call, firstsOf(call, x, 0), tuplesOf(call, x, 0).part);
  return call.give(scattered(call, x, cells, call.value(2), reductionOf(call)));
}

/** The cells above or below a diagonal, the others 0. */
function trilu(call: Call): Val {
  const x = call.value(0);
  if (x.shape.length < 2) call.fail("its input is no matrix");
  const [rows, columns] = x.shape.slice(-2);
  const [k, upper] = [call.number(1, 0), call.flag("upper", true)];
  call.graph.spend(rows * columns);
  const kept = Float64Array.from({ length: rows * columns }, (_, i) => {
    const beyond = (i % columns) - Math.floor(i / columns) - k;
    return (upper ? beyond >= 0 : beyond <= 0) ? 1 : 0;
  });
  const mask = call.graph.constant(kept, [rows, columns]);
  return call.give(chosen(call, mask, x, call.graph.scalar(0)));
}
function compress(call: Call): Val {
  const x = call.value(0);
  const kept = call.numbers(1).flatMap((is, i) => (is ? [i] : []));
  if (!call.node.attributes.has("axis")) return call.give(call.take(flat(call, x), 0, kept));
  const axis = call.axis(call.int("axis"), x.shape.length);
  return call.give(call.take(x, axis, kept));
}
function nonZero(call: Call): Val {
  const { shape } = call.value(0);
  const found = call.numbers(0).flatMap((v, i) => (v === 0 ? [] : [indexOf(shape, i)]));
  const rows = shape.flatMap((_, axis) => found.map((index) => index[axis]));
  return call.give(call.graph.constant(rows, [shape.length, found.length]), "int64");
}
/** `on` where the class is the index, from the end where negative. */
function oneHot(call: Call): Val {
  const indices = call.value(0);
  const [depth] = sizes(call, [call.number(1)]);
  const rank = indices.shape.length + 1;
  const axis = call.axis(call.int("axis", -1), rank);
  const classes = call.counted(depth, axis, rank);
  const { add, mul } = call.math;
  const isNegative = call.emit("greater", { a: call.graph.scalar(0), b: indices });
  const counted = add(indices, mul(isNegative, depth));
  const shape = [...indices.shape.slice(0, axis), 1, ...indices.shape.slice(axis)];
  const isIt = call.emit("equal", { a: call.reshape(counted, shape), b: classes });
  const [off, on] = [0, 1].map((i) => call.reshape(call.take(call.value(2), 0, [i]), []));
  return call.give(chosen(call, isIt, on, off), call.input(2).type);
}
/** Values of MaxPool back at their places. */
function maxUnpool(call: Call): Val {
  const x = call.value(0);
  const kernel = call.ints("kernel_shape") ?? call.fail("its attribute kernel_shape is missing");
  const stride = call.ints("strides") ?? kernel.map(() => 1);
  const pads = call.ints("pads") ?? kernel.flatMap(() => [0, 0]);
  const rank = kernel.length;
  const size = x.shape
    .slice(2)
    .map((n, i) => (n - 1) * stride[i] - pads[i] - pads[i + rank] + kernel[i]);
  const inferred = [...x.shape.slice(0, 2), ...size];
  const shape = sizes(call, call.numbersIf(2) ?? inferred);
  const all = sizeOf(inferred);
  const moved = call.numbers(1).map((at) => placeIn(shape, inferred, at));
  if (moved.some((at) => !(at >= 0 && at < sizeOf(shape))))
    call.fail(`a place is not in ${formatShape(shape)}, of ${all}`);
  return call.give(scattered(call, call.graph.filled(0, shape), moved, x, "none"));
}
/** Places were counted in the size that the pooling would have had, with another output, too. */
function placeIn(shape: Shape, inferred: Shape, at: number): number {
  return shape.join() === inferred.join() ? at : placeOf(shape, indexOf(inferred, at));
}
function cumulative(call: Call): Val {
  const x = call.value(0);
  const axis = call.axis(call.number(1), x.shape.length);
  const n = x.shape[axis];
  const [exclusive, reverse] = [call.flag("exclusive"), call.flag("reverse")];
  call.graph.spend(n * n);
  const matrix = Float64Array.from({ length: n * n }, (_, i) => {
    const [from, to] = [Math.floor(i / n), i % n];
    if (from === to) return exclusive ? 0 : 1;
    return from < to !== reverse ? 1 : 0;
  });
  const turned = call.exchanged(x, axis);
  const rows = call.reshape(turned, [sizeOf(x.shape) / n, n]);
  const sums = call.emit(
    "matmul",
    { a: rows, b: call.graph.constant(matrix, [n, n]) },
    { transposeA: false, transposeB: false },
  );
  return call.give(call.exchanged(call.reshape(sums, turned.shape), axis));
}
const scatterDefinition: OpDefinition = { attributes: "axis reduction", run: scatterElements };
export const indexingOps: Family = {
  GatherElements: { attributes: "axis", run: gatherElements },
  GatherND: { attributes: "batch_dims", run: gatherND },
  ScatterElements: scatterDefinition,
  Scatter: scatterDefinition,
  ScatterND: { attributes: "reduction", run: scatterND },
  Trilu: { attributes: "upper", run: trilu },
  Compress: { attributes: "axis", run: compress },
  NonZero: { run: nonZero },
  OneHot: { attributes: "axis", run: oneHot },
  MaxUnpool: { attributes: "kernel_shape pads strides", run: maxUnpool },
  CumSum: { attributes: "exclusive reverse", run: cumulative },
};
