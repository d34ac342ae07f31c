// Elementwise ops as vector code, and the kernel of an expression of them: one loop, whatever the
// number of ops.
import type { ElementwiseName, InputName } from "../../../graph/catalogue.ts";
import type { Argument, Expression } from "../../fusion.ts";
import { broadcastStrides, sizeOf, type Shape } from "../../../core/shape.ts";
import type { FunctionBuilder } from "../encoder/function.ts";
import { i32, v, type Code, type Local, type Operand } from "../encoder/instructions.ts";
import { cos4, erf4, exp4, log4, sin4, tanh4, endlessExp4 } from "./functions.ts";
import { pow4 } from "./power.ts";
import { storeLanes } from "./vectors.ts";
import { onePiece, pieces, unitsOf, up, type Kernel, type KernelContext } from "../kernel.ts";

type Arguments<K extends ElementwiseName> = Readonly<Record<InputName<K>, Operand>>;
type VectorOp<K extends ElementwiseName> = (args: Arguments<K>, f: FunctionBuilder) => Code;

const one = (mask: Operand): Code => v.and(mask, 1);
/** Four lanes of each elementwise op. */
const vectorOps: { readonly [K in ElementwiseName]: VectorOp<K> } = {
  neg: ({ x }) => v.neg(x),
  exp: ({ x }, f) => endlessExp4(x, f),
  log: ({ x }, f) => log4(x, f),
  sqrt: ({ x }) => v.sqrt(x),
  abs: ({ x }) => v.abs(x),
  sign: ({ x }) => v.sub(one(v.gt(x, 0)), one(v.lt(x, 0))),
  relu: ({ x }) => v.max(x, 0),
  relu_grad: ({ dy, x }) => v.and(dy, v.gt(x, 0)),
  sigmoid: ({ x }, f) => v.div(1, v.add(1, exp4(v.neg(x), f))),
  erf: ({ x }, f) => erf4(x, f),
  tanh: ({ x }, f) => tanh4(x, f),
  sin: ({ x }, f) => sin4(x, f),
  cos: ({ x }, f) => cos4(x, f),
  floor: ({ x }) => v.floor(x),
  round: ({ x }) => v.nearest(x),
  add: ({ a, b }) => v.add(a, b),
  sub: ({ a, b }) => v.sub(a, b),
  mul: ({ a, b }) => v.mul(a, b),
  div: ({ a, b }) => v.div(a, b),
  maximum: ({ a, b }) => v.max(a, b),
  minimum: ({ a, b }) => v.min(a, b),
  greater: ({ a, b }) => one(v.gt(a, b)),
  equal: ({ a, b }) => one(v.eq(a, b)),
  pow: ({ a, b }, f) => pow4(a, b, f),
  select: ({ condition, a, b }) => v.select(b, a, v.eq(condition, 0)),
};
/** The results' vectors, given the operands'. */
export function evaluate(
  f: FunctionBuilder,
  e: Expression,
  operand: (index: number) => Operand,
): Local[] {
  const loaded = new Map<number, Local>();
  const values: Local[] = [];
  const read = (a: Argument): Operand => {
    if ("number" in a) return a.number;
    if ("step" in a) return values[a.step];
    if (!loaded.has(a.operand)) loaded.set(a.operand, f.v128(operand(a.operand)));
    return loaded.get(a.operand)!;
  };
  for (const { op, args } of e.steps) {
    const given = Object.fromEntries(Object.entries(args).map(([name, a]) => [name, read(a)]));
    values.push(f.v128(vectorOps[op](given as never, f)));
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
    if (last?.steps.every((s, j) => s === steps[j] * n))
      Object.assign(last, { n: last.n * n, steps });
    else axes.push({ n, steps });
  });
  return axes.length === 0 ? [{ n: 1, steps: strides.map(() => 0) }] : axes;
}

/** Vectors to a turn of the loop, where there are few ops: counting would take half of the time. */
const TOGETHER = 4;
const FEW = 6;

/** The kernel of an expression: operands are inputs 0, 1, …, results the outputs. */
export const expression =
  (e: Expression) =>
  (k: KernelContext): void => {
    const size = sizeOf(e.shape);
    const axes = collapse(e.shape, e.operands);
    const outer = axes[0];
    const inner = axes.at(-1)!;
    const flat = axes.length === 1;
    const together = e.steps.length <= FEW ? TOGETHER : 1;
    const below = size / outer.n;
    // one axis is cut into runs of vectors, more than one into blocks of the outermost
    const count = flat ? pieces(Math.ceil(size / 1024), 1024) : pieces(outer.n, below);
    const per = flat ? up(Math.ceil(size / count), 4) : Math.ceil(outer.n / count);
    k.pass(Math.ceil(outer.n / per), (p) => {
      const { f } = p;
      const pointers = Object.values(p.input);
      const run = (
        at: readonly Local[],
        to: readonly Local[],
        from: Operand,
        end: Operand,
        tail: number,
      ): void => {
        const fixed = at.map((a, i) => (inner.steps[i] === 0 ? f.v128(v.loadSplat(a)) : undefined));
        /** `count` vectors from byte `i` on, of the last only some `lanes`. */
        const vectors = (i: Operand, count: number, lanes = 4): void => {
          const here = at.map((a, o) => (fixed[o] ? a : f.i32(i32.add(a, i))));
          const there = to.map((y) => f.i32(i32.add(y, i)));
          for (let offset = 0; offset < 16 * count; offset += 16)
            evaluate(f, e, (o) => fixed[o] ?? v.load(here[o], offset)).forEach((value, j) =>
              storeLanes(f, there[j], value, lanes, offset),
            );
        };
        const rest = f.i32(from);
        if (together > 1) {
          const turn = 16 * together;
          f.set(rest, i32.sub(end, i32.remU(i32.sub(end, from), turn)));
          f.range(from, rest, turn, (i) => vectors(i, together));
        }
        f.range(rest, end, 16, (i) => vectors(i, 1));
        if (tail > 0) vectors(end, 1, tail);
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
            at.map((a, o) =>
              axis.steps[o] === 0 ? a : f.i32(i32.add(a, i32.mul(i, axis.steps[o] * 4))),
            ),
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
export const random_uniform: Kernel<"random_uniform"> = onePiece(
  ({ f, attrs: { seed }, input, y, out }) => {
    const base = f.v128(
      mix4(f, v.xor(v.toInt(v.loadSplat(input.counter)), mix4(f, v.splatInt(seed | 0)))),
    );
    f.for(
      sizeOf(out) * 4,
      (i) => {
        const place = v.intMul(
          v.intAdd(v.splatInt(i), v.intConstants(0, 4, 8, 12)),
          v.splatInt(0x9e3779b1 | 0),
        );
        f.do(
          v.store(
            i32.add(y, i),
            v.mul(v.fromInt(v.shiftRightUnsigned(mix4(f, v.intAdd(place, base)), 8)), 2 ** -24),
          ),
        );
      },
      16,
    );
  },
);
