// The largest along axes, and where it is: four neighbours at a time where they are kept or
// compared alike.
import { sizeOf } from "../../../core/shape.ts";
import type { FunctionBuilder } from "../encoder/function.ts";
import { i32, s32, v, type Local, type Operand } from "../encoder/instructions.ts";
import { passOver, type Kernel, type KernelContext, type Pass } from "../kernel.ts";
import { nest, partedAxes, type Axis } from "./axes.ts";
import { storeLanes } from "./vectors.ts";

const LEAST = Number.NEGATIVE_INFINITY;

/** Four results beside one another, whose first cells are at `at`. */
type Columns = (f: FunctionBuilder, at: Local) => Local;

/**
 * Writes `columns` of every four neighbours of the innermost kept axis, `run` cells long; `kept`
 * are the others.
 */
function alongColumns<Attrs>(
  k: KernelContext<"x", Attrs>,
  { kept, run, steps }: { kept: readonly Axis[]; run: number; steps: number },
  columns: Columns,
): void {
  if (kept.length === 0) {
    // the last vector may be written whole
    passOver(k, Math.ceil(run / 4), 4 * steps, ({ f, input, y }, first, last) =>
      f.range(i32.mul(first, 16), i32.mul(last, 16), 16, (i) =>
        f.do(v.store(i32.add(y, i), columns(f, f.i32(i32.add(input.x, i))))),
      ),
    );
    return;
  }
  const whole = run - (run % 4);
  overOuter(k, kept, run, steps, ({ f }, start, to) => {
    const from = f.i32(start);
    const four = (lanes: number): void => {
      storeLanes(f, to, columns(f, from), lanes);
      f.advance(from, lanes * 4);
      f.advance(to, lanes * 4);
    };
    f.for(whole, () => four(4), 4);
    if (whole < run) four(run - whole);
  });
}

/**
 * One pass over the kept axes, the outermost shared out: `body(pass, address of the first cell,
 * where its results go)`, `results` a time, which it steps over.
 */
function overOuter<Attrs>(
  k: KernelContext<"x", Attrs>,
  [outer = { n: 1, s: 0 }, ...kept]: readonly Axis[],
  results: number,
  steps: number,
  body: (p: Pass<"x", Attrs>, start: Local, to: Local) => void,
): void {
  const below = kept.reduce((n, axis) => n * axis.n, results);
  passOver(k, outer.n, below * steps, (p, first, last) => {
    const { f } = p;
    const to = f.i32(i32.add(p.y, i32.mul(first, below * 4)));
    f.range(first, last, 1, (i) =>
      nest(f, kept, i32.add(p.input.x, i32.mul(i, outer.s * 4)), (start) => body(p, start, to)),
    );
  });
}

/** The largest of `run` numbers beside one another, in any of the four lanes of `best`. */
function largest(f: FunctionBuilder, best: Local, at: Local, run: number): void {
  const whole = run - (run % 4);
  f.for(whole * 4, (i) => f.set(best, v.max(best, v.load(i32.add(at, i)))), 16);
  if (whole === run) return;
  const lane = (i: number): number => (whole + i < run ? i : 4);
  const rest = v.shuffle(v.load(at, whole * 4), LEAST, [lane(0), lane(1), lane(2), lane(3)]);
  f.set(best, v.max(best, rest));
}

export const reduce_max: Kernel<"reduce_max"> = (k) => {
  const { shapes, attrs, out } = k;
  const count = sizeOf(out);
  if (sizeOf(shapes.x) === 0) {
    k.pass(1, ({ f, y }) => f.for(count * 4, (i) => f.do(v.store(i32.add(y, i), LEAST)), 16));
    return;
  }
  const { kept, reduced } = partedAxes(shapes.x, attrs.axes);
  const steps = sizeOf(shapes.x) / count;
  if (kept.at(-1)?.s === 1) {
    alongColumns(k, { run: kept.pop()!.n, kept, steps }, (f, at) => {
      const best = f.v128(LEAST);
      nest(f, reduced, at, (p) => f.set(best, v.max(best, v.load(p))));
      return best;
    });
    return;
  }
  const run = reduced.pop()?.n ?? 1;
  overOuter(k, kept, 1, steps, ({ f }, start, to) => {
    const best = f.v128(LEAST);
    nest(f, reduced, start, (at) => largest(f, best, at, run));
    f.set(best, v.max(best, v.shuffle(best, best, [2, 3, 0, 1])));
    f.set(best, v.max(best, v.shuffle(best, best, [1, 0, 3, 2])));
    storeLanes(f, to, best, 1);
    f.advance(to, 4);
  });
};

/** Where the first largest of four columns of `n` numbers are, `stride` bytes apart. */
function places(f: FunctionBuilder, start: Local, n: number, stride: number): Local {
  const at = f.i32(start);
  const best = f.v128(v.load(at));
  const place = f.v128(0);
  const index = f.v128(0);
  f.for(n - 1, () => {
    f.advance(at, stride);
    f.set(index, v.add(index, 1));
    const x = f.v128(v.load(at));
    const isLarger = f.v128(v.gt(x, best));
    f.set(best, v.select(x, best, isLarger));
    f.set(place, v.select(index, place, isLarger));
  });
  return place;
}
/** Where the first largest of `n` neighbours is. */
function placeOf(f: FunctionBuilder, start: Local, n: number): Operand {
  const at = f.i32(start);
  const best = f.f32(s32.load(at));
  const place = f.f32(0);
  const index = f.f32(0);
  f.for(n - 1, () => {
    f.advance(at, 4);
    f.set(index, s32.add(index, 1));
    const x = f.f32(s32.load(at));
    f.if(s32.gt(x, best), () => {
      f.set(best, x);
      f.set(place, index);
    });
  });
  return place;
}

export const argmax: Kernel<"argmax"> = (k) => {
  const { axis } = k.attrs;
  const { x } = k.shapes;
  const n = x[axis];
  const { kept } = partedAxes(x, [axis]);
  const inner = sizeOf(x.slice(axis + 1));
  if (kept.at(-1)?.s === 1) {
    alongColumns(k, { run: kept.pop()!.n, kept, steps: n }, (f, at) => places(f, at, n, inner * 4));
    return;
  }
  overOuter(k, kept, 1, n, ({ f }, start, to) => {
    f.do(s32.store(to, placeOf(f, start, n)));
    f.advance(to, 4);
  });
};
