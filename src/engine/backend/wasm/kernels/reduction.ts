// Sums, normalisation and softmax. Sums are taken in float64, in a fixed order, and rounded once.
import { sizeOf, stridesOf, type Shape } from "../../../core/shape.ts";
import { f64, get, i32, int, s32, s64, v, type Code, type FunctionBuilder, type Local } from "../encoder.ts";
import { onePiece, passOver, type Kernel, type KernelContext, type Pass } from "../kernel.ts";
import { exp4, log4 } from "./elementwise.ts";

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
  four: (offset: Code) => Code,
): void {
  const whole = count - (count % 4);
  f.for(
    whole * 4,
    (i) => {
      const x = f.local("v128", four(i32.add(get(at), get(i))));
      f.set(lanes, v.doubleAdd(get(lanes), v.doubleAdd(v.lowDoubles(get(x)), v.highDoubles(get(x)))));
    },
    16,
  );
  if (whole < count) {
    const rest = f.local("v128", four(i32.add(get(at), int(whole * 4))));
    for (let lane = 0; lane < count - whole; lane++)
      f.set(total, s64.add(get(total), s64.fromF32(v.lane(get(rest), lane))));
  }
}
const zeroLanes = v.constant(0);
const gathered = (lanes: Local, total: Local): Code =>
  s64.add(get(total), s64.add(v.doubleLane(get(lanes), 0), v.doubleLane(get(lanes), 1)));

export const sum: Kernel<"sum"> = (k) => {
  const { shapes, attrs, out } = k;
  const own = stridesOf(shapes.x);
  const axesOf = (reduced: boolean): { n: number; s: number }[] => {
    const axes: { n: number; s: number }[] = [];
    shapes.x.forEach((n, i) => {
      if (attrs.axes.includes(i) !== reduced || n === 1) return;
      const last = axes.at(-1);
      if (last && last.s === own[i] * n) Object.assign(last, { n: last.n * n, s: own[i] });
      else axes.push({ n, s: own[i] });
    });
    return axes;
  };
  if (sizeOf(shapes.x) === 0) return k.pass(1, ({ f, y }) => f.zero(get(y), sizeOf(out) * 4));
  const kept = axesOf(false);
  const reduced = axesOf(true);
  const run = reduced.at(-1)?.s === 1 ? reduced.pop()!.n : 1;
  // the outermost kept axis is shared out; each sum is one thread's, in one order
  const outer = kept.shift() ?? { n: 1, s: 0 };
  const below = kept.reduce((n, axis) => n * axis.n, 1);
  passOver(k, outer.n, sizeOf(shapes.x) / outer.n, ({ f, input, y }, first, last) => {
    const to = f.local("i32", i32.add(get(y), i32.mul(get(first), int(below * 4))));
    const nest = (axes: readonly { n: number; s: number }[], at: Code, body: (at: Local) => void): void => {
      const p = f.local("i32", at);
      if (axes.length === 0) {
        body(p);
        return;
      }
      f.for(axes[0].n, () => {
        nest(axes.slice(1), get(p), body);
        f.advance(p, axes[0].s * 4);
      });
    };
    f.range(get(first), get(last), 1, (i) =>
      nest(kept, i32.add(get(input.x), i32.mul(get(i), int(outer.s * 4))), (start) => {
        const lanes = f.local("v128", zeroLanes);
        const total = f.local("f64", f64(0));
        nest(reduced, get(start), (p) => accumulate(f, p, run, lanes, total, (at) => v.load(at)));
        f.do(s32.store(get(to), s64.toF32(gathered(lanes, total))));
        f.advance(to, 4);
      }),
    );
  });
};

/**
 * Groups that normalise together: `groups` of them `groupStride` apart, each `chunks` runs of `run`
 * numbers `chunkStride` apart.
 */
function layout(
  x: Shape,
  axes: readonly number[],
): { groups: number; groupStride: number; chunks: number; chunkStride: number; run: number } | undefined {
  const inside = x.map((_, i) => axes.includes(i));
  const tail = inside.lastIndexOf(false) + 1;
  const run = sizeOf(x.slice(tail));
  const head = inside.slice(0, tail).lastIndexOf(true) + 1;
  if (inside.slice(0, head).includes(false)) return undefined;
  const groups = sizeOf(x.slice(head, tail));
  return { groups, groupStride: run, chunks: sizeOf(x.slice(0, head)), chunkStride: groups * run, run };
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
      channel: Code;
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
    throw new Error(`wasm normalize: axes [${attrs.axes}] of ${x} are not a leading and a trailing run`);
  const count = l.chunks * l.run;
  if (count * l.groups === 0) return;
  passOver(k, l.groups, count, (p, first, last) => {
    const { f } = p;
    const source = p.input["x" as Inputs];
    f.range(get(first), get(last), 1, (group) => {
      const base = f.local("i32", i32.mul(get(group), int(l.groupStride * 4)));
      const each = (visit: (offset: Local, run: number) => void): void => {
        const offset = f.local("i32", get(base));
        f.for(l.chunks, () => {
          visit(offset, l.run);
          f.advance(offset, l.chunkStride * 4);
        });
      };
      const lanes = (): [Local, Local] => [f.local("v128", zeroLanes), f.local("f64", f64(0))];
      const [a, ta] = lanes();
      const pointer = f.local("i32");
      each((offset, run) => {
        f.set(pointer, i32.add(get(source), get(offset)));
        accumulate(f, pointer, run, a, ta, (at) => v.load(at));
      });
      const mean = f.local("f64", s64.div(gathered(a, ta), f64(count)));
      const mean4 = f.local("v128", v.splat(s64.toF32(get(mean))));
      // Σ(x − m)² about the rounded mean m, less n·(mean − m)²
      const [b, tb] = lanes();
      each((offset, run) => {
        f.set(pointer, i32.add(get(source), get(offset)));
        accumulate(f, pointer, run, b, tb, (at) => {
          const d = f.local("v128", v.sub(v.load(at), get(mean4)));
          return v.mul(get(d), get(d));
        });
      });
      const shift = f.local("f64", s64.sub(get(mean), s64.fromF32(s64.toF32(get(mean)))));
      const variance = s64.sub(s64.div(gathered(b, tb), f64(count)), s64.mul(get(shift), get(shift)));
      const scale = f.local(
        "v128",
        v.splat(s64.toF32(s64.div(f64(1), s64.sqrt(s64.add(variance, f64(attrs.epsilon)))))),
      );
      const channel = i32.mul(i32.remU(get(group), int(x[1] ?? 1)), int(4));
      body(p, { channel, count, mean: mean4, scale, each, lanes });
    });
  });
}

