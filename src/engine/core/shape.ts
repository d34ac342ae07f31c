// Shapes and strides: the arithmetic every op's shape rule is made of.
import { ShapeError } from "./errors.ts";

/** Sizes of the axes, outermost first; `[]` is a scalar. */
export type Shape = readonly number[];

/** Number of elements of a shape. */
export function sizeOf(shape: Shape): number {
  let n = 1;
  for (const d of shape) n *= d;
  return n;
}

/** Row-major strides, in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let s = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = s;
    s *= shape[i];
  }
  return strides;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((d, i) => d === b[i]);
}

export function formatShape(shape: Shape): string {
  return `[${shape.join("×")}]`;
}

/**
 * Right-aligned broadcasting as in NumPy. Throws ShapeError when an axis differs and neither is 1.
 */
export function broadcastShapes(a: Shape, b: Shape, op: string): Shape {
  const rank = Math.max(a.length, b.length);
  const out = new Array<number>(rank);
  for (let i = 0; i < rank; i++) {
    const x = a[i - rank + a.length] ?? 1;
    const y = b[i - rank + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1) {
      throw new ShapeError(
        `${op}: shapes ${formatShape(a)} and ${formatShape(b)} do not broadcast: axis ${i} is ${x} and ${y}; make them equal or one of them 1`,
        { op, a, b, axis: i },
      );
    }
    out[i] = x === 1 ? y : x;
  }
  return out;
}

/** Strides with which an array of `shape` is read when broadcast to `to` (0 where it repeats). */
export function broadcastStrides(shape: Shape, to: Shape): number[] {
  const own = stridesOf(shape);
  return to.map((_, i) => {
    const j = i - to.length + shape.length;
    return j < 0 || shape[j] === 1 ? 0 : own[j];
  });
}

/** Calls `visit(flatIndex, index)` for every element in row-major order; `index` is reused. */
export function forEachIndex(
  shape: Shape,
  visit: (flat: number, index: readonly number[]) => void,
): void {
  const n = sizeOf(shape);
  const index = new Array<number>(shape.length).fill(0);
  for (let flat = 0; flat < n; flat++) {
    visit(flat, index);
    for (let d = shape.length - 1; d >= 0; d--) {
      if (++index[d] < shape[d]) break;
      index[d] = 0;
    }
  }
}
