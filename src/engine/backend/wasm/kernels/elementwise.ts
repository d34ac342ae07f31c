// Elementwise ops as vector code, and the kernel of an expression of them: one loop, whatever the
// number of ops.
import { broadcastStrides, sizeOf, type Shape } from "../../../core/shape.ts";
import { get, i32, int, v, type Code, type FunctionBuilder, type Local } from "../encoder.ts";
import { onePiece, pieces, unitsOf, up, type Kernel, type KernelContext } from "../kernel.ts";

/** eˣ of four numbers: x = k·ln 2 + r, a polynomial for eʳ, and 2ᵏ from its bits. */
export function exp4(x: Code, fn: FunctionBuilder): Code {
  const clamped = fn.local("v128", v.max(v.min(x, v.constant(88.72)), v.constant(-87.33)));
  const k = fn.local("v128", v.nearest(v.mul(get(clamped), v.constant(1.4426950408889634))));
  const r = fn.local(
    "v128",
    v.sub(v.sub(get(clamped), v.mul(get(k), v.constant(0.693359375))), v.mul(get(k), v.constant(-2.1219444e-4))),
  );
  let p: Code = v.constant(1 / 5040);
  for (const c of [1 / 720, 1 / 120, 1 / 24, 1 / 6, 0.5, 1, 1]) p = v.add(v.mul(p, get(r)), v.constant(c));
  // 2ᵏ in two halves: k = 128 alone has no bits of its own
  const half = fn.local("v128", v.shiftRight(v.toInt(get(k)), 1));
  const power = (n: Code): Code => v.shiftLeft(v.intAdd(n, v.splatInt(127)), 23);
  return v.mul(v.mul(p, power(get(half))), power(v.intSub(v.toInt(get(k)), get(half))));
}

/**
 * ln x of four numbers: x = 2ᵉ·m with m near 1, ln m = 2·artanh((m − 1)/(m + 1)). Subnormal numbers
 * count as their exponent says.
 */
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
  const result = v.add(
    v.mul(get(ef), v.constant(0.693359375)),
    v.add(v.mul(v.mul(get(s), v.constant(2)), p), v.mul(get(ef), v.constant(-2.1219444e-4))),
  );
  const outside = v.select(
    v.constant(Number.NEGATIVE_INFINITY),
    v.constant(Number.NaN),
    v.eq(get(value), v.constant(0)),
  );
  const top = v.select(get(value), result, v.eq(get(value), v.constant(Number.POSITIVE_INFINITY)));
  return v.select(top, outside, v.gt(get(value), v.constant(0)));
}

/**
 * erf x of four numbers, an odd rational function on [−4, 4]; beyond it is ±1 in float32. Source:
 * Eigen's generic_fast_erf_float.
 */
function erf4(x: Code, fn: FunctionBuilder): Code {
  const c = fn.local("v128", v.max(v.min(x, v.constant(4)), v.constant(-4)));
  const c2 = fn.local("v128", v.mul(get(c), get(c)));
  const polynomial = (first: number, rest: readonly number[]): Code =>
    rest.reduce<Code>((p, k) => v.add(v.mul(p, get(c2)), v.constant(k)), v.constant(first));
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
  return v.div(v.mul(get(c), above), below);
}

const one = (mask: Code): Code => v.and(mask, v.constant(1));
export type ElementwiseName =
  | "neg"
  | "exp"
  | "log"
  | "sqrt"
  | "abs"
  | "sign"
  | "relu"
  | "relu_grad"
  | "sigmoid"
  | "erf"
  | "add"
  | "sub"
  | "mul"
  | "div"
  | "maximum"
  | "greater";
/** Four lanes of each elementwise op. */
const vectorOps: { readonly [K in ElementwiseName]: (f: FunctionBuilder, ...args: [Code, Code]) => Code } = {
  neg: (_f, x) => v.neg(x),
  exp: (f, x) => exp4(x, f),
  log: (f, x) => log4(x, f),
  sqrt: (_f, x) => v.sqrt(x),
  abs: (_f, x) => v.abs(x),
  sign: (_f, x) => v.sub(one(v.gt(x, v.constant(0))), one(v.lt(x, v.constant(0)))),
  relu: (_f, x) => v.max(x, v.constant(0)),
  relu_grad: (_f, dy, x) => v.and(dy, v.gt(x, v.constant(0))),
  sigmoid: (f, x) => v.div(v.constant(1), v.add(v.constant(1), exp4(v.neg(x), f))),
  erf: (f, x) => erf4(x, f),
  add: (_f, a, b) => v.add(a, b),
  sub: (_f, a, b) => v.sub(a, b),
  mul: (_f, a, b) => v.mul(a, b),
  div: (_f, a, b) => v.div(a, b),
  maximum: (_f, a, b) => v.max(a, b),
  greater: (_f, a, b) => one(v.gt(a, b)),
};
export const isElementwise = (op: string): op is ElementwiseName => Object.hasOwn(vectorOps, op);

