// Elementwise kernels: one loop of vectors; broadcasting reads through strides, 0 where an input repeats.
import { broadcastStrides, sizeOf, type Shape } from "../../../core/shape.ts";
import { f32, get, i32, int, v, type Code, type FunctionBuilder, type Local } from "../encoder.ts";
import type { Kernel } from "../kernel.ts";

/** y = f(x) over a whole array; the lanes past its end are computed and never read. */
interface UnaryContext { f: FunctionBuilder; input: Readonly<Record<"x", Local>>; y: Local; out: Shape }
export function unary(f: (x: Code, fn: FunctionBuilder) => Code): (k: UnaryContext) => void {
  return ({ f: fn, input, y, out }) => {
    fn.for(sizeOf(out) * 4, (i) => fn.do(v.store(i32.add(get(y), get(i)), f(v.load(i32.add(get(input.x), get(i))), fn))), 16);
  };
}

/** Merges neighbouring axes along which both inputs advance alike, so that most broadcasts become one or two loops. */
function collapse(out: Shape, a: readonly number[], b: readonly number[]): { n: number; a: number; b: number }[] {
  const axes: { n: number; a: number; b: number }[] = [];
  out.forEach((n, i) => {
    if (n === 1) return;
    const last = axes.at(-1);
    if (last && last.a === a[i] * n && last.b === b[i] * n) Object.assign(last, { n: last.n * n, a: a[i], b: b[i] });
    else axes.push({ n, a: a[i], b: b[i] });
  });
  return axes.length === 0 ? [{ n: 1, a: 0, b: 0 }] : axes;
}

interface BinaryContext { f: FunctionBuilder; shapes: Readonly<Record<"a" | "b", Shape>>; input: Readonly<Record<"a" | "b", Local>>; y: Local; out: Shape }
export function binary(op: (a: Code, b: Code) => Code): (k: BinaryContext) => void {
  return ({ f, shapes, input, y, out }) => {
    if (sizeOf(out) === 0) return;
    const axes = collapse(out, broadcastStrides(shapes.a, out), broadcastStrides(shapes.b, out));
    const inner = axes.pop()!;
    const to = f.local("i32", get(y));
    const nest = (depth: number, pa: Code, pb: Code): void => {
      if (depth < axes.length) {
        const axis = axes[depth];
        f.for(axis.n, (i) => {
          const a = f.local("i32", i32.add(pa, i32.mul(get(i), int(axis.a * 4))));
          const b = f.local("i32", i32.add(pb, i32.mul(get(i), int(axis.b * 4))));
          nest(depth + 1, get(a), get(b));
        });
        return;
      }
      const a0 = inner.a === 0 ? f.local("v128", v.loadSplat(pa)) : undefined;
      const b0 = inner.b === 0 ? f.local("v128", v.loadSplat(pb)) : undefined;
      const at = (i: Code, offset: number): Code => op(a0 ? get(a0) : v.load(i32.add(pa, i), offset), b0 ? get(b0) : v.load(i32.add(pb, i), offset));
      const whole = axes.length === 0 ? Math.ceil(inner.n / 4) * 4 : inner.n - (inner.n % 4);
      f.for(whole * 4, (i) => f.do(v.store(i32.add(get(to), get(i)), at(get(i), 0))), 16);
      if (whole < inner.n) {
        const rest = f.local("v128", at(int(whole * 4), 0));
        for (let lane = 0; lane < inner.n - whole; lane++) f.do(v.storeLane(get(to), get(rest), lane, (whole + lane) * 4));
      }
      f.advance(to, inner.n * 4);
    };
    nest(0, get(input.a), get(input.b));
  };
}

/** eˣ of four numbers: x = k·ln 2 + r, a polynomial for eʳ, and 2ᵏ from its bits. */
export function exp4(x: Code, fn: FunctionBuilder): Code {
  const clamped = fn.local("v128", v.max(v.min(x, v.constant(88.72)), v.constant(-87.33)));
  const k = fn.local("v128", v.nearest(v.mul(get(clamped), v.constant(1.4426950408889634))));
  const r = fn.local("v128", v.sub(v.sub(get(clamped), v.mul(get(k), v.constant(0.693359375))), v.mul(get(k), v.constant(-2.12194440e-4))));
  let p: Code = v.constant(1 / 5040);
  for (const c of [1 / 720, 1 / 120, 1 / 24, 1 / 6, 0.5, 1, 1]) p = v.add(v.mul(p, get(r)), v.constant(c));
  // 2ᵏ in two halves: k = 128 alone has no bits of its own
  const half = fn.local("v128", v.shiftRight(v.toInt(get(k)), 1));
  const power = (n: Code): Code => v.shiftLeft(v.intAdd(n, v.splatInt(127)), 23);
  return v.mul(v.mul(p, power(get(half))), power(v.intSub(v.toInt(get(k)), get(half))));
}

