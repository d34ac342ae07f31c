// What the broadcasting ops share: their shape rule, their reference loop, and the way back from a
// broadcast.
import {
  broadcastShapes,
  broadcastStrides,
  forEachIndex,
  sameShape,
  type Shape,
} from "../core/shape.ts";
import type { Emitter, HostArray, Value } from "../graph/ir.ts";

export interface BinaryShapes {
  readonly a: Shape;
  readonly b: Shape;
}

export function inferBroadcast(op: string): (shapes: BinaryShapes) => Shape {
  return ({ a, b }) => broadcastShapes(a, b, op);
}

interface BinaryArrays {
  readonly a: HostArray;
  readonly b: HostArray;
}
export function referenceBinary(
  f: (a: number, b: number) => number,
): (inputs: BinaryArrays, attrs: object, out: Float64Array, shape: Shape) => void {
  return ({ a, b }, _attrs, out, shape) => {
    const sa = broadcastStrides(a.shape, shape);
    const sb = broadcastStrides(b.shape, shape);
    forEachIndex(shape, (flat, index) => {
      let ia = 0;
      let ib = 0;
      for (let d = 0; d < index.length; d++) {
        ia += index[d] * sa[d];
        ib += index[d] * sb[d];
      }
      out[flat] = f(a.data[ia], b.data[ib]);
    });
  };
}

/** Sums a gradient over the axes along which its input was repeated. */
export function sumTo(b: Emitter, dy: Value, shape: Shape): Value {
  if (sameShape(dy.shape, shape)) return dy;
  const lead = dy.shape.length - shape.length;
  const axes = dy.shape
    .map((_, i) => i)
    .filter((i) => i < lead || (shape[i - lead] === 1 && dy.shape[i] !== 1));
  const summed = axes.length === 0 ? dy : b.emit("sum", { x: dy }, { axes });
  return b.emit("reshape", { x: summed }, { shape });
}

export const binarySamples: readonly { shapes: BinaryShapes; attrs: Record<never, never> }[] = [
  { shapes: { a: [2, 3, 5], b: [2, 3, 5] }, attrs: {} },
  { shapes: { a: [2, 3, 4, 4], b: [1, 3, 1, 1] }, attrs: {} },
  { shapes: { a: [3, 1], b: [2, 3, 7] }, attrs: {} },
  { shapes: { a: [9], b: [] }, attrs: {} },
  { shapes: { a: [0, 3], b: [0, 3] }, attrs: {} },
];
export const unarySamples: readonly { shapes: { x: Shape }; attrs: Record<never, never> }[] = [
  { shapes: { x: [2, 3, 5] }, attrs: {} },
  { shapes: { x: [0, 3] }, attrs: {} },
  { shapes: { x: [] }, attrs: {} },
];
