// Kernels that only move data: all of them are strided copies of boxes, or sums of them.
import { broadcastStrides, sizeOf, stridesOf, type Shape } from "../../../core/shape.ts";
import { get, i32, int, s32, type Code, type FunctionBuilder } from "../encoder.ts";
import type { Kernel } from "../kernel.ts";

/** for every index of `shape`: to[index·toStrides] = from[index·fromStrides], or += with `add`; strides in elements. */
function copyBox(f: FunctionBuilder, shape: Shape, from: Code, fromStrides: readonly number[], to: Code, toStrides: readonly number[], add = false): void {
  if (sizeOf(shape) === 0) return;
  const axes: { n: number; s: number; d: number }[] = [];
  shape.forEach((n, i) => {
    if (n === 1) return;
    const last = axes.at(-1);
    if (last && last.s === fromStrides[i] * n && last.d === toStrides[i] * n) Object.assign(last, { n: last.n * n, s: fromStrides[i], d: toStrides[i] });
    else axes.push({ n, s: fromStrides[i], d: toStrides[i] });
  });
  const inner = axes.at(-1);
  const run = !add && inner && inner.s === 1 && inner.d === 1 ? axes.pop()!.n : 1;
  const nest = (depth: number, source: Code, target: Code): void => {
    if (depth === axes.length) {
      if (add) f.do(s32.store(target, s32.add(s32.load(target), s32.load(source))));
      else if (run === 1) f.do(s32.store(target, s32.load(source)));
      else f.copy(target, source, int(run * 4));
      return;
    }
    const { n, s, d } = axes[depth];
    const src = f.local("i32", source);
    const dst = f.local("i32", target);
    f.for(n, () => {
      nest(depth + 1, get(src), get(dst));
      f.advance(src, s * 4);
      f.advance(dst, d * 4);
    });
  };
  nest(0, from, to);
}
const plus = (base: Code, elements: number): Code => (elements === 0 ? base : i32.add(base, int(elements * 4)));
const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((s, x, i) => s + x * b[i], 0);

export const reshape: Kernel<"reshape"> = ({ f, input, y, out }) => copyBox(f, [sizeOf(out)], get(input.x), [1], get(y), [1]);
export const broadcast_to: Kernel<"broadcast_to"> = ({ f, shapes, input, y, out }) => copyBox(f, out, get(input.x), broadcastStrides(shapes.x, out), get(y), stridesOf(out));
export const transpose: Kernel<"transpose"> = ({ f, shapes, attrs, input, y, out }) => {
  const own = stridesOf(shapes.x);
  copyBox(f, out, get(input.x), attrs.permutation.map((p) => own[p]), get(y), stridesOf(out));
};
export const slice: Kernel<"slice"> = ({ f, shapes, attrs, input, y, out }) => {
  const own = stridesOf(shapes.x);
  copyBox(f, out, plus(get(input.x), dot(attrs.start, own)), own, get(y), stridesOf(out));
};
export const pad: Kernel<"pad"> = ({ f, shapes, attrs, input, y, out }) => {
  const strides = stridesOf(out);
  f.zero(get(y), sizeOf(out) * 4);
  copyBox(f, shapes.x, get(input.x), stridesOf(shapes.x), plus(get(y), dot(attrs.before, strides)), strides);
};
export const concat: Kernel<"concat"> = ({ f, shapes, attrs, input, y, out }) => {
  const strides = stridesOf(out);
  copyBox(f, shapes.a, get(input.a), stridesOf(shapes.a), get(y), strides);
  copyBox(f, shapes.b, get(input.b), stridesOf(shapes.b), plus(get(y), shapes.a[attrs.axis] * strides[attrs.axis]), strides);
};
export const roll: Kernel<"roll"> = ({ f, shapes, attrs, input, y, out }) => {
  const { axis } = attrs;
  const n = out[axis];
  if (n === 0) return;
  const strides = stridesOf(out);
  const shift = ((attrs.shift % n) + n) % n;
  const part = (count: number): Shape => shapes.x.map((d, i) => (i === axis ? count : d));
  copyBox(f, part(n - shift), get(input.x), strides, plus(get(y), shift * strides[axis]), strides);
  if (shift > 0) copyBox(f, part(shift), plus(get(input.x), (n - shift) * strides[axis]), strides, get(y), strides);
};

/** Runs of indices with one step between neighbours. */
function runsOf(indices: readonly number[]): { at: number; from: number; step: number; count: number }[] {
  const runs: { at: number; from: number; step: number; count: number }[] = [];
  indices.forEach((index, at) => {
    const last = runs.at(-1);
    if (last && last.count === 1) Object.assign(last, { step: index - last.from, count: 2 });
    else if (last && index === last.from + last.step * last.count) last.count++;
    else runs.push({ at, from: index, step: 0, count: 1 });
  });
  return runs;
}
export const take: Kernel<"take"> = ({ f, shapes, attrs: { axis, indices }, input, y, out }) => {
  const [own, strides] = [stridesOf(shapes.x), stridesOf(out)];
  for (const { at, from, step, count } of runsOf(indices)) {
    copyBox(f, out.map((d, i) => (i === axis ? count : d)), plus(get(input.x), from * own[axis]), own.map((s, i) => (i === axis ? s * step : s)), plus(get(y), at * strides[axis]), strides);
  }
};
export const take_grad: Kernel<"take_grad"> = ({ f, shapes, attrs: { axis, indices }, input, y, out }) => {
  const [own, strides] = [stridesOf(shapes.dy), stridesOf(out)];
  f.zero(get(y), sizeOf(out) * 4);
  for (const { at, from, step, count } of runsOf(indices)) {
    copyBox(f, shapes.dy.map((d, i) => (i === axis ? count : d)), plus(get(input.dy), at * own[axis]), own, plus(get(y), from * strides[axis]), strides.map((s, i) => (i === axis ? s * step : s)), true);
  }
};
