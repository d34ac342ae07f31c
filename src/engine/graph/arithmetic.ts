// Short names for the ops that formulas are written with.
import type { Shape } from "../core/shape.ts";
import type { Emitter, Value } from "./ir.ts";

/** A value, or a number that is broadcast. */
export type Term = Value | number;

export interface Arithmetic {
  add(a: Term, b: Term): Value;
  sub(a: Term, b: Term): Value;
  mul(a: Term, b: Term): Value;
  div(a: Term, b: Term): Value;
  sqrt(x: Value): Value;
  relu(x: Value): Value;
  square(x: Value): Value;
  reshape(x: Value, shape: Shape): Value;
  /** Over all axes when none are named; summed axes are dropped. */
  sum(x: Value, axes?: readonly number[]): Value;
  mean(x: Value, axes?: readonly number[]): Value;
  /** Π over an axis, which is dropped: halves by halves, so that it has its slopes at 0 too. */
  product(x: Value, axis: number): Value;
  /** y[…, i, …] = x[…, (i − shift) mod n, …] */
  roll(x: Value, axis: number, shift: number): Value;
  concat(values: readonly Value[], axis: number): Value;
  slice(x: Value, axis: number, start: number, end: number): Value;
}

/** The formulas' vocabulary over one graph. */
export function arithmetic(b: Emitter): Arithmetic {
  const value = (t: Term): Value => (typeof t === "number" ? b.scalar(t) : t);
  const all = (x: Value): number[] => x.shape.map((_, i) => i);
  const sum = (x: Value, axes: readonly number[] = all(x)): Value => b.emit("sum", { x }, { axes });
  const mul = (p: Term, q: Term): Value => b.emit("mul", { a: value(p), b: value(q) }, {});
  const slice = (x: Value, axis: number, start: number, end: number): Value =>
    b.emit(
      "slice",
      { x },
      {
        start: x.shape.map((_, i) => (i === axis ? start : 0)),
        end: x.shape.map((n, i) => (i === axis ? end : n)),
      },
    );
  return {
    add: (p, q) => b.emit("add", { a: value(p), b: value(q) }, {}),
    sub: (p, q) => b.emit("sub", { a: value(p), b: value(q) }, {}),
    mul,
    div: (p, q) => b.emit("div", { a: value(p), b: value(q) }, {}),
    sqrt: (x) => b.emit("sqrt", { x }, {}),
    relu: (x) => b.emit("relu", { x }, {}),
    square: (x) => b.emit("mul", { a: x, b: x }, {}),
    reshape: (x, shape) => b.emit("reshape", { x }, { shape }),
    sum,
    mean: (x, axes = all(x)) => mul(sum(x, axes), 1 / axes.reduce((n, a) => n * x.shape[a], 1)),
    roll: (x, axis, shift) => b.emit("roll", { x }, { axis, shift }),
    concat: (values, axis) => values.reduce((p, q) => b.emit("concat", { a: p, b: q }, { axis })),
    slice,
    product: (x, axis) => {
      const shape = x.shape.filter((_, i) => i !== axis);
      if (x.shape[axis] === 0) return b.emit("broadcast_to", { x: value(1) }, { shape });
      let y = x;
      for (let n = x.shape[axis]; n > 1; n = y.shape[axis]) {
        const half = Math.floor(n / 2);
        const pairs = mul(slice(y, axis, 0, half), slice(y, axis, half, 2 * half));
        y =
          n % 2 === 0
            ? pairs
            : b.emit("concat", { a: pairs, b: slice(y, axis, n - 1, n) }, { axis });
      }
      return b.emit("reshape", { x: y }, { shape });
    },
  };
}
