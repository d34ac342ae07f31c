// Resize and Upsample: every mode is a sparse matrix along each axis, with its exact gradient.
// Source: onnx/reference/ops/op_resize.py.
import { SparseMatrix, type Value } from "../../../engine/index.ts";
import type { Call, Family, Val } from "../call.ts";
import { sizes } from "./shapes.ts";

interface Axis {
  readonly from: number;
  readonly to: number;
  readonly scale: number;
  /** The part that tf_crop_and_resize takes, from 0 to 1. */
  readonly part: readonly [number, number];
}
interface Manner {
  readonly mode: "nearest" | "linear" | "cubic";
  readonly coordinates: string;
  readonly nearest?: string;
  readonly a: number;
  readonly excludeOutside: boolean;
  readonly antialias: boolean;
}

/** Where in the input a cell of the output lies. */
function sourceOf(x: number, { from, to, scale, part }: Axis, coordinates: string): number {
  const length = scale * from;
  switch (coordinates) {
    case "align_corners":
      return length === 1 ? 0 : (x * (from - 1)) / (length - 1);
    case "asymmetric":
      return x / scale;
    case "tf_crop_and_resize": {
      const inside =
        length === 1
          ? ((part[1] - part[0]) * (from - 1)) / 2
          : (x * (part[1] - part[0]) * (from - 1)) / (length - 1);
      return inside + part[0] * (from - 1);
    }
    case "pytorch_half_pixel":
      return length === 1 ? -0.5 : (x + 0.5) / scale - 0.5;
    case "tf_half_pixel_for_nn":
      return (x + 0.5) / scale;
    case "half_pixel_symmetric":
      return (from / 2) * (1 - to / length) + (x + 0.5) / scale - 0.5;
    default:
      return (x + 0.5) / scale - 0.5;
  }
}
/** Weights of the neighbours; the first is `first` cells from the last cell left of x. */
interface Neighbours {
  readonly first: number;
  readonly weights: number[];
}
const cubic = (a: number, x: number): number => {
  const d = Math.abs(x);
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? (((d - 5) * d + 8) * d - 4) * a : 0;
};
function nearest(ratio: number, rule: string): Neighbours {
  const right =
    ratio === 1 ||
    (rule === "ceil" && ratio > 0) ||
    (rule === "round_prefer_floor" && ratio > 0.5) ||
    (rule === "round_prefer_ceil" && ratio >= 0.5);
  return { first: 0, weights: right ? [0, 1] : [1, 0] };
}
/** As wide as `reach` cells; wider by as much as the image shrinks, where it is smoothed. */
function smooth(
  ratio: number,
  scale: number,
  reach: number,
  kernel: (x: number) => number,
): Neighbours {
  const shrink = Math.min(scale, 1);
  const first = Math.floor(-reach / shrink) + 1;
  const weights = Array.from({ length: 2 - 2 * first }, (_, i) =>
    kernel(shrink * (first + i - ratio)),
  );
  const sum = weights.reduce((p, q) => p + q, 0);
  return { first, weights: weights.map((w) => w / sum) };
}
function neighbours(ratio: number, { scale }: Axis, manner: Manner): Neighbours {
  // before opset 11 no rule was written: runtimes rounded up where the image shrinks
  const rule = manner.nearest ?? (scale < 1 ? "ceil" : "floor");
  if (manner.mode === "nearest") return nearest(ratio, rule);
  const width = manner.antialias ? scale : 1;
  if (manner.mode === "linear") return smooth(ratio, width, 1, (x) => Math.max(0, 1 - Math.abs(x)));
  return smooth(ratio, width, 2, (x) => cubic(manner.a, x));
}
/** The matrix of an axis; rows of cells beyond the input are empty under tf_crop_and_resize. */
function matrixOf(axis: Axis, manner: Manner): { matrix: SparseMatrix; outside: boolean[] } {
  const outside = new Array<boolean>(axis.to).fill(false);
  const matrix = SparseMatrix.byRows([axis.to, axis.from], (row, put) => {
    const x = sourceOf(row, axis, manner.coordinates);
    if (manner.coordinates === "tf_crop_and_resize" && (x < 0 || x > axis.from - 1)) {
      outside[row] = true;
      return;
    }
    const left = Number.isInteger(x) ? x - 1 : Math.floor(x);
    const { first, weights } = neighbours(x - left, axis, manner);
    const sums = new Map<number, number>();
    let all = 0;
    weights.forEach((weight, i) => {
      const at = left + first + i;
      const isOutside = at < 0 || at >= axis.from;
      if (isOutside && manner.excludeOutside) return;
      const cell = Math.min(Math.max(at, 0), axis.from - 1);
      sums.set(cell, (sums.get(cell) ?? 0) + weight);
      all += weight;
    });
    const share = manner.excludeOutside ? 1 / all : 1;
    for (const cell of [...sums.keys()].sort((p, q) => p - q))
      if (sums.get(cell) !== 0) put(cell, share * sums.get(cell)!);
  });
  return { matrix, outside };
}
/** M·x along one axis. */
function along(call: Call, x: Value, axis: number, matrix: SparseMatrix): Value {
  return call.exchanged(
    call.emit("sparse_matmul", { x: call.exchanged(x, axis) }, { matrix }),
    axis,
  );
}

