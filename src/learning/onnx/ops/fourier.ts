// DFT along one axis, as a product with the matrix of the transform: real and imaginary parts side
// by side.
import { cos, PI, sin, sizeOf, type Value } from "../../../engine/index.ts";
import type { Call, Family, Val } from "../call.ts";

interface Transform {
  /** Numbers along the axis before, of which those from `length` on are left out. */
  readonly from: number;
  readonly length: number;
  readonly to: number;
  /** 2 for complex numbers, 1 for real ones. */
  readonly parts: number;
  readonly inverse: boolean;
  /** An inverse from half of the frequencies, to real numbers. */
  readonly toReal: boolean;
}
/** [from·parts, to·2], or [from·2, to] for an inverse to real numbers. */
function matrixOf({ from, length, to, parts, inverse, toReal }: Transform): Float64Array {
  const out = toReal ? 1 : 2;
  const m = new Float64Array(from * parts * to * out);
  const sign = inverse ? 1 : -1;
  const scale = inverse ? 1 / length : 1;
  for (let j = 0; j < Math.min(from, length); j++)
    for (let k = 0; k < to; k++) {
      const angle = (2 * PI * ((j * k) % length)) / length;
      // frequencies that are not there are the conjugates of those that are
      const isPaired = toReal && j > 0 && 2 * j !== length;
      const [c, s] = [
        scale * (isPaired ? 2 : 1) * cos(angle),
        scale * (isPaired ? 2 : 1) * sign * sin(angle),
      ];
      const at = (part: number, given: number): number =>
        (j * parts + part) * to * out + k * out + given;
      m[at(0, 0)] = c;
      if (!toReal) m[at(0, 1)] = s;
      if (parts === 2) m[at(1, 0)] = -s;
      if (parts === 2 && !toReal) m[at(1, 1)] = c;
    }
  return m;
}
export function transformed(call: Call, x: Value, axis: number, transform: Transform): Value {
  const rank = x.shape.length;
  const out = transform.toReal ? 1 : 2;
  // the axis beside the parts, which are the last
  const order = [
    ...x.shape.map((_, i) => i).filter((i) => i !== axis && i !== rank - 1),
    axis,
    rank - 1,
  ];
  const turned = call.transpose(x, order);
  const rows = sizeOf(turned.shape.slice(0, -2));
  const { from, parts, to } = transform;
  const matrix = call.graph.shared(`transform ${JSON.stringify(transform)}`, () => {
    call.graph.spend(from * parts * to * out);
    return call.graph.constant(matrixOf(transform), [from * parts, to * out]);
  });
  const flat = call.reshape(turned, [rows, from * parts]);
  const y = call.emit("matmul", { a: flat, b: matrix }, { transposeA: false, transposeB: false });
  const back = order.map((_, i) => order.indexOf(i));
  return call.transpose(call.reshape(y, [...turned.shape.slice(0, -2), to, out]), back);
}
/** Most frequencies of an axis: the matrix has their square. */
const MOST = 4096;
function dft(call: Call): Val {
  const x = call.value(0);
  const rank = x.shape.length;
  const parts = x.shape[rank - 1];
  if (rank < 2 || (parts !== 1 && parts !== 2))
    call.fail("its input's last axis is 1 for real and 2 for complex numbers");
  const axis = call.axis(call.opset >= 20 ? call.number(2, -2) : call.int("axis", 1), rank);
  if (axis === rank - 1) call.fail("it transforms along the axis of real and imaginary parts");
  const [inverse, onesided] = [call.flag("inverse"), call.flag("onesided")];
  const toReal = inverse && onesided;
  const from = x.shape[axis];
  const length = call.number(1, toReal ? 2 * (from - 1) : from);
  if (!(Number.isInteger(length) && length >= 1 && length <= MOST))
    call.fail(`its length is ${length}; 1 to ${MOST} are read`);
  if (from > MOST) call.fail(`its axis has ${from} cells; at most ${MOST} are read`);
  const to = onesided && !inverse ? Math.floor(length / 2) + 1 : length;
  const present = toReal ? Math.min(from, Math.floor(length / 2) + 1) : from;
  const given = present < from ? call.math.slice(x, axis, 0, present) : x;
  return call.give(
    transformed(call, given, axis, { from: present, length, to, parts, inverse, toReal }),
  );
}
export const fourierOps: Family = { DFT: { attributes: "axis inverse onesided", run: dft } };
