// Sums, normalisation and softmax. Sums are taken in float64, in a fixed order, and rounded once.
import { UnsupportedOpError } from "../../../core/errors.ts";
import { sizeOf, type Shape } from "../../../core/shape.ts";
import type { FunctionBuilder } from "../encoder/function.ts";
import { i32, s32, s64, v, type Code, type Local, type Operand } from "../encoder/instructions.ts";
import { onePiece, passOver, type Kernel, type KernelContext, type Pass } from "../kernel.ts";
import { nest, partedAxes, type Axis } from "./axes.ts";
import { exp4, log4 } from "./functions.ts";
import { storeLanes } from "./vectors.ts";

/**
 * Adds `count` numbers from `at`, each passed through `term`, into the doubles `lanes` (four at a
 * time) and `total` (the rest).
 */
function accumulate(
  f: FunctionBuilder,
  at: Local,
  count: number,
  lanes: Local,
  total: Local,
  four: (offset: Operand) => Code,
): void {
  const whole = count - (count % 4);
  f.for(
    whole * 4,
    (i) => {
      const x = f.v128(four(i32.add(at, i)));
      f.set(lanes, v.doubleAdd(lanes, v.doubleAdd(v.lowDoubles(x), v.highDoubles(x))));
    },
    16,
  );
  if (whole < count) {
    const rest = f.v128(four(i32.add(at, whole * 4)));
    for (let lane = 0; lane < count - whole; lane++)
      f.set(total, s64.add(total, s64.fromF32(v.lane(rest, lane))));
  }
}
const zeroLanes = 0;
const gathered = (lanes: Local, total: Local): Code =>
  s64.add(total, s64.add(v.doubleLane(lanes, 0), v.doubleLane(lanes, 1)));

export const sum: Kernel<"sum"> = (k) => {
  const { shapes, attrs, out } = k;
  if (sizeOf(shapes.x) === 0) return k.pass(1, ({ f, y }) => f.zero(y, sizeOf(out) * 4));
  const { kept, reduced } = partedAxes(shapes.x, attrs.axes);
  if (kept.at(-1)?.s === 1) return sumAcross(k, kept, reduced);
  const run = reduced.at(-1)?.s === 1 ? reduced.pop()!.n : 1;
  // the outermost kept axis is shared out; each sum is one thread's, in one order
  const outer = kept.shift() ?? { n: 1, s: 0 };
  const below = kept.reduce((n, axis) => n * axis.n, 1);
  passOver(k, outer.n, sizeOf(shapes.x) / outer.n, ({ f, input, y }, first, last) => {
    const to = f.i32(i32.add(y, i32.mul(first, below * 4)));
    f.range(first, last, 1, (i) =>
      nest(f, kept, i32.add(input.x, i32.mul(i, outer.s * 4)), (start) => {
        const lanes = f.v128(zeroLanes);
        const total = f.f64(0);
        nest(f, reduced, start, (p) => accumulate(f, p, run, lanes, total, (at) => v.load(at)));
        f.do(s32.store(to, s64.toF32(gathered(lanes, total))));
        f.advance(to, 4);
      }),
    );
  });
};

/** Sums of a line, of neighbours that lie in it: what one thread takes at least. */
const LINE = 256;
/** Sums whose neighbours' cells are neighbours, four at a time. */
function sumAcross(k: KernelContext<"x">, kept: readonly Axis[], reduced: readonly Axis[]): void {
  const { n } = kept[kept.length - 1];
  const size = sizeOf(k.shapes.x);
  if (kept.length > 1) {
    const [outer, ...between] = kept.slice(0, -1);
    const below = between.reduce((product, axis) => product * axis.n, n);
    passOver(k, outer.n, size / outer.n, ({ f, input, y }, first, last) => {
      const to = f.i32(i32.add(y, i32.mul(first, below * 4)));
      f.range(first, last, 1, (i) =>
        nest(f, between, i32.add(input.x, i32.mul(i, outer.s * 4)), (from) => {
          sumLine(f, reduced, { from, to, n });
          f.advance(to, n * 4);
        }),
      );
    });
    return;
  }
  const whole = Math.floor(n / LINE);
  const units = Math.ceil(n / LINE);
  passOver(k, units, size / units, ({ f, input, y }, first, last) => {
    const line = (i: Operand, own: number): void => {
      const [from, to] = [input.x, y].map((at) => f.i32(i32.add(at, i32.mul(i, LINE * 4))));
      sumLine(f, reduced, { from, to, n: own });
    };
    const isCut = units > whole;
    f.range(first, isCut ? i32.sub(last, i32.geU(last, units)) : last, 1, (i) => line(i, LINE));
    if (isCut) f.if(i32.geU(last, units), () => line(whole, n - whole * LINE));
  });
}
function sumLine(
  f: FunctionBuilder,
  reduced: readonly Axis[],
  { from, to, n }: { from: Local; to: Local; n: number },
): void {
  const four = (offset: Operand, lanes: number): void => {
    const [low, high] = [f.v128(zeroLanes), f.v128(zeroLanes)];
    nest(f, reduced, i32.add(from, offset), (at) => {
      const x = f.v128(v.load(at));
      f.set(low, v.doubleAdd(low, v.lowDoubles(x)));
      f.set(high, v.doubleAdd(high, v.highDoubles(x)));
    });
    const sums = f.v128(v.shuffle(v.fromDoubles(low), v.fromDoubles(high), [0, 1, 4, 5]));
    storeLanes(f, f.i32(i32.add(to, offset)), sums, lanes, 0);
  };
  const rest = n % 4;
  f.for((n - rest) * 4, (offset) => four(offset, 4), 16);
  if (rest > 0) four((n - rest) * 4, rest);
}

