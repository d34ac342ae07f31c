// WGSL text: numbers as they are, and places in arrays as formulas of an index.
import { stridesOf, type Shape } from "../../core/shape.ts";

/** The smallest normal number of float32: smaller ones are written by their bits. */
const SMALLEST = 2 ** -126;

/** A number of float32, exactly; what a literal cannot say is made from its bits. */
export function f32(value: number): string {
  const x = Math.fround(value);
  const isPlain = Number.isFinite(x) && (Math.abs(x) >= SMALLEST || Object.is(x, 0));
  if (!isPlain) return `fromBits(${bitsOf(x)}u)`;
  const text = String(x);
  return `${/[.e]/.test(text) ? text : `${text}.0`}f`;
}
function bitsOf(x: number): number {
  return new Uint32Array(Float32Array.of(x).buffer)[0];
}

/** Where an array is read: `strides` steps along the axes of `shape`. */
export interface View {
  readonly shape: Shape;
  readonly strides: readonly number[];
}
export const viewOf = (shape: Shape): View => ({ shape, strides: stridesOf(shape) });

/** Axes that advance alike become one; those of one cell, and those that repeat, fall away. */
function merged({ shape, strides }: View): { n: number; stride: number; below: number }[] {
  const axes: { n: number; stride: number; below: number }[] = [];
  let below = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const [n, stride] = [shape[axis], strides[axis]];
    const last = axes.at(-1);
    if (last && last.below * last.n === below && last.stride * last.n === stride) last.n *= n;
    else if (n > 1) axes.push({ n, stride, below });
    below *= n;
  }
  return axes.filter(({ stride }) => stride !== 0);
}

/** The offset of element number `i`, a name, in row-major order of the view's shape. */
export function offsetOf(view: View, i: string): string {
  const total = view.shape.reduce((n, d) => n * d, 1);
  const terms = merged(view).map(({ n, stride, below }) => {
    const shifted = below === 1 ? i : `${i} / ${below}u`;
    const own = below * n === total ? shifted : `${shifted} % ${n}u`;
    return stride === 1 ? own : `(${own}) * ${stride}u`;
  });
  return terms.length === 0 ? "0u" : terms.map((t) => `(${t})`).join(" + ");
}

/** The index along one axis of element number `i`. */
export function indexOf(shape: Shape, axis: number, i: string): string {
  return offsetOf({ shape, strides: shape.map((_, j) => (j === axis ? 1 : 0)) }, i);
}

/** A table of numbers as WGSL's statements, one after the other. */
export const lines = (...parts: readonly (string | readonly string[])[]): string =>
  parts.flat().join("\n");
