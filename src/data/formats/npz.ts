// NPZ archives as images: the arrays in them by name. The archive: zip.ts; an array: npy.ts.
import { chooseArray, rowMajor, type NamedArray } from "../arrays.ts";
import { readNpz } from "../datasets/arrays.ts";
import type { Volume } from "../volume.ts";
import { beginsWith, type Format, type ReadOptions } from "./format.ts";
import type { NpyArray } from "./npy.ts";

function named(name: string, array: NpyArray): NamedArray {
  const { shape, complex, at } = array;
  const sizes = rowMajor(shape);
  const further = shape.slice(0, -2);
  const indexOf = (slice: number): number[] => {
    const index = new Array<number>(further.length);
    let rest = slice;
    for (let axis = further.length - 1; axis >= 0; axis--) {
      index[axis] = rest % further[axis];
      rest = Math.floor(rest / further[axis]);
    }
    return index;
  };
  const flat = shape.length < 2;
  return {
    name,
    ...sizes,
    complex,
    open: () => (k, channel, i, j) => at(flat ? [j] : [...indexOf(k), i, j], channel as 0 | 1),
  };
}

/** The largest array, or the one asked for: its last two axes are rows and columns. */
function readNpzImages(bytes: Uint8Array, name: string, { variable }: ReadOptions): Volume {
  const arrays = [...readNpz(bytes, name)].map(([key, array]) => named(key, array));
  return chooseArray(arrays, { name, format: npzImages.name, variable });
}
export const npzImages: Format = {
  name: "NPZ",
  begins: (bytes) => beginsWith(bytes, [0x50, 0x4b, 3, 4]),
  read: readNpzImages,
};
