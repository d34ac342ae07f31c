// What kernels that reduce share: axes that are kept, axes that are reduced, loops over them.
import { stridesOf, type Shape } from "../../../core/shape.ts";
import type { FunctionBuilder } from "../encoder/function.ts";
import type { Local, Operand } from "../encoder/instructions.ts";

/** An axis: its size, and how far apart its cells are in elements. */
export interface Axis {
  n: number;
  s: number;
}
/**
 * The axes of x that are kept and those that are reduced; neighbours that advance alike are one.
 */
export function partedAxes(
  x: Shape,
  reduced: readonly number[],
): { kept: Axis[]; reduced: Axis[] } {
  const own = stridesOf(x);
  const joined = (wanted: boolean): Axis[] => {
    const axes: Axis[] = [];
    x.forEach((n, i) => {
      if (reduced.includes(i) !== wanted || n === 1) return;
      const last = axes.at(-1);
      if (last && last.s === own[i] * n) Object.assign(last, { n: last.n * n, s: own[i] });
      else axes.push({ n, s: own[i] });
    });
    return axes;
  };
  return { kept: joined(false), reduced: joined(true) };
}
/** `body` at the address of every cell along `axes`, in order. */
export function nest(
  f: FunctionBuilder,
  axes: readonly Axis[],
  at: Operand,
  body: (at: Local) => void,
): void {
  const p = f.i32(at);
  if (axes.length === 0) {
    body(p);
    return;
  }
  f.for(axes[0].n, () => {
    nest(f, axes.slice(1), p, body);
    f.advance(p, axes[0].s * 4);
  });
}
