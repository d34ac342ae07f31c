// A scan's slice becomes an image that is audited: complex, of the operator's size, at most 1.
import {
  DtypeError,
  GraphBuilder,
  ops,
  ShapeError,
  type Backend,
  type HostData,
  type Value,
} from "../engine/index.ts";
import { magnitude, maximum } from "./metrics.ts";
import type { ImageSet } from "./phantoms/brain.ts";

type Size = readonly [number, number];

export interface Prepared {
  /** [2,H,W] */
  readonly image: Float32Array;
  /** What was done, for the report. */
  readonly preparation: string;
}

interface PrepareOptions {
  from: Size;
  to: Size;
  complex: boolean;
  backend: Backend;
  name: string;
}

/**
 * Pads the slice with zeros to a square, crops or zero-pads its centred k-space to the wanted size
 * (so that nothing aliases), takes the magnitude of real images, and divides by the maximum.
 * `slice` is [h,w], or [2,h,w] when complex. Throws DtypeError for a constant image, ShapeError
 * when it is not what `from` says.
 */
export async function prepareImage(
  slice: ArrayLike<number>,
  options: PrepareOptions,
): Promise<Prepared> {
  checkSlice(slice, options);
  const { from, to, complex, backend } = options;
  const pixels = from[0] * from[1];
  let low = slice[0];
  for (let i = 0; i < slice.length; i++) low = Math.min(low, slice[i]);
  const shift = !complex && low < 0 ? low : 0;
  const values = Float32Array.from({ length: 2 * pixels }, (_, i) => {
    if (i < pixels) return slice[i] - shift;
    return complex ? slice[i] : 0;
  });
  const square = squareOf(from, to);
  const y = await resample(values, { from, square, to, backend });
  const size = magnitude(y);
  const top = maximum(size);
  const image = Float32Array.from({ length: y.length }, (_, i) => {
    if (complex) return y[i] / top;
    return i < size.length ? size[i] / top : 0;
  });
  const notes = notesOf({ from, square, to, complex, shift });
  return { image, preparation: notes.join("; ") };
}

function checkSlice(
  slice: ArrayLike<number>,
  { from: [h, w], complex, name }: PrepareOptions,
): void {
  if (slice.length !== h * w * (complex ? 2 : 1))
    throw new ShapeError(
      `${name}: ${slice.length} values for ${complex ? "a complex" : "an"} image of ${h}×${w}`,
      { h, w },
    );
  if (isBlank(slice))
    throw new DtypeError(
      `${name}: the image is constant (${slice[0]} everywhere), so there is nothing to reconstruct; choose another slice or file`,
      { name, value: slice[0] },
    );
}

/** The smallest image around `from` of the proportions of `to`: a square where `to` is one. */
function squareOf([h, w]: Size, [H, W]: Size): Size {
  if (h * W === w * H) return [h, w];
  return [Math.max(h, Math.ceil((w * H) / W)), Math.max(w, Math.ceil((h * W) / H))];
}

const same = (a: Size, b: Size): boolean => a[0] === b[0] && a[1] === b[1];
const said = ([h, w]: Size): string => `${h}×${w}`;

/** What was done, in words. */
function notesOf(done: {
  from: Size;
  square: Size;
  to: Size;
  complex: boolean;
  shift: number;
}): string[] {
  const { from, square, to, complex, shift } = done;
  const notes = [
    complex ? "complex image" : "magnitude image, zero phase: its k-space is simulated",
  ];
  if (shift !== 0) notes.push(`${-shift} added so that nothing is negative`);
  if (!same(square, from)) notes.push(`padded with zeros from ${said(from)} to ${said(square)}`);
  if (!same(square, to)) {
    const how = square[0] > to[0] ? "cropping" : "zero-padding";
    notes.push(`resampled from ${said(square)} to ${said(to)} by ${how} its k-space`);
  }
  notes.push("divided by its maximum");
  return notes;
}

/** Crops or pads the last two axes about their centres, ⌊n/2⌋ to ⌊m/2⌋. */
function fit(b: GraphBuilder, x: Value, to: Size): Value {
  let y = x;
  for (const axis of [1, 2]) {
    const { shape } = y;
    const [n, m] = [shape[axis], to[axis - 1]];
    const first = Math.floor(m / 2) - Math.floor(n / 2);
    const at = (v: number): number[] => shape.map((_, i) => (i === axis ? v : 0));
    if (m >= n) y = b.emit("pad", { x: y }, { before: at(first), after: at(m - n - first) });
    else {
      const end = shape.map((d, i) => (i === axis ? m - first : d));
      y = b.emit("slice", { x: y }, { start: at(-first), end });
    }
  }
  return y;
}

/** The complex image [2,h,w] padded to the square, and its k-space made that of [2,H,W]. */
async function resample(
  values: Float32Array,
  sizes: { from: Size; square: Size; to: Size; backend: Backend },
): Promise<HostData> {
  const { from, square, to, backend } = sizes;
  const b = new GraphBuilder(ops);
  let y = fit(b, b.input("x", [2, ...from]), square);
  if (!same(square, to)) {
    const spectrum = b.emit("fft2", { x: y }, { inverse: false });
    y = b.emit("fft2", { x: fit(b, spectrum, to) }, { inverse: true });
  }
  b.output("y", y);
  const plan = await backend.compile(b);
  return (await plan.execute({ x: values })).y;
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
