// Ops that move numbers and change none: axes, parts, copies.
import { formatShape, quoted, sizeOf, type Shape, type Value } from "../../../engine/index.ts";
import type { Call, Family, Val } from "../call.ts";
import { gather } from "./gathering.ts";
import { pad } from "./padding.ts";
import { sizes } from "./shapes.ts";

/** A list that was an attribute first, and an input from `since` on. */
function listed(
  call: Call,
  name: string,
  index: number,
  since: number,
): readonly number[] | undefined {
  return call.opset >= since ? call.numbersIf(index) : call.ints(name);
}

function reshape(call: Call): Val {
  const x = call.value(0);
  const wanted = call.opset < 5 ? (call.ints("shape") ?? []) : call.numbers(1);
  const kept = (d: number, i: number): number =>
    d === 0 && !call.flag("allowzero") ? (x.shape[i] ?? 0) : d;
  const shape = wanted.map(kept);
  const rest = sizeOf(shape.filter((d) => d !== -1));
  const filled = shape.map((d) => (d === -1 ? sizeOf(x.shape) / rest : d));
  const fits =
    shape.filter((d) => d === -1).length <= 1 && filled.every((d) => Number.isInteger(d) && d >= 0);
  if (!fits || sizeOf(filled) !== sizeOf(x.shape))
    call.fail(`its input ${formatShape(x.shape)} cannot take the shape ${quoted([...wanted])}`);
  return call.give(call.reshape(x, filled));
}
function flatten(call: Call): Val {
  const x = call.value(0);
  const axis = call.axis(call.int("axis", 1), x.shape.length + 1);
  // counted from the back, it is so among the axes and not the gaps between them
  const at = call.int("axis", 1) < 0 ? axis - 1 : axis;
  return call.give(call.flattened(x, at));
}
function squeeze(call: Call): Val {
  const x = call.value(0);
  const given = listed(call, "axes", 1, 13);
  const axes = given
    ? call.axes(given, x.shape.length)
    : x.shape.flatMap((d, i) => (d === 1 ? [i] : []));
  if (axes.some((axis) => x.shape[axis] !== 1))
    call.fail(`axes ${axes} of ${formatShape(x.shape)} are not all of size 1`);
  return call.give(
    call.reshape(
      x,
      x.shape.filter((_, i) => !axes.includes(i)),
    ),
  );
}
function unsqueeze(call: Call): Val {
  const x = call.value(0);
  const given = listed(call, "axes", 1, 13) ?? call.fail("its axes are missing");
  const rank = x.shape.length + given.length;
  const axes = call.axes(given, rank);
  const old = x.shape.values();
  return call.give(
    call.reshape(
      x,
      Array.from({ length: rank }, (_, i) => (axes.includes(i) ? 1 : old.next().value!)),
    ),
  );
}
function transpose(call: Call): Val {
  const x = call.value(0);
  const permutation = call.ints("perm") ?? x.shape.map((_, i) => x.shape.length - 1 - i);
  return call.give(call.transpose(x, call.axes(permutation, x.shape.length)));
}
function concat(call: Call): Val {
  const values = call.inputs.map((_, i) => call.value(i));
  const rank = call.value(0).shape.length;
  const axis = call.axis(call.int("axis", 1), rank);
  return call.give(call.concat(values, axis));
}
/** Sizes of equal parts; the last one may be smaller. */
function equalParts(call: Call, size: number, count: number): number[] {
  if (!(count >= 1 && count <= size)) call.fail(`it makes ${count} parts of an axis of ${size}`);
  const part = Math.ceil(size / count);
  return Array.from({ length: count }, (_, i) => Math.max(0, Math.min(part, size - i * part)));
}
function split(call: Call): Val[] {
  const x = call.value(0);
  const axis = call.axis(call.int("axis", 0), x.shape.length);
  const count = call.int("num_outputs", call.node.outputs.length);
  const parts = listed(call, "split", 1, 13) ?? equalParts(call, x.shape[axis], count);
  if (sizes(call, parts).reduce((a, b) => a + b, 0) !== x.shape[axis])
    call.fail(`it makes parts of ${quoted([...parts])} of an axis of ${x.shape[axis]}`);
  let at = 0;
  return parts.map((size) => {
    at += size;
    return call.give(call.math.slice(x, axis, at - size, at));
  });
}
/** A part of one axis, as NumPy counts it. */
function cut(
  call: Call,
  x: Value,
  axis: number,
  [from, to, step]: readonly [number, number, number],
): Value {
  const size = x.shape[axis];
  const wrap = (at: number): number => (at < 0 ? at + size : at);
  const clamp = (at: number, low: number, high: number): number =>
    Math.min(Math.max(at, low), high);
  const [low, high] = step > 0 ? [0, size] : [-1, size - 1];
  const start = clamp(wrap(from), low, high);
  const end = clamp(wrap(to), low, high);
  if (step === 1) return call.math.slice(x, axis, start, Math.max(start, end));
  const count = Math.max(0, Math.ceil((end - start) / step));
  call.graph.spend(count);
  return call.take(
    x,
    axis,
    Array.from({ length: count }, (_, i) => start + i * step),
  );
}
function slice(call: Call): Val {
  let x = call.value(0);
  const starts = listed(call, "starts", 1, 10) ?? [];
  const ends = listed(call, "ends", 2, 10) ?? [];
  const axes = call.axes(listed(call, "axes", 3, 10) ?? starts.map((_, i) => i), x.shape.length);
  const steps = (call.opset >= 10 ? call.numbersIf(4) : undefined) ?? starts.map(() => 1);
  if (
    ends.length !== starts.length ||
    axes.length !== starts.length ||
    steps.length !== starts.length
  )
    call.fail(
      `it has ${starts.length} starts, ${ends.length} ends, ${axes.length} axes and ${steps.length} steps`,
    );
  if (steps.some((step) => !Number.isInteger(step) || step === 0))
    call.fail(`its steps are ${quoted([...steps])}`);
  axes.forEach((axis, i) => {
    x = cut(call, x, axis, [starts[i], ends[i], steps[i]]);
  });
  return call.give(x);
}
function expand(call: Call): Val {
  const x = call.value(0);
  const wanted = sizes(call, call.numbers(1));
  const rank = Math.max(wanted.length, x.shape.length);
  const at = (shape: Shape, i: number): number => shape[i - rank + shape.length] ?? 1;
  const shape = Array.from({ length: rank }, (_, i) =>
    at(x.shape, i) === 1 ? at(wanted, i) : at(x.shape, i),
  );
  return call.give(call.broadcast(x, shape));
}
function repeated(call: Call, x: Value, repeats: readonly number[]): Value {
  if (repeats.length !== x.shape.length)
    call.fail(`it repeats ${repeats.length} axes of ${formatShape(x.shape)}`);
  // [a, b] → [1, a, 1, b] → [r, a, s, b]
  const apart = x.shape.flatMap((d) => [1, d]);
  const wide = x.shape.flatMap((d, i) => [repeats[i], d]);
  const shape = x.shape.map((d, i) => d * repeats[i]);
  return call.reshape(call.broadcast(call.reshape(x, apart), wide), shape);
}
function tile(call: Call): Val {
  return call.give(repeated(call, call.value(0), sizes(call, call.numbers(1))));
}
function blocks(call: Call): {
  x: Value;
  n: number;
  c: number;
  h: number;
  w: number;
  size: number;
} {
  const x = call.value(0);
  if (x.shape.length !== 4)
    call.fail(`its input is ${formatShape(x.shape)} and no batch of images`);
  const [n, c, h, w] = x.shape;
  return { x, n, c, h, w, size: sizes(call, [call.int("blocksize")])[0] };
}
function depthToSpace(call: Call): Val {
  const { x, n, c, h, w, size } = blocks(call);
  const depth = c / size ** 2;
  const columns = call.oneOf("mode", ["DCR", "CRD"]) === "DCR";
  const apart = columns ? [n, size, size, depth, h, w] : [n, depth, size, size, h, w];
  const order = columns ? [0, 3, 4, 1, 5, 2] : [0, 1, 4, 2, 5, 3];
  const moved = call.transpose(call.reshape(x, apart), order);
  return call.give(call.reshape(moved, [n, depth, h * size, w * size]));
}
function spaceToDepth(call: Call): Val {
  const { x, n, c, h, w, size } = blocks(call);
  const [rows, columns] = [h / size, w / size];
  const moved = call.transpose(
    call.reshape(x, [n, c, rows, size, columns, size]),
    [0, 3, 5, 1, 2, 4],
  );
  return call.give(call.reshape(moved, [n, c * size ** 2, rows, columns]));
}

export const movementOps: Family = {
  Identity: { run: (call) => call.input(0) },
  Reshape: { attributes: "shape allowzero consumed_inputs", run: reshape },
  Flatten: { attributes: "axis", run: flatten },
  Squeeze: { attributes: "axes", run: squeeze },
  Unsqueeze: { attributes: "axes", run: unsqueeze },
  Transpose: { attributes: "perm", run: transpose },
  Concat: { attributes: "axis", run: concat },
  Split: { attributes: "axis split num_outputs", run: split },
  Slice: { attributes: "starts ends axes", run: slice },
  Gather: { attributes: "axis", run: gather },
  Expand: { run: expand },
  Tile: { run: tile },
  Pad: { attributes: "mode pads paddings value", run: pad },
  DepthToSpace: { attributes: "blocksize mode", run: depthToSpace },
  SpaceToDepth: { attributes: "blocksize", run: spaceToDepth },
};
