// Images read between their cells, at places that are known or computed: sums of their neighbours
// by weights that depend on the places, whose derivative there is the spec's.
// Source: onnx/reference/ops/op_grid_sample.py.
import { formatShape, type Value } from "../../../engine/index.ts";
import type { Call, Family, Val } from "../call.ts";
import { floorOf, larger, rounded, smaller } from "./arithmetic.ts";
import { entries } from "./gathering.ts";
import { product } from "./matrices.ts";
import { sizes } from "./shapes.ts";

interface Manner {
  readonly mode: "linear" | "nearest" | "cubic";
  readonly padding: "zeros" | "border" | "reflection";
  readonly alignCorners: boolean;
}
/** Cells along an axis, whole numbers within it, and what each of them weighs. */
interface Neighbour {
  readonly cell: Value;
  readonly weight: Value;
}

const absolute = (call: Call, x: Value): Value => call.emit("abs", { x });
/** Turned back at low and at high until it lies between. */
function reflected(call: Call, x: Value, low: number, high: number): Value {
  const { mul, sub } = call.math;
  const range = high - low;
  if (range === 0) return mul(x, 0);
  const beyond = absolute(call, sub(x, low));
  const turns = floorOf(call, mul(beyond, 0.5 / range));
  const rest = sub(beyond, mul(turns, 2 * range));
  return sub(high, absolute(call, sub(rest, range)));
}
const within = (call: Call, x: Value, high: number): Value =>
  smaller(call, larger(call, x, call.graph.scalar(0)), call.graph.scalar(high));

/** Of a cell d away, for −2 ≤ d ≤ 2, by a = −0.75. */
function cubic(call: Call, d: Value, isNear: boolean): Value {
  const { add, mul, sub } = call.math;
  const a = -0.75;
  if (isNear) return add(mul(mul(sub(mul(d, a + 2), a + 3), d), d), 1);
  return mul(sub(mul(add(mul(sub(d, 5), d), 8), d), 4), a);
}
/** Weights of the cells from `first` on, seen from the cell before the place; t is the rest. */
function weightsOf(
  call: Call,
  t: Value,
  mode: "linear" | "cubic",
): { first: number; weights: Value[] } {
  const { add, sub } = call.math;
  if (mode === "linear") return { first: 0, weights: [sub(1, t), t] };
  const distances = [add(t, 1), t, sub(1, t), sub(2, t)];
  return { first: -1, weights: distances.map((d, i) => cubic(call, d, i === 1 || i === 2)) };
}
/** The neighbours along an axis of n cells of places from −1 to 1. */
function along(
  call: Call,
  place: Value,
  n: number,
  { mode, padding, alignCorners }: Manner,
): Neighbour[] {
  const { add, mul, sub } = call.math;
  const [low, high] = alignCorners ? [0, n - 1] : [-0.5, n - 0.5];
  const exact = alignCorners
    ? mul(add(place, 1), (n - 1) / 2)
    : mul(sub(mul(add(place, 1), n), 1), 0.5);
  let x = mode === "nearest" ? rounded(call, exact) : exact;
  if (padding === "border" && mode !== "cubic") x = within(call, x, n - 1);
  if (padding === "reflection") x = reflected(call, x, low, high);
  const neighbour = (at: Value, weight: Value): Neighbour => {
    if (padding === "reflection")
      return { cell: within(call, reflected(call, at, low, high), n - 1), weight };
    const cell = within(call, at, n - 1);
    if (padding === "border") return { cell, weight };
    return { cell, weight: mul(weight, call.emit("equal", { a: cell, b: at })) };
  };
  if (mode === "nearest") return [neighbour(floorOf(call, add(x, 0.5)), call.graph.scalar(1))];
  const left = floorOf(call, x);
  const { first, weights } = weightsOf(call, sub(x, left), mode);
  return weights.map((weight, i) => neighbour(add(left, first + i), weight));
}
/** One image [C, H·W] at places [P]: [C, P]. */
function sampled(
  call: Call,
  image: Value,
  rows: readonly Neighbour[],
  columns: readonly Neighbour[],
  W: number,
): Value {
  const { add, mul } = call.math;
  let sum: Value | undefined;
  for (const row of rows)
    for (const column of columns) {
      const found = entries(call, image, add(mul(row.cell, W), column.cell));
      const part = mul(found, mul(row.weight, column.weight));
      sum = sum ? add(sum, part) : part;
    }
  return sum!;
}
function gridSample(call: Call): Val {
  const x = call.value(0);
  const { shape } = call.value(1);
  if (x.shape.length !== 4 || shape.length !== 4 || shape[0] !== x.shape[0] || shape[3] !== 2)
    call.fail(
      `its input is ${formatShape(x.shape)} and its places ${formatShape(shape)}; images [N×C×H×W] are read`,
    );
  const [n, c, H, W] = x.shape;
  const mode = call.oneOf("mode", ["linear", "bilinear", "nearest", "cubic", "bicubic"]);
  const manner: Manner = {
    mode: mode === "bilinear" ? "linear" : mode === "bicubic" ? "cubic" : mode,
    padding: call.oneOf("padding_mode", ["zeros", "border", "reflection"]),
    alignCorners: call.flag("align_corners"),
  };
  const count = shape[1] * shape[2];
  const { slice } = call.math;
  const images = Array.from({ length: n }, (_, i) => {
    const image = call.reshape(slice(x, 0, i, i + 1), [c, H * W]);
    const at = call.reshape(slice(call.value(1), 0, i, i + 1), [count, 2]);
    const line = (axis: number): Value => call.reshape(slice(at, 1, axis, axis + 1), [count]);
    const [columns, rows] = [along(call, line(0), W, manner), along(call, line(1), H, manner)];
    return call.reshape(sampled(call, image, rows, columns, W), [1, c, shape[1], shape[2]]);
  });
  return call.give(call.concat(images, 0));
}
/** Places of a grid's cells under an affine map [N, 2, 3]. */
function affineGrid(call: Call): Val {
  const theta = call.value(0);
  const size = sizes(call, call.numbers(1));
  if (size.length !== 4 || theta.shape.join() !== [size[0], 2, 3].join())
    call.fail(
      `its map is ${formatShape(theta.shape)}, for images ${formatShape(size)}; maps [N×2×3] are read`,
    );
  const [n, , H, W] = size;
  call.graph.spend(3 * H * W);
  const place = (i: number, length: number): number =>
    call.flag("align_corners") ? (2 * i) / (length - 1) - 1 : (2 * i + 1) / length - 1;
  const grid = Array.from({ length: H * W }, (_, i) => [
    place(i % W, W),
    place(Math.floor(i / W), H),
    1,
  ]).flat();
  const y = product(call, call.graph.constant(grid, [H * W, 3]), call.transpose(theta, [0, 2, 1]));
  return call.give(call.reshape(y, [n, H, W, 2]));
}
export const samplingOps: Family = {
  GridSample: { attributes: "mode padding_mode align_corners", run: gridSample },
  AffineGrid: { attributes: "align_corners", run: affineGrid },
};
