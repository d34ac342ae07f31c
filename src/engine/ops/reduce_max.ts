// y = max over axes, which are dropped from the shape.
import { forEachIndex, sizeOf, stridesOf, type Shape } from "../core/shape.ts";
import type { Emitter, OpDef, Value } from "../graph/ir.ts";
import { droppedAxes } from "./reduction.ts";

/**
 * y = max x over `axes`, which are dropped from the shape: −∞ of nothing, NaN where one is NaN. The
 * gradient goes to the first maximum. Throws ShapeError for an axis that x lacks.
 */
export const reduce_max: OpDef<"reduce_max"> = {
  infer: ({ x }, { axes }) => droppedAxes("reduce_max", x, axes),
  gradient: (b, dy, { x }, { axes }) =>
    sizeOf(x.shape) === 0 ? {} : { x: toFirst(b, dy, x, axes) },
  reference: ({ x }, { axes }, out, shape) => {
    const outStrides = stridesOf(shape);
    const kept = x.shape.map((_, i) => i).filter((i) => !axes.includes(i));
    out.fill(Number.NEGATIVE_INFINITY);
    forEachIndex(x.shape, (flat, index) => {
      const o = kept.reduce((at, axis, j) => at + index[axis] * outStrides[j], 0);
      out[o] = Math.max(out[o], x.data[flat]);
    });
  },
  flops: ({ x }) => sizeOf(x),
  samples: [
    { shapes: { x: [2, 3, 5] }, attrs: { axes: [2] } },
    { shapes: { x: [2, 3, 5] }, attrs: { axes: [0, 1, 2] } },
    { shapes: { x: [2, 3, 4, 5] }, attrs: { axes: [0, 2, 3] } },
    { shapes: { x: [2, 6, 7] }, attrs: { axes: [1] } },
    { shapes: { x: [4, 9] }, attrs: { axes: [0] } },
    { shapes: { x: [2, 3, 2, 5] }, attrs: { axes: [0, 2] } },
    { shapes: { x: [3, 1] }, attrs: { axes: [1] } },
    { shapes: { x: [2, 3] }, attrs: { axes: [] } },
  ],
};

/** dy at the first maximum, else 0: max pooling's gradient, each group being one window. */
function toFirst(b: Emitter, dy: Value, x: Value, axes: readonly number[]): Value {
  const all = x.shape.map((_, i) => i);
  const order = [...all.filter((i) => !axes.includes(i)), ...all.filter((i) => axes.includes(i))];
  const turned = order.map((i) => x.shape[i]);
  const size = sizeOf(x.shape) / sizeOf(dy.shape);
  const windows = (v: Value, cells: number): Value =>
    b.emit("reshape", { x: v }, { shape: [1, sizeOf(dy.shape), 1, cells] });
  const moved = isSorted(order) ? x : b.emit("transpose", { x }, { permutation: order });
  const spread = b.emit(
    "max_pool2d_grad",
    { dy: windows(dy, 1), x: windows(moved, size) },
    { kernel: [1, size], stride: [1, 1], padding: [0, 0] },
  );
  const back = b.emit("reshape", { x: spread }, { shape: turned as Shape });
  return isSorted(order)
    ? back
    : b.emit("transpose", { x: back }, { permutation: all.map((i) => order.indexOf(i)) });
}
const isSorted = (order: readonly number[]): boolean => order.every((axis, i) => axis === i);
