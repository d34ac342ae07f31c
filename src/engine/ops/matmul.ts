// y = a·b for matrices.
import { ShapeError } from "../core/errors.ts";
import { formatShape, type Shape } from "../core/shape.ts";
import type { OpDef } from "../graph/ir.ts";

function extents(
  a: Shape,
  b: Shape,
  transposeA: boolean,
  transposeB: boolean,
): [number, number, number] {
  if (a.length !== 2 || b.length !== 2)
    throw new ShapeError(
      `matmul: ${formatShape(a)} and ${formatShape(b)} must be matrices; reshape them first`,
      { a, b },
    );
  const [m, k] = transposeA ? [a[1], a[0]] : [a[0], a[1]];
  const [k2, n] = transposeB ? [b[1], b[0]] : [b[0], b[1]];
  if (k !== k2)
    throw new ShapeError(
      `matmul: ${formatShape(a)}${transposeA ? "ᵀ" : ""} and ${formatShape(b)}${transposeB ? "ᵀ" : ""} share no inner size: ${k} and ${k2}`,
      { a, b },
    );
  return [m, n, k];
}

/**
 * y = op(a)·op(b), [m×k]·[k×n] → [m×n], where op transposes on request. Throws ShapeError when the
 * inner sizes differ.
 */
export const matmul: OpDef<"matmul"> = {
  infer: ({ a, b }, { transposeA, transposeB }) =>
    extents(a, b, transposeA, transposeB).slice(0, 2),
  gradient: (g, dy, { a, b }, { transposeA, transposeB }) => ({
    a: transposeA
      ? g.emit("matmul", { a: b, b: dy }, { transposeA: transposeB, transposeB: true })
      : g.emit("matmul", { a: dy, b }, { transposeA: false, transposeB: !transposeB }),
    b: transposeB
      ? g.emit("matmul", { a: dy, b: a }, { transposeA: true, transposeB: transposeA })
      : g.emit("matmul", { a, b: dy }, { transposeA: !transposeA, transposeB: false }),
  }),
  reference: ({ a, b }, { transposeA, transposeB }, out) => {
    const [m, n, k] = extents(a.shape, b.shape, transposeA, transposeB);
    for (let i = 0; i < m; i++)
      for (let j = 0; j < n; j++) {
        let s = 0;
        for (let p = 0; p < k; p++)
          s +=
            a.data[transposeA ? p * m + i : i * k + p] * b.data[transposeB ? j * k + p : p * n + j];
        out[i * n + j] = s;
      }
  },
  flops: ({ a, b }, { transposeA, transposeB }) =>
    extents(a, b, transposeA, transposeB).reduce((p, d) => p * d, 2),
  samples: [
    { shapes: { a: [5, 7], b: [7, 9] }, attrs: { transposeA: false, transposeB: false } },
    { shapes: { a: [7, 5], b: [7, 9] }, attrs: { transposeA: true, transposeB: false } },
    { shapes: { a: [5, 7], b: [9, 7] }, attrs: { transposeA: false, transposeB: true } },
    { shapes: { a: [7, 5], b: [9, 7] }, attrs: { transposeA: true, transposeB: true } },
    { shapes: { a: [1, 3], b: [3, 1] }, attrs: { transposeA: false, transposeB: false } },
  ],
};