/** Writes `count` numbers at `to`, four at a time, not past the last. */
function writeRun(f: FunctionBuilder, to: Code, count: number, four: (i: Code) => Code): void {
  const p = f.local("i32", to);
  const whole = count - (count % 4);
  f.for(whole * 4, (i) => f.do(v.store(i32.add(get(p), get(i)), four(get(i)))), 16);
  if (whole < count) {
    const rest = f.local("v128", four(int(whole * 4)));
    for (let lane = 0; lane < count - whole; lane++) f.do(v.storeLane(get(p), get(rest), lane, (whole + lane) * 4));
  }
}

export const normalize: Kernel<"normalize"> = (k) => {
  normalizing(k, (p, { channel, mean, scale, each }) => {
    const { f, input } = p;
    each((offset, run) => {
      const at = f.local("i32", get(offset));
      const four = (lanes: number): void =>
        p.store(v.mul(v.sub(v.load(i32.add(get(input.x), get(at))), get(mean)), get(scale)), {
          offset: get(at),
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
    const dy = f.local("i32");
    const x = f.local("i32");
    const at = (offset: Local): void => {
      f.set(dy, i32.add(get(input.dy), get(offset)));
      f.set(x, i32.add(get(input.x), get(offset)));
    };
    const [s, ts] = lanes();
    const [q, tq] = lanes();
    const zero = f.local("i32");
    each((offset, run) => {
      at(offset);
      f.set(zero, int(0));
      accumulate(f, zero, run, s, ts, (i) => v.load(i32.add(get(dy), i)));
      accumulate(f, zero, run, q, tq, (i) =>
        v.mul(v.load(i32.add(get(dy), i)), v.mul(v.sub(v.load(i32.add(get(x), i)), get(mean)), get(scale))),
      );
    });
    const meanDy = f.local("v128", v.splat(s64.toF32(s64.div(gathered(s, ts), f64(count)))));
    const meanProduct = f.local("v128", v.splat(s64.toF32(s64.div(gathered(q, tq), f64(count)))));
    each((offset, run) => {
      at(offset);
      writeRun(f, i32.add(get(y), get(offset)), run, (i) => {
        const z = v.mul(v.sub(v.load(i32.add(get(x), i)), get(mean)), get(scale));
        return v.mul(get(scale), v.sub(v.sub(v.load(i32.add(get(dy), i)), get(meanDy)), v.mul(z, get(meanProduct))));
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
  const row = f.local("i32", get(from));
  const target = f.local("i32", get(to));
  f.for(sizeOf(x) / n, () => {
    const top = f.local("f32", s32.load(get(row)));
    f.for(n * 4, (i) => f.set(top, s32.max(get(top), s32.load(i32.add(get(row), get(i))))), 4);
    const lanes = f.local("v128", zeroLanes);
    const total = f.local("f64", f64(0));
    accumulate(f, row, n, lanes, total, (at) => exp4(v.sub(v.load(at), v.splat(get(top))), f));
    f.set(total, gathered(lanes, total));
    body(row, target, n, top, total);
    f.advance(row, n * 4);
    f.advance(target, n * 4);
  });
}

export const softmax: Kernel<"softmax"> = onePiece(({ f, shapes, input, y }) => {
  rows(f, shapes.x, input.x, y, (row, target, n, top, total) => {
    writeRun(f, get(target), n, (i) =>
      v.div(exp4(v.sub(v.load(i32.add(get(row), i)), v.splat(get(top))), f), v.splat(s64.toF32(get(total)))),
    );
  });
});
export const log_softmax: Kernel<"log_softmax"> = onePiece(({ f, shapes, input, y }) => {
  rows(f, shapes.x, input.x, y, (row, target, n, top, total) => {
    const shift = f.local("v128", log4(v.splat(s64.toF32(get(total))), f));
    writeRun(f, get(target), n, (i) => v.sub(v.sub(v.load(i32.add(get(row), i)), v.splat(get(top))), get(shift)));
  });
});
