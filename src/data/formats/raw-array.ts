// Arrays of the .ra format, as BART and Python's rawarray write them: a head of 64-bit words, then
// the values. Our own reader: 60 lines.
import { FormatError, UnsupportedOpError } from "../../engine/index.ts";
import { columnMajor } from "../arrays.ts";
import { checkSize, volume, type Volume } from "../volume.ts";
import { beginsWith, type Format } from "./format.ts";
import { halfFloat } from "./npy.ts";

const MAGIC = Array.from("rawarray", (letter) => letter.charCodeAt(0));
/** Magic, flags, kind, bytes of a value, bytes of all, number of dimensions. */
const WORDS = 6;
const kinds = ["structures", "i", "u", "f", "c"];

type Read = (view: DataView, at: number, little: boolean) => number;
const readers: Readonly<Record<string, Read>> = {
  i1: (v, at) => v.getInt8(at),
  i2: (v, at, le) => v.getInt16(at, le),
  i4: (v, at, le) => v.getInt32(at, le),
  i8: (v, at, le) => Number(v.getBigInt64(at, le)),
  u1: (v, at) => v.getUint8(at),
  u2: (v, at, le) => v.getUint16(at, le),
  u4: (v, at, le) => v.getUint32(at, le),
  u8: (v, at, le) => Number(v.getBigUint64(at, le)),
  f2: (v, at, le) => halfFloat(v.getUint16(at, le)),
  f4: (v, at, le) => v.getFloat32(at, le),
  f8: (v, at, le) => v.getFloat64(at, le),
};

/**
 * Dimension 1, the fastest, runs down the rows, dimension 2 along the columns, all further ones are
 * slices. Throws FormatError for what is damaged, UnsupportedOpError for structures. Source:
 * the .ra specification, davidssmith/ra.
 */
function readRawArray(bytes: Uint8Array, name: string): Volume {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const word = (i: number): number => {
    if (8 * (i + 1) > bytes.length)
      throw new FormatError(`${name}: its head is cut short`, { name });
    return Number(view.getBigUint64(8 * i, true));
  };
  const [flags, kind, valueBytes, , dimensions] = [1, 2, 3, 4, 5].map(word);
  if (dimensions < 1 || dimensions > 64)
    throw new FormatError(`${name}: its head says ${dimensions} dimensions; it is damaged`, {
      name,
    });
  const shape = Array.from({ length: dimensions }, (_, i) => word(WORDS + i));
  const complex = kinds[kind] === "c";
  const read = readers[complex ? `f${valueBytes / 2}` : `${kinds[kind]}${valueBytes}`];
  if (!read)
    throw new UnsupportedOpError(
      `${name}: values of kind ${kind} and ${valueBytes} bytes are not read`,
      { kind },
    );
  const sizes = columnMajor(shape);
  const { slices, height, width } = sizes;
  const start = 8 * (WORDS + dimensions);
  const voxels = slices * height * width;
  checkSize(name, voxels, voxels * valueBytes, bytes.length - start);
  const little = flags % 2 === 0;
  const notes =
    slices > 1 ? ["dimensions 1 and 2 are taken as rows and columns, further ones as slices"] : [];
  return volume(name, { format: rawArray.name, ...sizes, complex, notes }, (k, channel, i, j) => {
    const at = start + ((k * width + j) * height + i) * valueBytes;
    return read(view, at + (channel * valueBytes) / 2, little);
  });
}

export const rawArray: Format = {
  name: "RA",
  begins: (bytes) => beginsWith(bytes, MAGIC),
  read: readRawArray,
};