/** Which axes, to which sizes, by which factors. */
function axesOf(
  call: Call,
  x: Value,
  scales: readonly number[] | undefined,
  wanted: readonly number[] | undefined,
): Axis[] {
  const rank = x.shape.length;
  const named = call.axes(call.ints("axes") ?? x.shape.map((_, i) => i), rank);
  const given = scales ?? wanted ?? call.fail("neither scales nor sizes are given");
  if (given.length !== named.length)
    call.fail(`it has ${given.length} scales or sizes for ${named.length} axes`);
  if (scales && !scales.every((s) => s > 0)) call.fail(`its scales are ${scales}`);
  const roi =
    call.oneOf("coordinate_transformation_mode", coordinateModes) === "tf_crop_and_resize"
      ? call.numbers(1)
      : undefined;
  const policy = call.oneOf("keep_aspect_ratio_policy", ["stretch", "not_larger", "not_smaller"]);
  const ratios = wanted?.map((size, i) => size / x.shape[named[i]]);
  const kept = policy === "not_larger" ? Math.min : Math.max;
  const one = ratios && policy !== "stretch" ? kept(...ratios) : undefined;
  const extentOf = (from: number, at: number): number => {
    if (scales) return Math.floor(from * scales[at] + 1e-9);
    return one === undefined ? wanted![at] : Math.round(from * one);
  };
  return x.shape.map((from, axis) => {
    const at = named.indexOf(axis);
    if (at === -1) return { from, to: from, scale: 1, part: [0, 1] };
    const scale = scales ? scales[at] : (one ?? ratios![at]);
    const [to] = sizes(call, [extentOf(from, at)]);
    if (to > 2 ** 16 || (from === 0 && to > 0)) call.fail(`an axis of ${from} would become ${to}`);
    return { from, to, scale, part: roi ? [roi[at], roi[at + named.length]] : [0, 1] };
  });
}
const coordinateModes = [
  "half_pixel",
  "half_pixel_symmetric",
  "pytorch_half_pixel",
  "align_corners",
  "asymmetric",
  "tf_half_pixel_for_nn",
  "tf_crop_and_resize",
] as const;

function resized(call: Call, axes: readonly Axis[], manner: Manner): Val {
  let y = call.value(0);
  let outside: Value | undefined;
  axes.forEach((axis, i) => {
    if (axis.from === axis.to && axis.scale === 1 && manner.coordinates !== "tf_crop_and_resize")
      return;
    call.graph.spend(axis.to * Math.ceil(4 * Math.max(1, 1 / axis.scale)));
    const { matrix, outside: rows } = matrixOf(axis, manner);
    y = along(call, y, i, matrix);
    if (!rows.some(Boolean)) return;
    const line = call.graph.constant(
      rows.map((is) => (is ? 1 : 0)),
      axes.map((_, k) => (k === i ? rows.length : 1)),
    );
    outside = outside ? call.emit("maximum", { a: outside, b: line }) : line;
  });
  if (outside === undefined) return call.give(y);
  // rows outside are empty, so that the value is added to zero
  const { mul, add, sub } = call.math;
  const fill = call.float("extrapolation_value", 0);
  return call.give(add(mul(y, sub(1, outside)), mul(outside, fill)));
}
function resize(call: Call): Val {
  const x = call.value(0);
  const mode = call.oneOf("mode", ["nearest", "linear", "cubic"]);
  if (call.opset < 11)
    return resized(call, axesOf(call, x, call.numbers(1), undefined), { ...plainManner, mode });
  const listed = (index: number): number[] | undefined => {
    const numbers = call.numbersIf(index);
    return numbers && numbers.length > 0 ? numbers : undefined;
  };
  const axes = axesOf(call, x, listed(2), listed(3));
  return resized(call, axes, {
    mode,
    coordinates: call.oneOf("coordinate_transformation_mode", coordinateModes),
    nearest: call.oneOf("nearest_mode", [
      "round_prefer_floor",
      "round_prefer_ceil",
      "floor",
      "ceil",
    ]),
    a: call.float("cubic_coeff_a", -0.75),
    excludeOutside: call.flag("exclude_outside"),
    antialias: call.flag("antialias"),
  });
}
const plainManner: Manner = {
  mode: "nearest",
  coordinates: "asymmetric",
  a: -0.75,
  excludeOutside: false,
  antialias: false,
};
function upsample(call: Call): Val {
  const x = call.value(0);
  const mode = call.text("mode", "nearest") === "nearest" ? "nearest" : "linear";
  const old = (): number[] => [1, 1, call.float("height_scale"), call.float("width_scale")];
  const scales = call.opset >= 9 ? call.numbers(1) : (call.floats("scales") ?? old());
  return resized(call, axesOf(call, x, scales, undefined), { ...plainManner, mode });
}
export const resizingOps: Family = {
  Resize: {
    attributes:
      "mode coordinate_transformation_mode nearest_mode cubic_coeff_a exclude_outside antialias axes extrapolation_value keep_aspect_ratio_policy",
    run: resize,
  },
  Upsample: { attributes: "mode scales height_scale width_scale", run: upsample },
};
