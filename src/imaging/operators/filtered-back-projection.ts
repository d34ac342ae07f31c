// A first image from line integrals: every view filtered by the ramp, then smeared back.
import { PI, SparseMatrix, type GraphBuilder, type Value } from "../../engine/index.ts";

/**
 * The ramp filter of band-limited views, q[0] = 1/2, q[k] = −2/(πk)² for odd k: twice Kak &
 * Slaney's kernel at pitch 1. Source: Kak & Slaney 1988, eq. 61.
 */
export const ramp = (k: number): number => (k === 0 ? 0.5 : k % 2 === 0 ? 0 : -2 / (PI * k) ** 2);

/**
 * One view as a filtered one, [detectors, detectors]: the convolution with the ramp (which a
 * transform padded to twice the length computes exactly), each detector weighted first.
 */
function filter(detectors: number, weight: (detector: number) => number): Float64Array {
  return Float64Array.from({ length: detectors ** 2 }, (_, k) => {
    const from = Math.floor(k / detectors);
    return weight(from) * ramp(Math.abs(from - (k % detectors)));
  });
}

/** Where a pixel lies on a view: the detector, between two, and the weight of what it shows. */
export interface Seen {
  readonly at: number;
  readonly weight: number;
}

/** [pixels, views·detectors]: linear between detectors, nothing beyond the outermost ones. */
function smear(
  [H, W]: readonly [number, number],
  [views, detectors]: readonly [number, number],
  seen: (view: number, X: number, Y: number) => Seen,
): SparseMatrix {
  return SparseMatrix.byRows([H * W, views * detectors], (pixel, put) => {
    const X = (pixel % W) - (W - 1) / 2;
    const Y = (H - 1) / 2 - Math.floor(pixel / W);
    for (let view = 0; view < views; view++) {
      const { at, weight } = seen(view, X, Y);
      if (!(at >= 0 && at <= detectors - 1)) continue;
      const k = Math.min(Math.floor(at), detectors - 2);
      const second = at - k;
      put(view * detectors + k, (1 - second) * weight);
      if (second > 0) put(view * detectors + k + 1, second * weight);
    }
  });
}

/**
 * The image [N,2,H,W] of a sinogram [N,2,views,detectors], with the image's own scale: what `seen`
 * says of every pixel in every view, of views whose detectors are weighted by `weight` and filtered
 * by the ramp. At least two detectors.
 */
export function filteredBackProjectionOf(options: {
  readonly shape: readonly [number, number];
  readonly counts: readonly [views: number, detectors: number];
  readonly weight: (detector: number) => number;
  readonly seen: (view: number, X: number, Y: number) => Seen;
}): (b: GraphBuilder, y: Value) => Value {
  const { shape, counts, weight, seen } = options;
  const [views, detectors] = counts;
  let made: { filters: Float64Array; matrix: SparseMatrix } | undefined;
  return (b, y) => {
    made ??= { filters: filter(detectors, weight), matrix: smear(shape, counts, seen) };
    const N = y.shape[0];
    const rows = b.emit("reshape", { x: y }, { shape: [N * 2 * views, detectors] });
    const filters = b.constant(made.filters, [detectors, detectors]);
    const filtered = b.emit(
      "matmul",
      { a: rows, b: filters },
      { transposeA: false, transposeB: false },
    );
    const flat = b.emit("reshape", { x: filtered }, { shape: [N, 2, views * detectors] });
    const image = b.emit("sparse_matmul", { x: flat }, { matrix: made.matrix });
    return b.emit("reshape", { x: image }, { shape: [N, 2, ...shape] });
  };
}
