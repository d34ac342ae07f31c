// Products of matrices.
import { formatShape, sizeOf, type Shape, type Value } from "../../../engine/index.ts";
import type { Call, Family, Val } from "../call.ts";

/** The shapes before the last two axes, repeated as NumPy does. */
function batchOf(call: Call, a: Shape, b: Shape): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const [p, q] = [a[i - rank + a.length] ?? 1, b[i - rank + b.length] ?? 1];
    if (p !== q && p !== 1 && q !== 1)
      call.fail(
        `its inputs ${formatShape(call.value(0).shape)} and ${formatShape(call.value(1).shape)} do not fit together`,
      );
    return p === 1 ? q : p;
  });
}
/**
 * a·b over all matrices of a batch at once: a grouped convolution, one group a matrix, whose image
 * is b and whose kernels of one cell are a's rows.
 */
function batched(call: Call, a: Value, b: Value, batch: readonly number[]): Value {
  const count = sizeOf(batch);
  const [m, k] = a.shape.slice(-2);
  const n = b.shape.at(-1)!;
  const images = call.reshape(call.broadcast(b, [...batch, k, n]), [1, count * k, n, 1]);
  const kernels = call.reshape(call.broadcast(a, [...batch, m, k]), [count * m, k, 1, 1]);
  const y = call.emit(
    "conv2d",
    { x: images, w: kernels },
    { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: count },
  );
  return call.reshape(y, [...batch, m, n]);
}
const plain = { transposeA: false, transposeB: false };
/** As NumPy's matmul: vectors are rows or columns, and the axes before the last two a batch. */
export function product(call: Call, left: Value, right: Value): Value {
  if (left.shape.length === 0 || right.shape.length === 0)
    call.fail("a single number is no matrix");
  const a = left.shape.length === 1 ? call.reshape(left, [1, ...left.shape]) : left;
  const b = right.shape.length === 1 ? call.reshape(right, [...right.shape, 1]) : right;
  const [m, k] = a.shape.slice(-2);
  const [rows, n] = b.shape.slice(-2);
  if (k !== rows)
    call.fail(
      `its inputs ${formatShape(left.shape)} and ${formatShape(right.shape)} do not fit together`,
    );
  const batch = batchOf(call, a.shape.slice(0, -2), b.shape.slice(0, -2));
  let y: Value;
  if (sizeOf([...batch, m, n, k]) === 0) y = call.graph.filled(0, [...batch, m, n]);
  else if (b.shape.length === 2) {
    const flat = call.reshape(a, [sizeOf(a.shape.slice(0, -1)), k]);
    y = call.reshape(call.emit("matmul", { a: flat, b }, plain), [...batch, m, n]);
  } else if (sizeOf(batch) === 1)
    y = call.reshape(
      call.emit("matmul", { a: call.reshape(a, [m, k]), b: call.reshape(b, [k, n]) }, plain),
      [...batch, m, n],
    );
  else y = batched(call, a, b, batch);
  const shape = [
    ...batch,
    ...(left.shape.length === 1 ? [] : [m]),
    ...(right.shape.length === 1 ? [] : [n]),
  ];
  return call.reshape(y, shape);
}
/** y = α·op(a)·op(b) + β·c */
function gemm(call: Call): Val {
  const [a, b] = [call.value(0), call.value(1)];
  if (a.shape.length !== 2 || b.shape.length !== 2) call.fail("its inputs must be matrices");
  const { add, mul } = call.math;
  const [alpha, beta] = [call.float("alpha", 1), call.float("beta", 1)];
  const y = call.emit(
    "matmul",
    { a, b },
    { transposeA: call.flag("transA"), transposeB: call.flag("transB") },
  );
  const scaled = alpha === 1 ? y : mul(y, alpha);
  if (!call.has(2) || beta === 0) return call.give(scaled);
  const c = call.value(2);
  return call.give(add(scaled, beta === 1 ? c : mul(c, beta)));
}
export const matrixOps: Family = {
  MatMul: { run: (call) => call.give(product(call, call.value(0), call.value(1))) },
  Gemm: { attributes: "alpha beta transA transB broadcast", run: gemm },
};
