// The product with a constant sparse matrix: every output gathers its row in a fixed order.
import { sizeOf } from "../../../core/shape.ts";
import type { SparseMatrix } from "../../../core/sparse.ts";
import { i32, s32, v, type Operand } from "../encoder/instructions.ts";
import { passOver, type Kernel, type KernelContext } from "../kernel.ts";

/** Entries in pairs of column offset in bytes and value, an even number a row; where rows begin. */
interface Packed {
  readonly entries: Int32Array;
  readonly starts: Int32Array;
}
/** How many vectors are multiplied in one go, side by side in the lanes of a vector. */
type Lanes = 2 | 4;
const known: Readonly<Record<Lanes, WeakMap<SparseMatrix, Packed>>> = {
  2: new WeakMap(),
  4: new WeakMap(),
};

function packed(matrix: SparseMatrix, lanes: Lanes): Packed {
  const before = known[lanes].get(matrix);
  if (before) return before;
  const { rows, starts, indices, values } = matrix;
  const begins = new Int32Array(rows + 1);
  for (let r = 0; r < rows; r++)
    begins[r + 1] = begins[r] + 2 * Math.ceil((starts[r + 1] - starts[r]) / 2);
  const entries = new Int32Array(2 * begins[rows]);
  const numbers = new Float32Array(entries.buffer);
  for (let r = 0; r < rows; r++)
    for (let e = starts[r], to = 2 * begins[r]; to < 2 * begins[r + 1]; e++, to += 2) {
      const there = e < starts[r + 1];
      // what fills a row up reads what the row reads anyway
      entries[to] = 4 * lanes * indices[there ? e : e - 1];
      numbers[to + 1] = there ? values[e] : 0;
    }
  const made = { entries, starts: begins.map((at) => 8 * at) };
  known[lanes].set(matrix, made);
  return made;
}

type Context = KernelContext<"x", { matrix: SparseMatrix }>;
/** Vectors `from` … `from + count − 1` of the batch. */
interface Group {
  readonly from: number;
  readonly count: number;
  readonly lanes: Lanes;
}

export const sparse_matmul: Kernel<"sparse_matmul"> = (k) => {
  const { rows, columns } = k.attrs.matrix;
  const batch = sizeOf(k.out) / rows;
  k.shared(columns * 4 * (batch > 2 ? 4 : 2));
  for (let from = 0; from < batch; from += 4) {
    const count = Math.min(4, batch - from);
    const group: Group = { from, count, lanes: count > 2 ? 4 : 2 };
    interleave(k, group);
    multiply(k, group);
  }
};

/** The vectors of the group side by side, so that one load gathers from all of them. */
function interleave(k: Context, { from, count, lanes }: Group): void {
  const { columns } = k.attrs.matrix;
  passOver(k, columns, 2 * count, ({ f, input, shared }, first, end) => {
    const source = f.i32(i32.add(input.x, i32.add(i32.mul(first, 4), from * columns * 4)));
    const target = f.i32(i32.add(shared, i32.mul(first, 4 * lanes)));
    f.range(first, end, 1, () => {
      for (let i = 0; i < count; i++)
        f.do(s32.store(target, s32.load(source, i * columns * 4), 4 * i));
      f.advance(source, 4);
      f.advance(target, 4 * lanes);
    });
  });
}

function multiply(k: Context, { from, count, lanes }: Group): void {
  const { matrix } = k.attrs;
  const { rows } = matrix;
  const { entries, starts } = packed(matrix, lanes);
  passOver(k, rows, (2 * entries.length) / rows, ({ f, y, shared, table }, first, end) => {
    const [begin, data] = [table(starts), table(entries)];
    const sums = [f.v128(), f.v128()];
    const term = (pair: Operand, half: 0 | 1): void => {
      const at = i32.add(shared, i32.load(pair, 8 * half));
      const gathered = lanes === 4 ? v.load(at) : v.loadPair(at);
      f.mulAdd(sums[half], v.loadSplat(pair, 8 * half + 4), gathered);
    };
    f.range(first, end, 1, (row) => {
      const start = f.i32(i32.add(i32.mul(row, 4), begin));
      for (const sum of sums) f.set(sum, 0);
      const [entry, stop] = [0, 4].map((next) => i32.add(i32.load(start, next), data));
      f.range(entry, stop, 16, (pair) => {
        term(pair, 0);
        term(pair, 1);
      });
      const total = f.v128(v.add(sums[0], sums[1]));
      const to = f.i32(i32.add(y, i32.add(i32.mul(row, 4), from * rows * 4)));
      for (let i = 0; i < count; i++) f.do(v.storeLane(to, total, i, i * rows * 4));
    });
  });
}
