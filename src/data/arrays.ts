// Files of several named arrays (MATLAB, NPZ, HDF5): which of them is the image, and how it is one.
import { FormatError } from "../engine/index.ts";
import { printable } from "./printable.ts";
import { volume, type Volume } from "./volume.ts";

/** An array of a file, as slices of rows and columns. */
export interface NamedArray {
  readonly name: string;
  readonly slices: number;
  readonly height: number;
  readonly width: number;
  readonly complex: boolean;
  /** Read when it is asked for. */
  open(): (slice: number, channel: number, row: number, column: number) => number;
}

/** Slowest axis first: the last two are rows and columns, all others slices. */
export function rowMajor(
  shape: readonly number[],
): Pick<NamedArray, "slices" | "height" | "width"> {
  const [height, width] = shape.length > 1 ? shape.slice(-2) : [1, shape[0] ?? 1];
  return { slices: shape.slice(0, -2).reduce((n, d) => n * d, 1), height, width };
}
/** Fastest axis first, as MATLAB and Fortran count: the first two are rows and columns. */
export function columnMajor(
  shape: readonly number[],
): Pick<NamedArray, "slices" | "height" | "width"> {
  return {
    slices: shape.slice(2).reduce((n, d) => n * d, 1),
    height: shape[0] ?? 1,
    width: shape[1] ?? 1,
  };
}

const isImage = ({ height, width }: NamedArray): boolean => height > 1 && width > 1;
const sizeOf = ({ slices, height, width }: NamedArray): number => slices * height * width;
const listed = (arrays: readonly NamedArray[]): string =>
  arrays
    .slice(0, 12)
    .map(
      (a) => `${printable(a.name)} (${a.slices > 1 ? `${a.slices}×` : ""}${a.height}×${a.width})`,
    )
    .join(", ");

interface Choice {
  readonly name: string;
  readonly format: string;
  /** What the user asked for; the largest picture where that is left out. */
  readonly variable?: string | undefined;
}
/** Throws FormatError with what is there when there is no picture, or none of that name. */
export function chooseArray(
  arrays: readonly NamedArray[],
  { name, format, variable }: Choice,
): Volume {
  const there = arrays.length > 0 ? `it has ${listed(arrays)}` : "it has no arrays of numbers";
  const images = arrays.filter(isImage);
  const named = variable === undefined ? undefined : arrays.find((a) => a.name === variable);
  if (variable !== undefined && !named)
    throw new FormatError(`${name}: it has no variable ${printable(variable)}; ${there}`, {
      name,
      variable,
    });
  const chosen =
    named ?? images.reduce<NamedArray | undefined>((best, a) => larger(a, best), undefined);
  if (!chosen)
    throw new FormatError(`${name}: none of its arrays is a picture; ${there}`, { name });
  const notes =
    images.length > 1 && !named
      ? [`${printable(chosen.name)} is taken (--variable); ${there}`]
      : [];
  const { slices, height, width, complex } = chosen;
  return volume(name, { format, slices, height, width, complex, notes }, chosen.open());
}
/** The first of the largest. */
const larger = (a: NamedArray, best: NamedArray | undefined): NamedArray =>
  best && sizeOf(best) >= sizeOf(a) ? best : a;