/**
 * Groups that normalise together: `groups` of them `groupStride` apart, each `chunks` runs of `run`
 * numbers `chunkStride` apart.
 */
function layout(
  x: Shape,
  axes: readonly number[],
):
  | { groups: number; groupStride: number; chunks: number; chunkStride: number; run: number }
  | undefined {
  const inside = x.map((_, i) => axes.includes(i));
  const tail = inside.lastIndexOf(false) + 1;
  const run = sizeOf(x.slice(tail));
  const head = inside.slice(0, tail).lastIndexOf(true) + 1;
  if (inside.slice(0, head).includes(false)) return undefined;
  const groups = sizeOf(x.slice(head, tail));
  return {
    groups,
    groupStride: run,
    chunks: sizeOf(x.slice(0, head)),
    chunkStride: groups * run,
    run,
  };
}

interface NormalizeAttributes {
  readonly axes: readonly number[];
  readonly epsilon: number;
}
/** One pass over the groups; `channel` is the byte offset of a number per channel. */
function normalizing<Inputs extends "x" | "dy">(
  k: KernelContext<Inputs, NormalizeAttributes>,
  body: (
    p: Pass<Inputs, NormalizeAttributes>,
    g: {
      channel: Operand;
      count: number;
      mean: Local;
      scale: Local;
      each: (visit: (offset: Local, run: number) => void) => void;
      lanes: () => [Local, Local];
    },
  ) => void,
): void {
  const x = k.out;
  const { attrs } = k;
  const l = layout(x, attrs.axes);
  if (l === undefined)
    throw new UnsupportedOpError(
      `wasm: normalize over axes [${attrs.axes}] of [${x}], which are not a leading and a trailing run`,
      { axes: attrs.axes },
    );
  const count = l.chunks * l.run;
  if (count * l.groups === 0) return;
  passOver(k, l.groups, count, (p, first, last) => {
    const { f } = p;
    const source = p.input["x" as Inputs];
    f.range(first, last, 1, (group) => {
      const base = f.i32(i32.mul(group, l.groupStride * 4));
      const each = (visit: (offset: Local, run: number) => void): void => {
        const offset = f.i32(base);
        f.for(l.chunks, () => {
          visit(offset, l.run);
          f.advance(offset, l.chunkStride * 4);
        });
      };
      const lanes = (): [Local, Local] => [f.v128(zeroLanes), f.f64(0)];
      const [a, ta] = lanes();
      const pointer = f.i32();
      each((offset, run) => {
        f.set(pointer, i32.add(source, offset));
        accumulate(f, pointer, run, a, ta, (at) => v.load(at));
      });
      const mean = f.f64(s64.div(gathered(a, ta), count));
      const mean4 = f.v128(v.splat(s64.toF32(mean)));
      // Σ(x − m)² about the rounded mean m, less n·(mean − m)²
      const [b, tb] = lanes();
      each((offset, run) => {
        f.set(pointer, i32.add(source, offset));
        accumulate(f, pointer, run, b, tb, (at) => {
          const d = f.v128(v.sub(v.load(at), mean4));
          return v.mul(d, d);
        });
      });
      const shift = f.f64(s64.sub(mean, s64.fromF32(s64.toF32(mean))));
      const variance = s64.sub(s64.div(gathered(b, tb), count), s64.mul(shift, shift));
      const scale = f.v128(
        v.splat(s64.toF32(s64.div(1, s64.sqrt(s64.add(variance, attrs.epsilon))))),
      );
      const channel = i32.mul(i32.remU(group, x[1] ?? 1), 4);
      body(p, { channel, count, mean: mean4, scale, each, lanes });
    });
  });
}

