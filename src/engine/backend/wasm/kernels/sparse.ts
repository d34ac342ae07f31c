// The product with a constant sparse matrix: every output gathers its row in a fixed order.
import { sizeOf } from "../../../core/shape.ts";
import type { SparseMatrix } from "../../../core/sparse.ts";
import { i32, s32, type Local, type Operand } from "../encoder/instructions.ts";
import { passOver, type Kernel, type KernelContext } from "../kernel.ts";

/** Vectors multiplied in one go: a row's entries are read once for all of them. */
const TOGETHER = 4;

/** Entries in pairs of column offset in bytes and value, an even number a row; where rows begin. */
interface Packed {
  readonly entries: Int32Array;
  readonly starts: Int32Array;
}
const known = new WeakMap<SparseMatrix, Packed>();
function packed(matrix: SparseMatrix): Packed {
  const before = known.get(matrix);
  if (before) return before;
  const { rows, starts, indices, values } = matrix;
  const begins = new Int32Array(rows + 1);
  for (let r = 0; r < rows; r++) begins[r + 1] = begins[r] + 2 * Math.ceil((starts[r + 1] - starts[r]) / 2);
  const entries = new Int32Array(2 * begins[rows]);
  const numbers = new Float32Array(entries.buffer);
  for (let r = 0; r < rows; r++)
    for (let e = starts[r], to = 2 * begins[r]; to < 2 * begins[r + 1]; e++, to += 2) {
      const there = e < starts[r + 1];
      // what fills a row up reads what the row reads anyway
      entries[to] = 4 * indices[there ? e : e - 1];
      numbers[to + 1] = there ? values[e] : 0;
    }
  const made = { entries, starts: begins.map((at) => 8 * at) };
  known.set(matrix, made);
  return made;
}

export const sparse_matmul: Kernel<"sparse_matmul"> = (k) => {
  const batch = sizeOf(k.out) / k.attrs.matrix.rows;
  for (let from = 0; from < batch; from += TOGETHER) multiply(k, from, Math.min(TOGETHER, batch - from));
};

/** The product of `count` vectors of the batch, from the one numbered `from` on. */
function multiply(k: KernelContext<"x", { matrix: SparseMatrix }>, from: number, count: number): void {
  const { matrix } = k.attrs;
  const { rows, columns } = matrix;
  const { entries, starts } = packed(matrix);
  const steps = (2 * count * entries.length) / rows;
  passOver(k, rows, steps, ({ f, input, y, table }, first, end) => {
    const [begin, data] = [table(starts), table(entries)];
    const x = f.i32(i32.add(input.x, from * columns * 4));
    const out = f.i32(i32.add(y, from * rows * 4));
    const sums = Array.from({ length: count }, () => [f.f32(), f.f32()]);
    const term = (entry: Operand, half: 0 | 1): void => {
      const at: Local = f.i32(i32.add(x, i32.load(entry, 8 * half)));
      const value = f.f32(s32.load(entry, 8 * half + 4));
      sums.forEach((sum, i) => f.set(sum[half], s32.add(sum[half], s32.mul(value, s32.load(at, i * columns * 4)))));
    };
    f.range(first, end, 1, (row) => {
      const start = f.i32(i32.add(i32.mul(row, 4), begin));
      for (const sum of sums.flat()) f.set(sum, 0);
      const [entry, stop] = [0, 4].map((next) => i32.add(i32.load(start, next), data));
      f.range(entry, stop, 16, (pair) => {
        term(pair, 0);
        term(pair, 1);
      });
      const to = f.i32(i32.add(out, i32.mul(row, 4)));
      sums.forEach(([even, odd], i) => f.do(s32.store(to, s32.add(even, odd), i * rows * 4)));
    });
  });
}
