// Images read between their cells, at places that are known before the network runs: a sparse
// matrix for every image. Source: onnx/reference/ops/op_grid_sample.py.
import { formatShape, SparseMatrix } from "../../../engine/index.ts";
import type { Call, Family, Val } from "../call.ts";
import { product } from "./matrices.ts";
import { sizes } from "./shapes.ts";

type Padding = "zeros" | "border" | "reflection";
interface Manner {
  readonly mode: "linear" | "nearest" | "cubic";
  readonly padding: Padding;
  readonly alignCorners: boolean;
}

function reflected(x: number, low: number, high: number): number {
  const range = high - low;
  if (x >= low && x <= high) return x;
  const beyond = x < low ? low - x : x - high;
  const turns = Math.floor(beyond / range);
  const rest = beyond - turns * range;
  const fromLow = x < low === (turns % 2 === 0);
  return fromLow ? low + rest : high - rest;
}
/** An axis' cells and their weights at a place from −1 to 1. */
function along(place: number, n: number, { mode, padding, alignCorners }: Manner): [cell: number, weight: number][] {
  const [low, high] = alignCorners ? [0, n - 1] : [-0.5, n - 0.5];
  const exact = alignCorners ? ((place + 1) / 2) * (n - 1) : ((place + 1) * n - 1) / 2;
  let x = mode === "nearest" ? halfToEven(exact) : exact;
  if (x < low || x > high) {
    if (padding === "border") x = Math.min(Math.max(x, 0), n - 1);
    if (padding === "reflection") x = reflected(x, low, high);
  }
  if (!Number.isFinite(x)) return [];
  const cell = (i: number): number => {
    if (padding === "border") return Math.min(Math.max(i, 0), n - 1);
    if (padding === "reflection") return Math.trunc(reflected(i, low, high));
    return i >= 0 && i < n ? i : -1;
  };
  if (mode === "nearest") return [[cell(Math.trunc(x)), 1]];
  const left = Math.floor(x);
  const t = x - left;
  if (mode === "linear")
    return [
      [cell(left), 1 - t],
      [cell(left + 1), t],
    ];
  return [-1, 0, 1, 2].map((i) => [cell(left + i), cubic(Math.abs(t - i))]);
}
function halfToEven(x: number): number {
  const up = Math.floor(x + 0.5);
  return up - x === 0.5 && up % 2 !== 0 ? up - 1 : up;
}
function cubic(d: number): number {
  const a = -0.75;
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? (((d - 5) * d + 8) * d - 4) * a : 0;
}
/** From H·W cells to as many as there are places (x, y). */
function matrixOf(places: readonly number[], [H, W]: readonly number[], manner: Manner): SparseMatrix {
  return SparseMatrix.byRows([places.length / 2, H * W], (row, put) => {
    const sums = new Map<number, number>();
    for (const [h, p] of along(places[2 * row + 1], H, manner))
      for (const [w, q] of along(places[2 * row], W, manner))
        if (h >= 0 && w >= 0) sums.set(h * W + w, (sums.get(h * W + w) ?? 0) + p * q);
    for (const cell of [...sums.keys()].sort((a, b) => a - b)) put(cell, sums.get(cell)!);
  });
}
function gridSample(call: Call): Val {
  const x = call.value(0);
  const { shape } = call.value(1);
  if (x.shape.length !== 4 || shape.length !== 4 || shape[0] !== x.shape[0] || shape[3] !== 2)
    call.fail(`its input is ${formatShape(x.shape)} and its places ${formatShape(shape)}; images [N×C×H×W] are read`);
  const [n, c, H, W] = x.shape;
  const mode = call.oneOf("mode", ["linear", "bilinear", "nearest", "cubic", "bicubic"]);
  const manner: Manner = {
    mode: mode === "bilinear" ? "linear" : mode === "bicubic" ? "cubic" : mode,
    padding: call.oneOf("padding_mode", ["zeros", "border", "reflection"]),
    alignCorners: call.flag("align_corners"),
  };
  const places = call.numbers(1);
  call.graph.spend(places.length);
  const cells = shape[1] * shape[2];
  const images = Array.from({ length: n }, (_, i) => {
    const own = places.slice(2 * cells * i, 2 * cells * (i + 1));
    const image = call.reshape(call.math.slice(x, 0, i, i + 1), [1, c, H * W]);
    return call.emit("sparse_matmul", { x: image }, { matrix: matrixOf(own, [H, W], manner) });
  });
  return call.give(call.reshape(call.concat(images, 0), [n, c, shape[1], shape[2]]));
}
/** Places of a grid's cells under an affine map [N, 2, 3]. */
function affineGrid(call: Call): Val {
  const theta = call.value(0);
  const size = sizes(call, call.numbers(1));
  if (size.length !== 4 || theta.shape.join() !== [size[0], 2, 3].join())
    call.fail(`its map is ${formatShape(theta.shape)}, for images ${formatShape(size)}; maps [N×2×3] are read`);
  const [n, , H, W] = size;
  call.graph.spend(3 * H * W);
  const place = (i: number, length: number): number =>
    call.flag("align_corners") ? (2 * i) / (length - 1) - 1 : (2 * i + 1) / length - 1;
  const grid = Array.from({ length: H * W }, (_, i) => [place(i % W, W), place(Math.floor(i / W), H), 1]).flat();
  const y = product(call, call.graph.constant(grid, [H * W, 3]), call.transpose(theta, [0, 2, 1]));
  return call.give(call.reshape(y, [n, H, W, 2]));
}
export const samplingOps: Family = {
  GridSample: { attributes: "mode padding_mode align_corners", run: gridSample },
  AffineGrid: { attributes: "align_corners", run: affineGrid },
};
