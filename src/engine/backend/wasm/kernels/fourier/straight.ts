// Lengths whose first and last factors are even, without a copy: the first stage reads an image's
// lines, with its origin in the middle, and the last one writes them.
import type { FunctionBuilder } from "../../encoder/function.ts";
import { i32, v, type Local } from "../../encoder/instructions.ts";
import { keep, transpose4 } from "../vectors.ts";
import { butterfly, product, rootsOf, type Pair } from "./butterflies.ts";
import {
  fourLines,
  LARGEST_BUTTERFLY,
  radices,
  runStage,
  runStages,
  stagesOf,
  twiddles,
  type Stage,
  type Table,
  type View,
} from "./stages.ts";

/** Whether columns of n elements can be transformed so. */
export function columnsGoStraight(n: number): boolean {
  const factors = radices(n);
  const ends = [factors[0], factors.at(-1)!];
  const areEven = factors.length > 1 && ends.every((r) => r % 2 === 0);
  return areEven && factors.every((r) => r <= LARGEST_BUTTERFLY);
}
/** Whether rows can: they go four elements at a time. */
export const rowsGoStraight = (n: number): boolean => n % 16 === 0 && columnsGoStraight(n);

export interface Straight {
  readonly n: number;
  readonly inverse: boolean;
  readonly from: View;
  readonly to: View;
  readonly room: Local;
}
/** Bytes of room for a row. */
export const rowRoom = (n: number): number => 2 * n * 8;

/** One row, four of its elements to a vector. */
export function transformRow(f: FunctionBuilder, row: Straight, table: Table): void {
  const { n, inverse, from, to, room } = row;
  const [first, ...rest] = stagesOf(n, inverse);
  const last = rest.pop()!;
  const buffer = (at: Local): View => ({ at, stride: 4, plane: n * 4 });
  let [here, other] = [buffer(room), buffer(f.i32(i32.add(room, n * 8)))];
  firstOfRow(f, first, [from, here], table);
  for (const stage of rest) {
    runStage(f, stage, [here, other], table, { wide: 4 });
    [here, other] = [other, here];
  }
  runStage(f, last, [here, to], table, {
    wide: 4,
    turnedOut: true,
    scale: 1 / Math.sqrt(n),
  });
}

/** Cosines of four places, and sines; of the parts 1 to 3 in turn. */
function rowTwiddles(stage: Stage): Float32Array {
  const w = twiddles(stage);
  const m = stage.n / 4;
  const values: number[] = [];
  for (let p = 0; p < m; p += 4)
    for (let u = 1; u < 4; u++)
      for (const part of [0, 1])
        for (let lane = 0; lane < 4; lane++) values.push(w(p + lane, u)[part]);
  return Float32Array.from(values);
}
/**
 * The stage of radix 4 that a row begins with, on four places p at a time. What comes out of them
 * lies crosswise in the vectors, and is turned in registers.
 */
function firstOfRow(
  f: FunctionBuilder,
  stage: Stage,
  [from, to]: readonly [View, View],
  table: Table,
): void {
  const m = stage.n / 4;
  const roots = rootsOf(4, stage.inverse);
  const [source, target] = [f.i32(from.at), f.i32(to.at)];
  const w = f.i32(table(rowTwiddles(stage)));
  const turn = (u: number): Pair => ({
    re: f.v128(v.load(w, (u - 1) * 32)),
    im: f.v128(v.load(w, (u - 1) * 32 + 16)),
  });
  f.for(m / 4, () => {
    const x = [0, 1, 2, 3].map((t): Pair => {
      // the origin lies in the middle: half of the parts further on
      const at = ((t + 2) % 4) * m * 4;
      const [re, im] = keep(f, [v.load(source, at), v.load(source, at + from.plane)]);
      return { re, im };
    });
    const y: Pair[] = [];
    butterfly(f, x, roots, (u, z) => {
      y[u] = u > 0 ? product(f, z, turn(u)) : z;
    });
    for (const part of ["re", "im"] as const) {
      const columns = transpose4(
        f,
        y.map((z) => z[part]),
      );
      const plane = part === "im" ? to.plane : 0;
      columns.forEach((column, i) => f.do(v.store(target, column, i * 16 + plane)));
    }
    f.advance(source, 16);
    f.advance(target, 64);
    f.advance(w, 96);
  });
}

/** Bytes of a buffer of four columns: a cache line more, or all would lie in like places. */
const bufferOf = (n: number): number => n * 32 + 64;
/** Bytes of room for so many groups of four columns. */
export const columnRoom = (n: number, groups: number): number => (groups + 1) * bufferOf(n);

/** Columns, one element of each of four to a vector, in `groups` of four side by side. */
export function transformColumns(
  f: FunctionBuilder,
  { n, inverse, from, to, room, groups }: Straight & { readonly groups: number },
  table: Table,
): void {
  const bytes = bufferOf(n);
  const [first, ...rest] = stagesOf(n, inverse);
  const last = rest.pop()!;
  const own = f.i32(i32.add(room, bytes));
  runStage(f, first, [from, fourLines(own)], table, {
    turnedIn: true,
    groups: { count: groups, from: 16, to: bytes },
  });
  // after an odd number of stages a result lies in the other buffer, and leaves its own to the next
  const isOdd = rest.length % 2 === 1;
  const between = (at: Local): void => {
    const buffers = [f.i32(i32.add(own, at)), isOdd ? f.i32(i32.add(room, at)) : room] as const;
    runStages(f, rest, buffers, table);
  };
  if (rest.length > 0) f.for(groups * bytes, between, bytes);
  runStage(f, last, [fourLines(isOdd ? room : own), to], table, {
    turnedOut: true,
    scale: 1 / Math.sqrt(n),
    groups: { count: groups, from: bytes, to: 16 },
  });
}
