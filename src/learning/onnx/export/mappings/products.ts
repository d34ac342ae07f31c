// Products of matrices: two of them, and one of a sparse matrix with vectors.
import { sizeOf, type SparseMatrix } from "../../../../engine/index.ts";
import type { Mapping } from "../mapping.ts";
import { written } from "../mapping.ts";
import type { OpNode } from "../view.ts";
import type { GraphWriter, Written } from "../writer.ts";

/** Entries up to which a matrix is written whole. */
const MOST_DENSE = 2 ** 14;

/** op(a)·op(b), and what is added to it. */
export function product({ inputs, attrs }: OpNode<"matmul">, bias?: number): Written {
  const { a, b } = inputs;
  const attributes = { transA: attrs.transposeA ? 1 : 0, transB: attrs.transposeB ? 1 : 0 };
  return {
    reads: bias === undefined ? [a, b] : [a, b, bias],
    write(w) {
      const both = [w.value(a), w.value(b)];
      if (bias !== undefined) return w.node("Gemm", [...both, w.value(bias)], attributes);
      const plain = !attrs.transposeA && !attrs.transposeB;
      return plain ? w.node("MatMul", both) : w.node("Gemm", both, attributes);
    },
  };
}
export const matmul: Mapping<"matmul"> = (node) => product(node);

/** Mᵀ, rows of M being columns, as an array. */
function transposedArray(matrix: SparseMatrix): Float32Array {
  const { rows, columns, starts, indices, values } = matrix;
  const dense = new Float64Array(rows * columns);
  for (let r = 0; r < rows; r++)
    for (let e = starts[r]; e < starts[r + 1]; e++) dense[indices[e] * rows + r] += values[e];
  return Float32Array.from(dense);
}

/** Rows of about as many entries: from the longest half as long on, filled up with zeros. */
interface Bucket {
  readonly length: number;
  readonly rows: readonly number[];
}
function buckets({ rows, starts }: SparseMatrix): Bucket[] {
  const byLength = new Map<number, number[]>();
  for (let r = 0; r < rows; r++) {
    const entries = starts[r + 1] - starts[r];
    const length = 2 ** Math.ceil(Math.log2(Math.max(1, entries)));
    const known = byLength.get(length);
    if (known) known.push(r);
    else byLength.set(length, [r]);
  }
  return [...byLength].map(([length, members]) => ({ length, rows: members }));
}
const keyOf = (matrix: SparseMatrix): string => JSON.stringify(matrix);

/** Σ of the entries of a bucket's rows, on x [batch, columns] → [batch, rows]. */
function bucketProduct(
  w: GraphWriter,
  x: string,
  matrix: SparseMatrix,
  { length, rows }: Bucket,
): string {
  const shape = [rows.length, length];
  const each = (value: (e: number) => number): Float64Array => {
    const all = new Float64Array(sizeOf(shape));
    rows.forEach((r, k) => {
      const first = matrix.starts[r];
      for (let e = first; e < matrix.starts[r + 1]; e++) all[k * length + e - first] = value(e);
    });
    return all;
  };
  const key = `${keyOf(matrix)} ${length}`;
  const columns = w.made(`columns ${key}`, "columns", shape, () =>
    Int32Array.from(each((e) => matrix.indices[e])),
  );
  const values = w.made(`values ${key}`, "values", shape, () =>
    Float32Array.from(each((e) => matrix.values[e])),
  );
  const terms = w.node("Mul", [w.node("Gather", [x, columns], { axis: 1 }), values]);
  return w.node("ReduceSum", [terms, w.wholes([2], "axes")], { keepdims: 0 });
}
/** M·x of many rows: buckets by the rows' lengths, put together, and brought into order. */
function gathered(w: GraphWriter, x: string, matrix: SparseMatrix): string {
  const all = buckets(matrix);
  const pieces = all.map((bucket) => bucketProduct(w, x, matrix, bucket));
  if (pieces.length === 1) return pieces[0];
  const places = new Int32Array(matrix.rows);
  for (const [k, r] of all.flatMap((bucket) => bucket.rows).entries()) places[r] = k;
  const order = w.made(`order ${keyOf(matrix)}`, "order", [matrix.rows], () => places);
  return w.node("Gather", [w.node("Concat", pieces, { axis: 1 }), order], { axis: 1 });
}

export const sparse_matmul: Mapping<"sparse_matmul"> = (node, view) =>
  written(node, (w, x) => {
    const { matrix } = node.attrs;
    const { rows, columns } = matrix;
    if (rows * columns <= MOST_DENSE) {
      const dense = w.made(`dense ${keyOf(matrix)}`, "matrix", [columns, rows], () =>
        transposedArray(matrix),
      );
      return w.node("MatMul", [x, dense]);
    }
    const flat = w.reshape(x, [-1, columns]);
    return w.reshape(gathered(w, flat, matrix), view.target(node.id));
  });