/** Writes `count` numbers at `to`, four at a time, not past the last. */
function writeRun(
  f: FunctionBuilder,
  to: Operand,
  count: number,
  four: (i: Operand) => Code,
): void {
  const p = f.i32(to);
  const whole = count - (count % 4);
  f.for(whole * 4, (i) => f.do(v.store(i32.add(p, i), four(i))), 16);
  if (whole < count) {
    const rest = f.v128(four(whole * 4));
    for (let lane = 0; lane < count - whole; lane++)
      f.do(v.storeLane(p, rest, lane, (whole + lane) * 4));
  }
}

export const normalize: Kernel<"normalize"> = (k) => {
  normalizing(k, (p, { channel, mean, scale, each }) => {
    const { f, input } = p;
    each((offset, run) => {
      const at = f.i32(offset);
      const four = (lanes: number): void =>
        p.store(v.mul(v.sub(v.load(i32.add(input.x, at)), mean), scale), {
          offset: at,
          channel,
          lanes,
        });
      f.for(
        run - (run % 4),
        () => {
          four(4);
          f.advance(at, 16);
        },
        4,
      );
      if (run % 4 > 0) four(run % 4);
    });
  });
};

export const normalize_grad: Kernel<"normalize_grad"> = (k) => {
  normalizing(k, (p, { count, mean, scale, each, lanes }) => {
    const { f, input, y } = p;
    const dy = f.i32();
    const x = f.i32();
    const at = (offset: Local): void => {
      f.set(dy, i32.add(input.dy, offset));
      f.set(x, i32.add(input.x, offset));
    };
    const [s, ts] = lanes();
    const [q, tq] = lanes();
    const zero = f.i32();
    each((offset, run) => {
      at(offset);
      f.set(zero, 0);
      accumulate(f, zero, run, s, ts, (i) => v.load(i32.add(dy, i)));
      accumulate(f, zero, run, q, tq, (i) =>
        v.mul(v.load(i32.add(dy, i)), v.mul(v.sub(v.load(i32.add(x, i)), mean), scale)),
      );
    });
    const meanDy = f.v128(v.splat(s64.toF32(s64.div(gathered(s, ts), count))));
    const meanProduct = f.v128(v.splat(s64.toF32(s64.div(gathered(q, tq), count))));
    each((offset, run) => {
      at(offset);
      writeRun(f, i32.add(y, offset), run, (i) => {
        const z = v.mul(v.sub(v.load(i32.add(x, i)), mean), scale);
        return v.mul(scale, v.sub(v.sub(v.load(i32.add(dy, i)), meanDy), v.mul(z, meanProduct)));
      });
    });
  });
};

/** Rows of the last axis: their maximum, then Σ e^(x − max) in float64. */
function rows(
  f: FunctionBuilder,
  x: Shape,
  from: Local,
  to: Local,
  body: (row: Local, target: Local, n: number, top: Local, total: Local) => void,
): void {
  const n = x[x.length - 1];
  const row = f.i32(from);
  const target = f.i32(to);
  f.for(sizeOf(x) / n, () => {
    const top = f.f32(s32.load(row));
    f.for(n * 4, (i) => f.set(top, s32.max(top, s32.load(i32.add(row, i)))), 4);
    const lanes = f.v128(zeroLanes);
    const total = f.f64(0);
    accumulate(f, row, n, lanes, total, (at) => exp4(v.sub(v.load(at), v.splat(top)), f));
    f.set(total, gathered(lanes, total));
    body(row, target, n, top, total);
    f.advance(row, n * 4);
    f.advance(target, n * 4);
  });
}

export const softmax: Kernel<"softmax"> = onePiece(({ f, shapes, input, y }) => {
  rows(f, shapes.x, input.x, y, (row, target, n, top, total) => {
    writeRun(f, target, n, (i) =>
      v.div(exp4(v.sub(v.load(i32.add(row, i)), v.splat(top)), f), v.splat(s64.toF32(total))),
    );
  });
});
export const log_softmax: Kernel<"log_softmax"> = onePiece(({ f, shapes, input, y }) => {
  rows(f, shapes.x, input.x, y, (row, target, n, top, total) => {
    const shift = f.v128(log4(v.splat(s64.toF32(total)), f));
    writeRun(f, target, n, (i) => v.sub(v.sub(v.load(i32.add(row, i)), v.splat(top)), shift));
  });
});
