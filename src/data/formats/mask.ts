// Files of sampling masks: one number a cell, as the file has them. What they mean is not decided
// here.
import { DtypeError, FormatError } from "../../engine/index.ts";
import type { ReadOptions } from "./format.ts";
import { readNpyArray, type NpyArray } from "./npy.ts";
import { luminance, readPngPicture } from "./png.ts";
import { loadVolume, readVolume } from "./read.ts";
import type { Volume } from "../volume.ts";

export interface CellValues {
  readonly shape: readonly [number, number];
  /** Row-major. */
  readonly values: Float64Array;
}

/**
 * A picture or array with a number for each cell: NPY of any rank whose other axes have one entry,
 * a row (W) among them; complex values as magnitudes; PNG with its transparency applied; NIfTI
 * unturned. Throws FormatError for more than one picture, DtypeError for values that are not
 * finite.
 */
export function readCellValues(
  bytes: Uint8Array,
  name: string,
  options: ReadOptions = {},
): CellValues {
  return finite(
    cellsOf(bytes, name, (stored) => readVolume(bytes, name, { ...options, ...stored })),
    name,
  );
}

/** The same of files that need a library too, as loadVolume reads them. */
export async function loadCellValues(
  bytes: Uint8Array,
  name: string,
  options: ReadOptions = {},
): Promise<CellValues> {
  const own = bytes[0] === 0x93 || bytes[0] === 0x89;
  const volume = own ? undefined : await loadVolume(bytes, name, { ...options, stored: true });
  return finite(
    cellsOf(bytes, name, () => volume!),
    name,
  );
}

function finite(cells: CellValues, name: string): CellValues {
  const bad = cells.values.findIndex((v) => !Number.isFinite(v));
  if (bad >= 0)
    throw new DtypeError(`${name}: cell ${bad} is ${cells.values[bad]}; give finite numbers`, {
      index: bad,
    });
  return cells;
}

function cellsOf(
  bytes: Uint8Array,
  name: string,
  open: (options: ReadOptions) => Volume,
): CellValues {
  if (bytes[0] === 0x93) return arrayCells(readNpyArray(bytes, name), name);
  if (bytes[0] === 0x89) return pictureCells(bytes, name);
  const volume = open({ stored: true });
  const { slices, height, width, complex } = volume;
  if (slices !== 1)
    throw new FormatError(`${name}: it has ${slices} slices; a mask is one`, { name, slices });
  const read = volume.slice(0);
  const size = height * width;
  const values = Float64Array.from({ length: size }, (_, i) =>
    complex ? Math.hypot(read[i], read[size + i]) : read[i],
  );
  return { shape: [height, width], values };
}

function arrayCells(array: NpyArray, name: string): CellValues {
  const { shape, complex, at } = array;
  // axes of one entry fall away: (W) and (1, 1, W, 1) are rows, (H, 1) stays a column
  const axes = shape.flatMap((n, axis) => (n > 1 ? [axis] : []));
  if (shape.length === 0 || axes.length > 2)
    throw new FormatError(
      `${name}: its shape is (${shape.join(", ")}); a mask is (H, W), or (W) for every line`,
      { shape },
    );
  const column = shape.length === 2 && shape[1] === 1;
  const [row, across] = axes.length === 2 ? axes : column ? [0, 1] : [-1, axes[0] ?? 0];
  const [H, W] = [shape[row] ?? 1, shape[across] ?? 1];
  const index = shape.map(() => 0);
  const values = new Float64Array(H * W);
  for (let i = 0; i < H; i++)
    for (let j = 0; j < W; j++) {
      if (row >= 0) index[row] = i;
      index[across] = j;
      values[i * W + j] = complex ? Math.hypot(at(index), at(index, 1)) : at(index);
    }
  return { shape: [H, W], values };
}

function pictureCells(bytes: Uint8Array, name: string): CellValues {
  const { height, width, pixel, opacity } = readPngPicture(bytes, name);
  const values = Float64Array.from({ length: height * width }, (_, p) => {
    const [i, j] = [Math.floor(p / width), p % width];
    return luminance(pixel(i, j)) * (opacity?.(i, j) ?? 1);
  });
  return { shape: [height, width], values };
}
