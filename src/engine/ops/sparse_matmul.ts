// y = M·x for a constant sparse matrix M: projections, interpolation off the grid, resampling.
import { ShapeError } from "../core/errors.ts";
import { formatShape, sizeOf } from "../core/shape.ts";
import { SparseMatrix } from "../core/sparse.ts";
import type { OpDef } from "../graph/ir.ts";

/** Every `step`-th column and one more of every row; row 2 is empty. */
const sample = (rows: number, columns: number, step: number): SparseMatrix =>
  SparseMatrix.byRows([rows, columns], (r, put) => {
    if (r === 2) return;
    for (let c = r % step; c < columns; c += step) put(c, 0.3 + ((7 * r + 3 * c) % 5) / 4);
    put((3 * r) % columns, -0.5);
  });

/**
 * y[…, r] = Σ_c M[r, c]·x[…, c] along the last axis. Throws ShapeError when that is not as long as
 * M has columns.
 */
export const sparse_matmul: OpDef<"sparse_matmul"> = {
  infer: ({ x }, { matrix }) => {
    if (x.at(-1) !== matrix.columns)
      throw new ShapeError(
        `sparse_matmul: x is ${formatShape(x)}, the matrix ${matrix.rows}×${matrix.columns}; its columns are x's last axis`,
        { x, columns: matrix.columns },
      );
    return [...x.slice(0, -1), matrix.rows];
  },
  gradient: (b, dy, _inputs, { matrix }) => ({
    x: b.emit("sparse_matmul", { x: dy }, { matrix: matrix.transposed }),
  }),
  reference: ({ x }, { matrix }, out) => {
    const { rows, columns } = matrix;
    for (let at = 0; at * rows < out.length; at++)
      matrix.times(
        x.data.subarray(at * columns, (at + 1) * columns),
        out.subarray(at * rows, (at + 1) * rows),
      );
  },
  flops: (_shapes, { matrix }, out) => 2 * matrix.indices.length * (sizeOf(out) / matrix.rows),
  /** Made when they are asked for: the last matrix has 93,000 entries. */
  get samples() {
    return [
      { shapes: { x: [2, 7] }, attrs: { matrix: sample(5, 7, 2) } },
      { shapes: { x: [3, 3, 6] }, attrs: { matrix: sample(9, 6, 3) } },
      { shapes: { x: [4] }, attrs: { matrix: sample(6, 4, 4) } },
      { shapes: { x: [1, 2, 300] }, attrs: { matrix: sample(310, 300, 1) } },
    ];
  },
};
