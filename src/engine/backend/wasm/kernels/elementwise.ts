// Elementwise ops as vector code, and the kernel of an expression of them: one loop, whatever the
// number of ops.
import type { ElementwiseName } from "../../../graph/catalogue.ts";
import type { Argument, Expression } from "../../fusion.ts";
import { broadcastStrides, sizeOf, type Shape } from "../../../core/shape.ts";
import type { FunctionBuilder } from "../encoder/function.ts";
import { i32, v, type Code, type Local, type Operand } from "../encoder/instructions.ts";
import { storeLanes } from "./vectors.ts";
import { onePiece, pieces, unitsOf, up, type Kernel, type KernelContext } from "../kernel.ts";

/** eˣ of four numbers: x = k·ln 2 + r, a polynomial for eʳ, and 2ᵏ from its bits. */
export function exp4(x: Operand, fn: FunctionBuilder): Code {
  const clamped = fn.v128(v.max(v.min(x, 88.72), -87.33));
  const k = fn.v128(v.nearest(v.mul(clamped, 1.4426950408889634)));
  const r = fn.v128(v.sub(v.sub(clamped, v.mul(k, 0.693359375)), v.mul(k, -2.1219444e-4)));
  let p: Operand = 1 / 5040;
  for (const c of [1 / 720, 1 / 120, 1 / 24, 1 / 6, 0.5, 1, 1]) p = v.add(v.mul(p, r), c);
  // 2ᵏ in two halves: k = 128 alone has no bits of its own
  const half = fn.v128(v.shiftRight(v.toInt(k), 1));
  const power = (n: Operand): Code => v.shiftLeft(v.intAdd(n, v.splatInt(127)), 23);
  return v.mul(v.mul(p, power(half)), power(v.intSub(v.toInt(k), half)));
}

/**
 * ln x of four numbers: x = 2ᵉ·m with m near 1, ln m = 2·artanh((m − 1)/(m + 1)). Subnormal numbers
 * count as their exponent says.
 */
export function log4(x: Operand, fn: FunctionBuilder): Code {
  const value = fn.v128(x);
  const shifted = fn.v128(v.intSub(value, v.splatInt(0x3f3504f3)));
  const e = fn.v128(v.shiftRight(shifted, 23));
  const m = fn.v128(v.intSub(value, v.shiftLeft(e, 23)));
  const s = fn.v128(v.div(v.sub(m, 1), v.add(m, 1)));
  const s2 = fn.v128(v.mul(s, s));
  let p: Operand = 1 / 11;
  for (const c of [1 / 9, 1 / 7, 1 / 5, 1 / 3, 1]) p = v.add(v.mul(p, s2), c);
  const ef = fn.v128(v.fromInt(e));
  const result = v.add(v.mul(ef, 0.693359375), v.add(v.mul(v.mul(s, 2), p), v.mul(ef, -2.1219444e-4)));
  const outside = v.select(Number.NEGATIVE_INFINITY, Number.NaN, v.eq(value, 0));
  const top = v.select(value, result, v.eq(value, Number.POSITIVE_INFINITY));
  return v.select(top, outside, v.gt(value, 0));
}

/**
 * erf x of four numbers, an odd rational function on [−4, 4]; beyond it is ±1 in float32. Source:
 * Eigen's generic_fast_erf_float.
 */
function erf4(x: Operand, fn: FunctionBuilder): Code {
  const c = fn.v128(v.max(v.min(x, 4), -4));
  const c2 = fn.v128(v.mul(c, c));
  const polynomial = (first: number, rest: readonly number[]): Operand =>
    rest.reduce<Operand>((p, k) => v.add(v.mul(p, c2), k), first);
  const above = polynomial(
    -2.72614225801306e-10,
    [
      2.77068142495902e-8, -2.10102402082508e-6, -5.69250639462346e-5, -7.34990630326855e-4, -2.954599808540251e-3,
      -1.60960333262415e-2,
    ],
  );
  const below = polynomial(
    -1.45660718464996e-5,
    [-2.13374055278905e-4, -1.68282697438203e-3, -7.37332916720468e-3, -1.42647390514189e-2],
  );
  return v.div(v.mul(c, above), below);
}

const one = (mask: Operand): Code => v.and(mask, 1);
/** Four lanes of each elementwise op. */
const vectorOps: { readonly [K in ElementwiseName]: (f: FunctionBuilder, ...args: [Operand, Operand]) => Code } = {
  neg: (_f, x) => v.neg(x),
  exp: (f, x) => exp4(x, f),
  log: (f, x) => log4(x, f),
  sqrt: (_f, x) => v.sqrt(x),
  abs: (_f, x) => v.abs(x),
  sign: (_f, x) => v.sub(one(v.gt(x, 0)), one(v.lt(x, 0))),
  relu: (_f, x) => v.max(x, 0),
  relu_grad: (_f, dy, x) => v.and(dy, v.gt(x, 0)),
  sigmoid: (f, x) => v.div(1, v.add(1, exp4(v.neg(x), f))),
  erf: (f, x) => erf4(x, f),
  add: (_f, a, b) => v.add(a, b),
  sub: (_f, a, b) => v.sub(a, b),
  mul: (_f, a, b) => v.mul(a, b),
  div: (_f, a, b) => v.div(a, b),
  maximum: (_f, a, b) => v.max(a, b),
  greater: (_f, a, b) => one(v.gt(a, b)),
};
/** The results' vectors, given the operands'. */
export function evaluate(f: FunctionBuilder, e: Expression, operand: (index: number) => Operand): Local[] {
  const loaded = new Map<number, Local>();
  const values: Local[] = [];
  const read = (a: Argument): Operand => {
    if ("number" in a) return a.number;
    if ("step" in a) return values[a.step];
    if (!loaded.has(a.operand)) loaded.set(a.operand, f.v128(operand(a.operand)));
    return loaded.get(a.operand)!;
  };
  for (const { op, args } of e.steps) {
    const [a, b = []] = args.map(read);
    values.push(f.v128(vectorOps[op](f, a, b)));
  }
  return e.results.map((step) => values[step]);
}

