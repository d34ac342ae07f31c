// Kernels that only move data: all of them are strided copies of boxes, or sums of them.
import { broadcastStrides, sizeOf, stridesOf, type Shape } from "../../../core/shape.ts";
import type { FunctionBuilder } from "../encoder/function.ts";
import { i32, s32, type Operand } from "../encoder/instructions.ts";
import {
  passOver,
  pieces,
  unitsOf,
  type Kernel,
  type KernelContext,
  type Pass,
} from "../kernel.ts";

/**
 * for every index of `shape`: to[index·to strides] = from[index·from strides], or += with `add`;
 * offsets and strides in elements, `from` an input's name.
 */
interface Box {
  shape: Shape;
  from: string;
  fromOffset?: number;
  fromStrides: readonly number[];
  toOffset?: number;
  toStrides: readonly number[];
}

/** More boxes than this share one pass, on one thread. */
const MANY = 4;

function copyBoxes(
  context: unknown,
  boxes: readonly Box[],
  { zero = false, add = false } = {},
): void {
  const k = context as KernelContext;
  const bytes = sizeOf(k.out) * 4;
  if (bytes === 0) return;
  if (zero) k.pass(1, ({ f, y }) => f.zero(y, bytes));
  const plans = boxes.filter((box) => sizeOf(box.shape) > 0).map((box) => plan(box, add));
  const cut = plans.length <= MANY;
  if (cut) for (const box of plans) k.pass(box.chunks, (p) => write(p, box, box.per, add));
  else
    k.pass(1, (p) => {
      for (const box of plans) write(p, box, box.axes[0].n, add);
    });
}

interface BoxPlan extends Box {
  axes: { n: number; s: number; d: number }[];
  run: number;
  per: number;
  chunks: number;
}
function plan(box: Box, add: boolean): BoxPlan {
  const { shape, fromStrides, toStrides } = box;
  const axes: BoxPlan["axes"] = [];
  shape.forEach((n, i) => {
    if (n === 1) return;
    const last = axes.at(-1);
    if (last && last.s === fromStrides[i] * n && last.d === toStrides[i] * n)
      Object.assign(last, { n: last.n * n, s: fromStrides[i], d: toStrides[i] });
    else axes.push({ n, s: fromStrides[i], d: toStrides[i] });
  });
  const inner = axes.at(-1);
  const run = !add && inner && inner.s === 1 && inner.d === 1 ? axes.pop()!.n : 1;
  if (axes.length === 0) axes.push({ n: 1, s: 0, d: 0 });
  const per = Math.ceil(axes[0].n / pieces(axes[0].n, sizeOf(shape) / axes[0].n));
  return { ...box, axes, run, per, chunks: Math.ceil(axes[0].n / per) };
}

function write(
  p: Pass,
  { from, fromOffset = 0, toOffset = 0, axes, run }: BoxPlan,
  per: number,
  add: boolean,
): void {
  const { f } = p;
  const whole = per === axes[0].n;
  const range = whole ? undefined : unitsOf(f, p.chunk, axes[0].n, per);
  const nest = (depth: number, source: Operand, target: Operand): void => {
    if (depth === axes.length) {
      if (add) f.do(s32.store(target, s32.add(s32.load(target), s32.load(source))));
      else if (run === 1) f.do(s32.store(target, s32.load(source)));
      else f.copy(target, source, run * 4);
      return;
    }
    const { n, s, d } = axes[depth];
    const cut = depth === 0 ? range : undefined;
    const start = (at: Operand, stride: number): Operand =>
      cut ? i32.add(at, i32.mul(cut[0], stride * 4)) : at;
    const src = f.i32(start(source, s));
    const dst = f.i32(start(target, d));
    const step = (): void => {
      nest(depth + 1, src, dst);
      f.advance(src, s * 4);
      f.advance(dst, d * 4);
    };
    if (cut) f.range(cut[0], cut[1], 1, step);
    else f.for(n, step);
  };
  nest(0, i32.add(p.input[from], fromOffset * 4), i32.add(p.y, toOffset * 4));
}
const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((s, x, i) => s + x * b[i], 0);

export const broadcast_to: Kernel<"broadcast_to"> = (k) =>
  copyBoxes(k, [
    {
      shape: k.out,
      from: "x",
      fromStrides: broadcastStrides(k.shapes.x, k.out),
      toStrides: stridesOf(k.out),
    },
  ]);
export const transpose: Kernel<"transpose"> = (k) => {
  const own = stridesOf(k.shapes.x);
  copyBoxes(k, [
    {
      shape: k.out,
      from: "x",
      fromStrides: k.attrs.permutation.map((p) => own[p]),
      toStrides: stridesOf(k.out),
    },
  ]);
};
export const slice: Kernel<"slice"> = (k) => {
  const own = stridesOf(k.shapes.x);
  copyBoxes(k, [
    {
      shape: k.out,
      from: "x",
      fromOffset: dot(k.attrs.start, own),
      fromStrides: own,
      toStrides: stridesOf(k.out),
    },
  ]);
};
export const pad: Kernel<"pad"> = (k) => {
  const strides = stridesOf(k.out);
  copyBoxes(
    k,
    [
      {
        shape: k.shapes.x,
        from: "x",
        fromStrides: stridesOf(k.shapes.x),
        toOffset: dot(k.attrs.before, strides),
        toStrides: strides,
      },
    ],
    { zero: true },
  );
};
export const concat: Kernel<"concat"> = ({ shapes, attrs: { axis }, ...k }) => {
  const toStrides = stridesOf(k.out);
  copyBoxes(k, [
    { shape: shapes.a, from: "a", fromStrides: stridesOf(shapes.a), toStrides },
    {
      shape: shapes.b,
      from: "b",
      fromStrides: stridesOf(shapes.b),
      toOffset: shapes.a[axis] * toStrides[axis],
      toStrides,
    },
  ]);
};
export const roll: Kernel<"roll"> = ({ shapes, attrs, ...k }) => {
  const { axis } = attrs;
  const n = k.out[axis];
  if (n === 0) return;
  const strides = stridesOf(k.out);
  const shift = ((attrs.shift % n) + n) % n;
  const part = (count: number): Shape => shapes.x.map((d, i) => (i === axis ? count : d));
  copyBoxes(k, [
    {
      shape: part(n - shift),
      from: "x",
      fromStrides: strides,
      toOffset: shift * strides[axis],
      toStrides: strides,
    },
    {
      shape: part(shift),
      from: "x",
      fromOffset: (n - shift) * strides[axis],
      fromStrides: strides,
      toStrides: strides,
    },
  ]);
};