/** ln x of four numbers: x = 2ᵉ·m with m near 1, ln m = 2·artanh((m − 1)/(m + 1)). Subnormal numbers count as their exponent says. */
export function log4(x: Code, fn: FunctionBuilder): Code {
  const value = fn.local("v128", x);
  const shifted = fn.local("v128", v.intSub(get(value), v.splatInt(0x3f3504f3)));
  const e = fn.local("v128", v.shiftRight(get(shifted), 23));
  const m = fn.local("v128", v.intSub(get(value), v.shiftLeft(get(e), 23)));
  const s = fn.local("v128", v.div(v.sub(get(m), v.constant(1)), v.add(get(m), v.constant(1))));
  const s2 = fn.local("v128", v.mul(get(s), get(s)));
  let p: Code = v.constant(1 / 11);
  for (const c of [1 / 9, 1 / 7, 1 / 5, 1 / 3, 1]) p = v.add(v.mul(p, get(s2)), v.constant(c));
  const ef = fn.local("v128", v.fromInt(get(e)));
  const result = v.add(v.mul(get(ef), v.constant(0.693359375)), v.add(v.mul(v.mul(get(s), v.constant(2)), p), v.mul(get(ef), v.constant(-2.12194440e-4))));
  const outside = v.select(v.constant(Number.NEGATIVE_INFINITY), v.constant(Number.NaN), v.eq(get(value), v.constant(0)));
  const top = v.select(get(value), result, v.eq(get(value), v.constant(Number.POSITIVE_INFINITY)));
  return v.select(top, outside, v.gt(get(value), v.constant(0)));
}

const one = (mask: Code): Code => v.and(mask, v.constant(1));
export const neg: Kernel<"neg"> = unary(v.neg);
export const exp: Kernel<"exp"> = unary(exp4);
export const log: Kernel<"log"> = unary(log4);
export const sqrt: Kernel<"sqrt"> = unary(v.sqrt);
export const abs: Kernel<"abs"> = unary(v.abs);
export const sign: Kernel<"sign"> = unary((x, fn) => {
  const t = fn.local("v128", x);
  return v.sub(one(v.gt(get(t), v.constant(0))), one(v.lt(get(t), v.constant(0))));
});
export const relu: Kernel<"relu"> = unary((x) => v.max(x, v.constant(0)));
export const relu_grad: Kernel<"relu_grad"> = ({ f, input, y, out }) => {
  f.for(sizeOf(out) * 4, (i) => f.do(v.store(i32.add(get(y), get(i)), v.and(v.load(i32.add(get(input.dy), get(i))), v.gt(v.load(i32.add(get(input.x), get(i))), v.splat(f32(0)))))), 16);
};
export const sigmoid: Kernel<"sigmoid"> = unary((x, fn) => v.div(v.constant(1), v.add(v.constant(1), exp4(v.neg(x), fn))));
export const add: Kernel<"add"> = binary(v.add);
export const sub: Kernel<"sub"> = binary(v.sub);
export const mul: Kernel<"mul"> = binary(v.mul);
export const div: Kernel<"div"> = binary(v.div);
export const maximum: Kernel<"maximum"> = binary(v.max);
export const greater: Kernel<"greater"> = binary((a, b) => one(v.gt(a, b)));

/** The reference's hash, four numbers at a time. */
function mix4(fn: FunctionBuilder, x: Code): Code {
  const z = fn.local("v128", x);
  const round = (shift: number, factor: number): void => fn.set(z, v.intMul(v.xor(get(z), v.shiftRightUnsigned(get(z), shift)), v.splatInt(factor)));
  round(16, 0x21f0aaad);
  round(15, 0x735a2d97);
  return v.xor(get(z), v.shiftRightUnsigned(get(z), 15));
}
export const random_uniform: Kernel<"random_uniform"> = ({ f, attrs: { seed }, input, y, out }) => {
  const base = f.local("v128", mix4(f, v.xor(v.toInt(v.loadSplat(get(input.counter))), mix4(f, v.splatInt(seed | 0)))));
  f.for(sizeOf(out) * 4, (i) => {
    const place = v.intMul(v.intAdd(v.splatI32(get(i)), v.intConstants(0, 4, 8, 12)), v.splatInt(0x9e3779b1 | 0));
    f.do(v.store(i32.add(get(y), get(i)), v.mul(v.fromInt(v.shiftRightUnsigned(mix4(f, v.intAdd(place, get(base))), 8)), v.constant(2 ** -24))));
  }, 16);
};