/** Axes along which all operands advance alike become one. */
function collapse(shape: Shape, operands: readonly Shape[]): { n: number; steps: number[] }[] {
  const strides = operands.map((o) => broadcastStrides(o, shape));
  const axes: { n: number; steps: number[] }[] = [];
  shape.forEach((n, i) => {
    if (n === 1) return;
    const steps = strides.map((s) => s[i]);
    const last = axes.at(-1);
    if (last?.steps.every((s, j) => s === steps[j] * n)) Object.assign(last, { n: last.n * n, steps });
    else axes.push({ n, steps });
  });
  return axes.length === 0 ? [{ n: 1, steps: strides.map(() => 0) }] : axes;
}

/** The kernel of an expression: operands are inputs 0, 1, …, results the outputs. */
export const expression =
  (e: Expression) =>
  (k: KernelContext): void => {
    const size = sizeOf(e.shape);
    const axes = collapse(e.shape, e.operands);
    const outer = axes[0];
    const inner = axes.at(-1)!;
    const flat = axes.length === 1;
    const below = size / outer.n;
    // one axis is cut into runs of vectors, more than one into blocks of the outermost
    const count = flat ? pieces(Math.ceil(size / 1024), 1024) : pieces(outer.n, below);
    const per = flat ? up(Math.ceil(size / count), 4) : Math.ceil(outer.n / count);
    k.pass(Math.ceil(outer.n / per), (p) => {
      const { f } = p;
      const pointers = Object.values(p.input);
      const run = (at: readonly Local[], to: readonly Local[], from: Operand, end: Operand, tail: number): void => {
        const fixed = at.map((a, i) => (inner.steps[i] === 0 ? f.v128(v.loadSplat(a)) : undefined));
        const four = (i: Operand): Local[] =>
          evaluate(f, e, (o) => {
            const known = fixed[o];
            return known ? known : v.load(i32.add(at[o], i));
          });
        f.range(from, end, 16, (i) => four(i).forEach((value, j) => f.do(v.store(i32.add(to[j], i), value))));
        if (tail > 0) four(end).forEach((value, j) => storeLanes(f, i32.add(to[j], end), value, tail));
      };
      const [first, last] = unitsOf(f, p.chunk, outer.n, per);
      const nest = (depth: number, at: readonly Local[], to: readonly Local[]): void => {
        if (depth === axes.length - 1) {
          const whole = inner.n - (inner.n % 4);
          run(at, to, 0, whole * 4, inner.n - whole);
          return;
        }
        const axis = axes[depth];
        const bytes = axes.slice(depth + 1).reduce((n, a) => n * a.n, 4);
        f.range(depth === 0 ? first : 0, depth === 0 ? last : axis.n, 1, (i) =>
          nest(
            depth + 1,
            at.map((a, o) => (axis.steps[o] === 0 ? a : f.i32(i32.add(a, i32.mul(i, axis.steps[o] * 4))))),
            to.map((y) => f.i32(i32.add(y, i32.mul(i, bytes)))),
          ),
        );
      };
      if (flat) run(pointers, p.outputs, i32.mul(first, 4), i32.mul(last, 4), 0);
      else nest(0, pointers, p.outputs);
    });
  };

/** The reference's hash, four numbers at a time. */
function mix4(fn: FunctionBuilder, x: Operand): Code {
  const z = fn.v128(x);
  const round = (shift: number, factor: number): void =>
    fn.set(z, v.intMul(v.xor(z, v.shiftRightUnsigned(z, shift)), v.splatInt(factor)));
  round(16, 0x21f0aaad);
  round(15, 0x735a2d97);
  return v.xor(z, v.shiftRightUnsigned(z, 15));
}
export const random_uniform: Kernel<"random_uniform"> = onePiece(({ f, attrs: { seed }, input, y, out }) => {
  const base = f.v128(mix4(f, v.xor(v.toInt(v.loadSplat(input.counter)), mix4(f, v.splatInt(seed | 0)))));
  f.for(
    sizeOf(out) * 4,
    (i) => {
      const place = v.intMul(v.intAdd(v.splatInt(i), v.intConstants(0, 4, 8, 12)), v.splatInt(0x9e3779b1 | 0));
      f.do(v.store(i32.add(y, i), v.mul(v.fromInt(v.shiftRightUnsigned(mix4(f, v.intAdd(place, base)), 8)), 2 ** -24)));
    },
    16,
  );
});