/** Runs of indices with one step between neighbours. */
function runsOf(
  indices: readonly number[],
): { at: number; from: number; step: number; count: number }[] {
  const runs: { at: number; from: number; step: number; count: number }[] = [];
  indices.forEach((index, at) => {
    const last = runs.at(-1);
    if (last && last.count === 1) Object.assign(last, { step: index - last.from, count: 2 });
    else if (last && index === last.from + last.step * last.count) last.count++;
    else runs.push({ at, from: index, step: 0, count: 1 });
  });
  return runs;
}
/** More runs than these are read from a table: code for each of thousands would have no end. */
const MOST_RUNS = 64;

/** The blocks that indices name along an axis of the whole array, and those that are listed. */
interface Listed {
  readonly whole: { readonly name: "x" | "y"; readonly n: number };
  readonly indices: readonly number[];
  /** Arrays of blocks, one after another, and numbers in a block. */
  readonly arrays: number;
  readonly block: number;
}
function listedOf(whole: Shape, name: "x" | "y", axis: number, indices: readonly number[]): Listed {
  const [arrays, block] = [sizeOf(whole.slice(0, axis)), sizeOf(whole.slice(axis + 1))];
  return { whole: { name, n: whole[axis] }, indices, arrays, block };
}

/** Block after block of the list, in its order, so that sums keep theirs. */
function overList(
  context: unknown,
  { whole, indices, arrays, block }: Listed,
  body: (f: FunctionBuilder, at: { readonly whole: Operand; readonly listed: Operand }) => void,
): void {
  const k = context as KernelContext;
  if (arrays * block === 0) return;
  passOver(k, arrays, indices.length * block, ({ f, y, input, table }, first, end) => {
    const [other] = Object.values(input);
    const [from, to] = whole.name === "x" ? [other, y] : [y, other];
    const places = table(Int32Array.from(indices, (index) => 4 * block * index));
    f.range(first, end, 1, (array) => {
      const own = f.i32(i32.add(from, i32.mul(array, 4 * block * whole.n)));
      const listed = f.i32(i32.add(to, i32.mul(array, 4 * block * indices.length)));
      const place = f.i32(places);
      f.for(indices.length, () => {
        body(f, { whole: f.i32(i32.add(own, i32.load(place))), listed });
        f.advance(place, 4);
        f.advance(listed, 4 * block);
      });
    });
  });
}

export const take: Kernel<"take"> = ({ shapes, attrs: { axis, indices }, ...k }) => {
  const runs = runsOf(indices);
  if (runs.length > MOST_RUNS) {
    const list = listedOf(shapes.x, "x", axis, indices);
    overList(k, list, (f, { whole, listed }) => {
      if (list.block === 1) f.do(s32.store(listed, s32.load(whole)));
      else f.copy(listed, whole, 4 * list.block);
    });
    return;
  }
  const [own, strides] = [stridesOf(shapes.x), stridesOf(k.out)];
  copyBoxes(
    k,
    runs.map(({ at, from, step, count }) => ({
      shape: k.out.map((d, i) => (i === axis ? count : d)),
      from: "x",
      fromOffset: from * own[axis],
      fromStrides: own.map((s, i) => (i === axis ? s * step : s)),
      toOffset: at * strides[axis],
      toStrides: strides,
    })),
  );
};
export const take_grad: Kernel<"take_grad"> = ({ shapes, attrs: { axis, indices }, ...k }) => {
  const runs = runsOf(indices);
  if (runs.length > MOST_RUNS) {
    const list = listedOf(k.out, "y", axis, indices);
    k.pass(1, ({ f, y }) => f.zero(y, 4 * sizeOf(k.out)));
    overList(k, list, (f, { whole, listed }) => {
      const [to, from] = [f.i32(whole), f.i32(listed)];
      f.for(list.block, () => {
        f.do(s32.store(to, s32.add(s32.load(to), s32.load(from))));
        f.advance(to, 4);
        f.advance(from, 4);
      });
    });
    return;
  }
  const [own, strides] = [stridesOf(shapes.dy), stridesOf(k.out)];
  copyBoxes(
    k,
    runs.map(({ at, from, step, count }) => ({
      shape: shapes.dy.map((d, i) => (i === axis ? count : d)),
      from: "dy",
      fromOffset: at * own[axis],
      fromStrides: own,
      toOffset: from * strides[axis],
      toStrides: strides.map((s, i) => (i === axis ? s * step : s)),
    })),
    { zero: true, add: true },
  );
};
