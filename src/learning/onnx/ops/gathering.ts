// Numbers by places that are known before the network runs (`take`) or that it computes (`lookup`,
// whose bins are then one place wide).
import { formatShape, sizeOf, type Value } from "../../../engine/index.ts";
import type { Call, Val } from "../call.ts";

/** float32 counts so far without a gap. */
const MOST_PLACES = 2 ** 24;

/** Known indices along an axis, from its end where negative. */
export function places(call: Call, index: number, size: number): number[] {
  return call.numbers(index).map((at) => {
    const place = at < 0 ? at + size : at;
    if (!(Number.isInteger(place) && place >= 0 && place < size))
      call.fail(`index ${at} is not in an axis of ${size}`);
    return place;
  });
}
/** Computed ones, likewise. */
export function fromEnd(call: Call, at: Value, size: number): Value {
  const isNegative = call.emit("greater", { a: call.graph.scalar(0), b: at });
  return call.math.add(at, call.math.mul(isNegative, size));
}

/**
 * Of every row of a table [C, n] the entries at the places [P]: [C, P]. A place that is computed
 * outside the table is its nearest one. Source of the gradient: the op `lookup`; none goes to the
 * places.
 */
export function entries(call: Call, table: Value, at: Value): Value {
  const [rows, n] = table.shape;
  const count = sizeOf(at.shape);
  if (call.graph.isKnown(at)) return call.take(table, 1, Array.from(call.graph.known(at)!));
  if (n > MOST_PLACES)
    call.fail(
      `its places are computed, in a table of ${formatShape(table.shape)}; up to ${MOST_PLACES} can be told apart`,
    );
  const all = call.broadcast(call.reshape(at, [1, 1, count]), [1, rows, count]);
  return call.reshape(call.emit("lookup", { x: all, table }, { low: 1, step: 1 }), [rows, count]);
}

/** Along one axis, at places that the network computes. */
function computed(call: Call, x: Value, axis: number): Value {
  const n = x.shape[axis];
  const [outer, inner] = [x.shape.slice(0, axis), x.shape.slice(axis + 1)];
  const last = x.shape.map((_, i) => i).filter((i) => i !== axis);
  const table = call.reshape(call.transpose(x, [...last, axis]), [
    sizeOf(outer) * sizeOf(inner),
    n,
  ]);
  const found = entries(call, table, fromEnd(call, call.value(1), n));
  const apart = call.reshape(found, [sizeOf(outer), sizeOf(inner), found.shape[1]]);
  return call.transpose(apart, [0, 2, 1]);
}
export function gather(call: Call): Val {
  const x = call.value(0);
  const axis = call.axis(call.int("axis", 0), x.shape.length);
  const at = call.value(1);
  const taken = call.graph.isKnown(at)
    ? call.take(x, axis, places(call, 1, x.shape[axis]))
    : computed(call, x, axis);
  return call.give(
    call.reshape(taken, [...x.shape.slice(0, axis), ...at.shape, ...x.shape.slice(axis + 1)]),
  );
}
