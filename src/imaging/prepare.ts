// A scan's slice becomes an image that is audited: complex, of the operator's size, at most 1.
import {
  DtypeError,
  GraphBuilder,
  ops,
  ShapeError,
  type Backend,
  type Value,
} from "../engine/index.ts";
import { magnitude, maximum } from "./metrics.ts";
import type { ImageSet } from "./phantoms/brain.ts";

export interface Prepared {
  /** [2,H,W] */
  readonly image: Float32Array;
  /** What was done, for the report. */
  readonly preparation: string;
}

/**
 * Pads the slice with zeros to a square, crops or zero-pads its centred k-space to the wanted size
 * (so that nothing aliases), takes the magnitude of real images, and divides by the maximum.
 * `slice` is [h,w], or [2,h,w] when complex. Throws DtypeError for a constant image, ShapeError
 * when it is not what `from` says.
 */
export async function prepareImage(
  slice: ArrayLike<number>,
  options: {
    from: readonly [number, number];
    to: readonly [number, number];
    complex: boolean;
    backend: Backend;
    name: string;
  },
): Promise<Prepared> {
  const {
    from: [h, w],
    to: [H, W],
    complex,
    backend,
    name,
  } = options;
  if (slice.length !== h * w * (complex ? 2 : 1))
    throw new ShapeError(
      `${name}: ${slice.length} values for ${complex ? "a complex" : "an"} image of ${h}×${w}`,
      {
        h,
        w,
      },
    );
  if (isBlank(slice))
    throw new DtypeError(
      `${name}: the image is constant (${slice[0]} everywhere), so there is nothing to reconstruct; choose another slice or file`,
      { name, value: slice[0] },
    );
  let low = slice[0];
  for (let i = 0; i < slice.length; i++) low = Math.min(low, slice[i]);
  const notes: string[] = [
    complex ? "complex image" : "magnitude image, zero phase: its k-space is simulated",
  ];
  const shift = !complex && low < 0 ? low : 0;
  if (shift !== 0) notes.push(`${-shift} added so that nothing is negative`);
  const values = Float32Array.from({ length: 2 * h * w }, (_, i) =>
    i < h * w ? slice[i] - shift : complex ? slice[i] : 0,
  );
  // the square keeps the aspect ratio where the target is square
  const [sh, sw] =
    h * W === w * H
      ? [h, w]
      : [Math.max(h, Math.ceil((w * H) / W)), Math.max(w, Math.ceil((h * W) / H))];
  if (sh !== h || sw !== w) notes.push(`padded with zeros from ${h}×${w} to ${sh}×${sw}`);
  if (sh !== H || sw !== W)
    notes.push(
      `resampled from ${sh}×${sw} to ${H}×${W} by ${sh > H ? "cropping" : "zero-padding"} its k-space`,
    );
  const b = new GraphBuilder(ops);
  /** Crops or pads the last two axes about their centres, ⌊n/2⌋ to ⌊m/2⌋. */
  const fit = (x: Value, to: readonly [number, number]): Value => {
    let y = x;
    for (const [axis, m] of [
      [1, to[0]],
      [2, to[1]],
    ]) {
      const n = y.shape[axis];
      const first = Math.floor(m / 2) - Math.floor(n / 2);
      const at = (v: number): number[] => y.shape.map((_, i) => (i === axis ? v : 0));
      if (m >= n) y = b.emit("pad", { x: y }, { before: at(first), after: at(m - n - first) });
      else
        y = b.emit(
          "slice",
          { x: y },
          { start: at(-first), end: y.shape.map((d, i) => (i === axis ? m - first : d)) },
        );
    }
    return y;
  };
  const square = fit(b.input("x", [2, h, w]), [sh, sw]);
  b.output(
    "y",
    sh === H && sw === W
      ? square
      : b.emit(
          "fft2",
          { x: fit(b.emit("fft2", { x: square }, { inverse: false }), [H, W]) },
          { inverse: true },
        ),
  );
  const y = (await (await backend.compile(b)).execute({ x: values })).y;
  const size = magnitude(y);
  const top = maximum(size);
  notes.push(`divided by its maximum`);
  const image = Float32Array.from({ length: 2 * H * W }, (_, i) =>
    complex ? y[i] / top : i < H * W ? size[i] / top : 0,
  );
  return { image, preparation: notes.join("; ") };
}

/** Whether there is nothing to reconstruct: one value everywhere. */
export function isBlank(slice: ArrayLike<number>): boolean {
  for (let i = 1; i < slice.length; i++) if (slice[i] !== slice[0]) return false;
  return true;
}

/** Given images as a set. */
export function imagesFrom(
  images: readonly Float32Array[],
  shape: readonly [number, number],
): ImageSet {
  return {
    length: images.length,
    shape,
    description: { kind: "files", count: images.length },
    image: (i) => images[i],
  };
}
