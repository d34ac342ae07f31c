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
 * Sums in float64 of what `four` gives for byte offsets: `lanes` takes four numbers at a time,
 * `total` the last ones.
 */
interface Sum {
  readonly lanes: Local;
  readonly total: Local;
  readonly four: (offset: Operand) => Code;
}
const newSum = (f: FunctionBuilder, four: Sum["four"]): Sum => ({
  lanes: f.v128(0),
  total: f.f64(0),
  four,
});
const numberOf = ({ lanes, total }: Sum): Code =>
  s64.add(total, s64.add(v.doubleLane(lanes, 0), v.doubleLane(lanes, 1)));

/** Adds `count` numbers to each: a sum waits for itself, and several do not wait for each other. */
function accumulate(f: FunctionBuilder, count: number, sums: readonly Sum[]): void {
  const whole = count - (count % 4);
  f.for(
    whole * 4,
    (i) => {
      for (const { lanes, four } of sums) {
        const x = f.v128(four(i));
        f.set(lanes, v.doubleAdd(lanes, v.doubleAdd(v.lowDoubles(x), v.highDoubles(x))));
      }
    },
    16,
  );
  if (whole === count) return;
  for (const { total, four } of sums) {
    const rest = f.v128(four(whole * 4));
    for (let lane = 0; lane < count - whole; lane++)
      f.set(total, s64.add(total, s64.fromF32(v.lane(rest, lane))));
  }
}

/** Units that are summed side by side. */
const TOGETHER = 2;
/** Bytes from the first to each of `number` units side by side. */
const beside = (number: number, bytes: number): number[] =>
  Array.from({ length: number }, (_, j) => j * bytes);
/** One pass over n units like ones that cost `steps` each, TOGETHER at a time, or what is left. */
function passTogether<Inputs extends string, Attrs>(
  k: KernelContext<Inputs, Attrs>,
  n: number,
  steps: number,
  write: (p: Pass<Inputs, Attrs>, begin: Local, number: number) => void,
): void {
  const units = Math.ceil(n / TOGETHER);
  const rest = n % TOGETHER;
  passOver(k, units, TOGETHER * steps, (p, first, last) => {
    const { f } = p;
    const some = (unit: Operand, number: number): void =>
      write(p, f.i32(i32.mul(unit, TOGETHER)), number);
    const isCut = rest > 0 ? f.i32(i32.geU(last, units)) : 0;
    f.range(first, i32.sub(last, isCut), 1, (unit) => some(unit, TOGETHER));
    if (rest > 0) f.if(isCut, () => some(units - 1, rest));
  });
}