/**
 * An argument of an expression's step: an operand from memory, an earlier step, or a number known
 * now.
 */
export type Argument = { readonly operand: number } | { readonly step: number } | { readonly number: number };
/** Elementwise ops on one shape; operands are broadcast to it. */
export interface Expression {
  readonly shape: Shape;
  readonly operands: readonly Shape[];
  readonly steps: readonly { readonly op: ElementwiseName; readonly args: readonly Argument[] }[];
  /** Steps whose values are written, in the order of the outputs. */
  readonly results: readonly number[];
}
/** The results' vectors, given the operands'. */
export function evaluate(f: FunctionBuilder, e: Expression, operand: (index: number) => Code): Local[] {
  const loaded = new Map<number, Local>();
  const values: Local[] = [];
  const read = (a: Argument): Code => {
    if ("number" in a) return v.constant(a.number);
    if ("step" in a) return get(values[a.step]);
    if (!loaded.has(a.operand)) loaded.set(a.operand, f.local("v128", operand(a.operand)));
    return get(loaded.get(a.operand)!);
  };
  for (const { op, args } of e.steps) {
    const [a, b = []] = args.map(read);
    values.push(f.local("v128", vectorOps[op](f, a, b)));
  }
  return e.results.map((step) => values[step]);
}

/** Writes the first `lanes` lanes of `value` at `to + offset`. */
export function storeLanes(f: FunctionBuilder, to: Code, value: Local, lanes: number, offset = 0): void {
  if (lanes === 4) f.do(v.store(to, get(value), offset));
  else for (let lane = 0; lane < lanes; lane++) f.do(v.storeLane(to, get(value), lane, offset + lane * 4));
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
      const run = (at: readonly Local[], to: readonly Local[], from: Code, end: Code, tail: number): void => {
        const fixed = at.map((a, i) => (inner.steps[i] === 0 ? f.local("v128", v.loadSplat(get(a))) : undefined));
        const four = (i: Code): Local[] =>
          evaluate(f, e, (o) => {
            const known = fixed[o];
            return known ? get(known) : v.load(i32.add(get(at[o]), i));
          });
        f.range(from, end, 16, (i) =>
          four(get(i)).forEach((value, j) => f.do(v.store(i32.add(get(to[j]), get(i)), get(value)))),
        );
        if (tail > 0) four(end).forEach((value, j) => storeLanes(f, i32.add(get(to[j]), end), value, tail));
      };
      const [first, last] = unitsOf(f, p.chunk, outer.n, per);
      const nest = (depth: number, at: readonly Local[], to: readonly Local[]): void => {
        if (depth === axes.length - 1) {
          const whole = inner.n - (inner.n % 4);
          run(at, to, int(0), int(whole * 4), inner.n - whole);
          return;
        }
        const axis = axes[depth];
        const bytes = axes.slice(depth + 1).reduce((n, a) => n * a.n, 4);
        f.range(depth === 0 ? get(first) : int(0), depth === 0 ? get(last) : int(axis.n), 1, (i) =>
          nest(
            depth + 1,
            at.map((a, o) =>
              axis.steps[o] === 0 ? a : f.local("i32", i32.add(get(a), i32.mul(get(i), int(axis.steps[o] * 4)))),
            ),
            to.map((y) => f.local("i32", i32.add(get(y), i32.mul(get(i), int(bytes))))),
          ),
        );
      };
      if (flat) run(pointers, p.outputs, i32.mul(get(first), int(4)), i32.mul(get(last), int(4)), 0);
      else nest(0, pointers, p.outputs);
    });
  };

/** The reference's hash, four numbers at a time. */
function mix4(fn: FunctionBuilder, x: Code): Code {
  const z = fn.local("v128", x);
  const round = (shift: number, factor: number): void =>
    fn.set(z, v.intMul(v.xor(get(z), v.shiftRightUnsigned(get(z), shift)), v.splatInt(factor)));
  round(16, 0x21f0aaad);
  round(15, 0x735a2d97);
  return v.xor(get(z), v.shiftRightUnsigned(get(z), 15));
}
export const random_uniform: Kernel<"random_uniform"> = onePiece(({ f, attrs: { seed }, input, y, out }) => {
  const base = f.local("v128", mix4(f, v.xor(v.toInt(v.loadSplat(get(input.counter))), mix4(f, v.splatInt(seed | 0)))));
  f.for(
    sizeOf(out) * 4,
    (i) => {
      const place = v.intMul(v.intAdd(v.splatI32(get(i)), v.intConstants(0, 4, 8, 12)), v.splatInt(0x9e3779b1 | 0));
      f.do(
        v.store(
          i32.add(get(y), get(i)),
          v.mul(v.fromInt(v.shiftRightUnsigned(mix4(f, v.intAdd(place, get(base))), 8)), v.constant(2 ** -24)),
        ),
      );
    },
    16,
  );
});
