// MATLAB's MAT-files of version 5, as save -v6 and -v7 write them and scipy.io.savemat. Our own
// reader: those on npm are GPL or dead. Version 7.3 is HDF5: hdf5-images.ts. One array's elements:
// matlab-array.ts.
import { FormatError } from "../../engine/index.ts";
import { chooseArray, columnMajor, type NamedArray } from "../arrays.ts";
import type { Volume } from "../volume.ts";
import { checkRatio, unzlib, unzlibStart } from "./compressed.ts";
import type { Format, ReadOptions } from "./format.ts";
import { arraysIn, elementsOf, MATRIX, type Element, type Place } from "./matlab-array.ts";

const HEADER = 128;
const COMPRESSED = 15;

/** "IM" for little-endian files, "MI" for others, behind the version. */
function littleEndian(bytes: Uint8Array): boolean | undefined {
  const [low, high, first, second] = bytes.subarray(HEADER - 4, HEADER);
  const order = String.fromCharCode(first, second);
  if (order === "IM" && low === 0 && high === 1) return true;
  return order === "MI" && low === 1 && high === 0 ? false : undefined;
}

/** An array that is packed by itself, unpacked no further than its own header asks for. */
function unpacked({ bytes }: Element, place: Place): Element {
  const { name, little } = place;
  const start = unzlibStart(bytes, 8, name);
  if (start.length < 8) throw new FormatError(`${name}: an array in it is cut short`, { name });
  const view = new DataView(start.buffer, start.byteOffset, 8);
  const size = 8 + view.getUint32(4, little);
  checkRatio(name, size, bytes.length);
  const [element] = elementsOf(unzlib(bytes, { name, limit: size }), place);
  if (!element) throw new FormatError(`${name}: an array in it is cut short`, { name });
  return element;
}

/**
 * Every array of numbers in a MAT-file, those inside structures and cells too, as "data.train" and
 * "cells{2}". Throws FormatError for a file that is damaged. Source: MAT-File Format, MathWorks,
 * version 5.
 */
export function matlabArrays(bytes: Uint8Array, name: string): ReturnType<typeof arraysIn> {
  const little = littleEndian(bytes);
  if (little === undefined)
    throw new FormatError(`${name}: it is no MAT-file of version 5`, { name });
  const place = { name, little };
  return elementsOf(bytes.subarray(HEADER), place).flatMap((element) => {
    const whole = element.type === COMPRESSED ? unpacked(element, place) : element;
    return whole.type === MATRIX ? arraysIn(whole.bytes, place) : [];
  });
}

function readMatlab(bytes: Uint8Array, name: string, { variable }: ReadOptions): Volume {
  const arrays = matlabArrays(bytes, name).map(({ name: key, shape, complex, at }): NamedArray => {
    const sizes = columnMajor(shape);
    const { height, width } = sizes;
    const open: NamedArray["open"] = () => (k, channel, i, j) =>
      at((k * width + j) * height + i, channel as 0 | 1);
    return { name: key, ...sizes, complex, open };
  });
  return chooseArray(arrays, { name, format: matlab.name, variable });
}

export const matlab: Format = {
  name: "MATLAB",
  begins: (bytes) => bytes.length >= HEADER && littleEndian(bytes) !== undefined,
  read: readMatlab,
};