export const sum: Kernel<"sum"> = (k) => {
  const { shapes, attrs, out } = k;
  if (sizeOf(shapes.x) === 0) return k.pass(1, ({ f, y }) => f.zero(y, sizeOf(out) * 4));
  const { kept, reduced } = partedAxes(shapes.x, attrs.axes);
  if (kept.at(-1)?.s === 1) return sumAcross(k, kept, reduced);
  const run = reduced.at(-1)?.s === 1 ? reduced.pop()!.n : 1;
  // the outermost kept axis is shared out; each sum is one thread's, in one order
  const outer = kept.shift() ?? { n: 1, s: 0 };
  const below = kept.reduce((n, axis) => n * axis.n, 1);
  passTogether(k, outer.n, sizeOf(shapes.x) / outer.n, ({ f, input, y }, begin, number) => {
    const to = f.i32(i32.add(y, i32.mul(begin, below * 4)));
    const at = f.i32();
    nest(f, kept, i32.add(input.x, i32.mul(begin, outer.s * 4)), (start) => {
      const sums = beside(number, outer.s * 4).map((apart) =>
        newSum(f, (i) => v.load(i32.add(at, i), apart)),
      );
      nest(f, reduced, start, (p) => {
        f.set(at, p);
        accumulate(f, run, sums);
      });
      sums.forEach((sum, j) => f.do(s32.store(to, s64.toF32(numberOf(sum)), j * below * 4)));
      f.advance(to, 4);
    });
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
  const isPair = reduced.length === 1 && reduced[0].n === 2;
  const four = (offset: Operand, lanes: number): void => {
    const at = f.i32(i32.add(from, offset));
    const sums = f.v128(isPair ? sumOfTwo(at, reduced[0].s * 4) : sumOfFour(f, reduced, at));
    storeLanes(f, f.i32(i32.add(to, offset)), sums, lanes, 0);
  };
  const rest = n % 4;
  f.for((n - rest) * 4, (offset) => four(offset, 4), 16);
  if (rest > 0) four((n - rest) * 4, rest);
}
/**
 * 0 + x + y in float32, which is what float64 would round to: it has more than twice the digits,
 * so rounding twice rounds alike. Source: Figueroa 1995.
 */
const sumOfTwo = (at: Local, apart: number): Code => v.add(v.add(v.load(at), 0), v.load(at, apart));
/** Sums of four neighbours, in float64. */
function sumOfFour(f: FunctionBuilder, reduced: readonly Axis[], from: Local): Code {
  const [low, high] = [f.v128(0), f.v128(0)];
  nest(f, reduced, from, (at) => {
    const x = f.v128(v.load(at));
    f.set(low, v.doubleAdd(low, v.lowDoubles(x)));
    f.set(high, v.doubleAdd(high, v.highDoubles(x)));
  });
  return v.shuffle(v.fromDoubles(low), v.fromDoubles(high), [0, 1, 4, 5]);
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
/** A group while it is normalised. */
interface Group {
  /** Bytes behind the first of those that are done together. */
  readonly apart: number;
  /** Byte offset of a number per channel. */
  readonly channel: Local;
  /** Its mean and 1/√(variance + ε), in all lanes. */
  readonly mean: Local;
  readonly scale: Local;
}
/** Groups that lie behind each other. */
interface Groups {
  readonly each: readonly Group[];
  /** Numbers in one, and in a run of it. */
  readonly count: number;
  readonly run: number;
  /** Visits the runs of the first: their byte offsets. */
  runs(visit: (offset: Local) => void): void;
}
type NormalizingPass<Inputs extends string> = Pass<Inputs, NormalizeAttributes>;

/** One pass over the groups, a few at a time. */
function normalizing<Inputs extends "x" | "dy">(
  k: KernelContext<Inputs, NormalizeAttributes>,
  body: (p: NormalizingPass<Inputs>, groups: Groups) => void,
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
  passTogether(k, l.groups, count, (p, begin, number) => {
    const { f } = p;
    const base = f.i32(i32.mul(begin, l.groupStride * 4));
    const runs: Groups["runs"] = (visit) => {
      const offset = f.i32(base);
      f.for(l.chunks, () => {
        visit(offset);
        f.advance(offset, l.chunkStride * 4);
      });
    };
    const each = beside(number, l.groupStride * 4).map((apart, j): Group => {
      const channel = f.i32(i32.mul(i32.remU(i32.add(begin, j), x[1] ?? 1), 4));
      return { apart, channel, mean: f.v128(), scale: f.v128() };
    });
    const groups = { each, count, run: l.run, runs };
    findStatistics(p, groups);
    body(p, groups);
  });
}

/** Sets every group's mean and scale. */
function findStatistics<Inputs extends "x" | "dy">(
  { f, input, attrs }: NormalizingPass<Inputs>,
  { each, count, run, runs }: Groups,
): void {
  const at = f.i32();
  const sumUp = (sums: readonly Sum[]): void =>
    runs((offset) => {
      f.set(at, i32.add(input["x" as Inputs], offset));
      accumulate(f, run, sums);
    });
  const sums = each.map(({ apart }) => newSum(f, (i) => v.load(i32.add(at, i), apart)));
  sumUp(sums);
  const means = sums.map((sum) => f.f64(s64.div(numberOf(sum), count)));
  each.forEach(({ mean }, j) => f.set(mean, v.splat(s64.toF32(means[j]))));
  // Σ(x − m)² about the rounded mean m, less n·(mean − m)²
  const squares = each.map(({ apart, mean }) =>
    newSum(f, (i) => {
      const d = f.v128(v.sub(v.load(i32.add(at, i), apart), mean));
      return v.mul(d, d);
    }),
  );
  sumUp(squares);
  each.forEach(({ scale }, j) => {
    const shift = f.f64(s64.sub(means[j], s64.fromF32(s64.toF32(means[j]))));
    const variance = s64.sub(s64.div(numberOf(squares[j]), count), s64.mul(shift, shift));
    f.set(scale, v.splat(s64.toF32(s64.div(1, s64.sqrt(s64.add(variance, attrs.epsilon))))));
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
  normalizing(k, (p, { each, run, runs }) => {
    const { f, input } = p;
    for (const { apart, channel, mean, scale } of each)
      runs((offset) => {
        const at = f.i32(i32.add(offset, apart));
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
  normalizing(k, ({ f, input, y }, { each, count, run, runs }) => {
    const [dy, x] = [f.i32(), f.i32()];
    const place = (offset: Local): void => {
      f.set(dy, i32.add(input.dy, offset));
      f.set(x, i32.add(input.x, offset));
    };
    const slopeOf =
      ({ apart }: Group) =>
      (i: Operand): Code =>
        v.load(i32.add(dy, i), apart);
    const normalOf =
      ({ apart, mean, scale }: Group) =>
      (i: Operand): Code =>
        v.mul(v.sub(v.load(i32.add(x, i), apart), mean), scale);
    const sums = each.map((group) => {
      const [slope, normal] = [slopeOf(group), normalOf(group)];
      return [newSum(f, slope), newSum(f, (i) => v.mul(slope(i), normal(i)))];
    });
    runs((offset) => {
      place(offset);
      accumulate(f, run, sums.flat());
    });
    each.forEach((group, j) => {
      const [slope, normal] = [slopeOf(group), normalOf(group)];
      const [meanSlope, meanProduct] = sums[j].map((sum) =>
        f.v128(v.splat(s64.toF32(s64.div(numberOf(sum), count)))),
      );
      runs((offset) => {
        place(offset);
        writeRun(f, i32.add(i32.add(y, offset), group.apart), run, (i) =>
          v.mul(group.scale, v.sub(v.sub(slope(i), meanSlope), v.mul(normal(i), meanProduct))),
        );
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
    const powers = newSum(f, (i) => exp4(v.sub(v.load(i32.add(row, i)), v.splat(top)), f));
    accumulate(f, n, [powers]);
    const total = f.f64(numberOf(powers));
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
