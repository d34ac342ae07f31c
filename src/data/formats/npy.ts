// NPY arrays. Our own reader: the small libraries for it read no complex numbers.
import { FormatError, UnsupportedOpError } from "../../engine/index.ts";
import { printable } from "../printable.ts";
import { checkSize, volume, type Volume } from "../volume.ts";
import { beginsWith, type Format } from "./format.ts";

const readers: Readonly<
  Record<
    string,
    { bytes: number; read: (v: DataView, at: number, le: boolean) => number; complex?: boolean }
  >
> = {
  b1: { bytes: 1, read: (v, at) => v.getUint8(at) },
  u1: { bytes: 1, read: (v, at) => v.getUint8(at) },
  i1: { bytes: 1, read: (v, at) => v.getInt8(at) },
  u2: { bytes: 2, read: (v, at, le) => v.getUint16(at, le) },
  i2: { bytes: 2, read: (v, at, le) => v.getInt16(at, le) },
  u4: { bytes: 4, read: (v, at, le) => v.getUint32(at, le) },
  i4: { bytes: 4, read: (v, at, le) => v.getInt32(at, le) },
  u8: { bytes: 8, read: (v, at, le) => Number(v.getBigUint64(at, le)) },
  i8: { bytes: 8, read: (v, at, le) => Number(v.getBigInt64(at, le)) },
  f2: { bytes: 2, read: (v, at, le) => halfFloat(v.getUint16(at, le)) },
  f4: { bytes: 4, read: (v, at, le) => v.getFloat32(at, le) },
  f8: { bytes: 8, read: (v, at, le) => v.getFloat64(at, le) },
  c8: { bytes: 8, read: (v, at, le) => v.getFloat32(at, le), complex: true },
  c16: { bytes: 16, read: (v, at, le) => v.getFloat64(at, le), complex: true },
};

/** IEEE 754 half precision. */
export function halfFloat(bits: number): number {
  const [sign, exponent, fraction] = [bits & 0x8000 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0
    ? sign * fraction * 2 ** -24
    : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

export interface NpyArray {
  readonly shape: readonly number[];
  /** numpy's type code without its byte order: "u1", "f4", "c8", … */
  readonly type: string;
  readonly complex: boolean;
  /** The value at an index; channel 1 is the imaginary part. */
  at(index: readonly number[], channel?: 0 | 1): number;
}

/**
 * Any byte order, C or Fortran order, booleans, integers, floats or complex, any rank. Source:
 * numpy.lib.format, versions 1 to 3. Throws FormatError for a file that is damaged,
 * UnsupportedOpError for other types.
 */
export function readNpyArray(bytes: Uint8Array, name: string): NpyArray {
  const fail = (what: string): never => {
    throw new FormatError(`${name}: ${what}`, { name });
  };
  if (bytes.length < 12) fail("it is too short for an NPY file");
  if (bytes[0] !== 0x93 || bytes[1] !== 0x4e) fail("it is not an NPY file");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const wide = bytes[6] >= 2;
  const start = wide ? 12 : 10;
  const length = wide ? view.getUint32(8, true) : view.getUint16(8, true);
  if (start + length > bytes.length) fail("its header is cut short");
  const text = new TextDecoder().decode(bytes.subarray(start, start + length));
  const [, order, code] = /['"]descr['"]:\s*['"]([<>|=])(\w+)['"]/.exec(text) ?? [];
  const fortran = /['"]fortran_order['"]:\s*True/.test(text);
  const shapeText = /['"]shape['"]:\s*\(([^)]*)\)/.exec(text)?.[1];
  if (code === undefined || shapeText === undefined)
    return fail("its header does not say one type and a shape");
  const type = Object.hasOwn(readers, code) ? readers[code] : undefined;
  if (type === undefined)
    throw new UnsupportedOpError(
      `${name}: NPY type "${printable(code)}" is not read; save it as a float, integer or complex array`,
      { name, code },
    );
  // Python 2 wrote 3L for 3
  const sizes = shapeText.split(",").map((n) => n.trim().replace(/L$/, ""));
  const shape = sizes.filter((n) => n !== "").map(Number);
  if (shape.some((n) => !(Number.isInteger(n) && n >= 0)))
    fail(`its header says the shape (${printable(shapeText.trim())})`);
  const count = shape.reduce((n, d) => n * d, 1);
  checkSize(name, count, count * type.bytes, bytes.length - start - length);
  const little = order !== ">";
  const axes = shape.map((_, i) => i);
  const strides = new Array<number>(shape.length);
  (fortran ? axes : axes.reverse()).reduce((stride, axis) => {
    strides[axis] = stride;
    return stride * shape[axis];
  }, 1);
  return {
    shape,
    type: code,
    complex: type.complex ?? false,
    at(index, channel = 0) {
      let place = 0;
      for (let i = 0; i < index.length; i++) place += index[i] * strides[i];
      return type.read(
        view,
        start + length + place * type.bytes + (channel * type.bytes) / 2,
        little,
      );
    },
  };
}

/** [H,W] or [slices,H,W]. Throws as readNpyArray does, and FormatError for other ranks. */
function readNpy(bytes: Uint8Array, name: string): Volume {
  const array = readNpyArray(bytes, name);
  const { shape, complex } = array;
  if (shape.length !== 2 && shape.length !== 3)
    throw new FormatError(
      `${name}: its shape is (${shape.join(", ")}); images are (H, W) or (slices, H, W)`,
      { name, shape },
    );
  const [slices, height, width] = shape.length === 2 ? [1, ...shape] : shape;
  const flat = shape.length === 2;
  return volume(
    name,
    { format: npyImages.name, slices, height, width, complex },
    (k, channel, i, j) => array.at(flat ? [i, j] : [k, i, j], channel as 0 | 1),
  );
}
export const npyImages: Format = {
  name: "NPY",
  begins: (bytes) => beginsWith(bytes, [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]),
  read: readNpy,
};

/** A file of one type and shape, and where its values go. Source: numpy.lib.format, version 1. */
function emptyNpy(
  descr: string,
  shape: readonly number[],
  bytes: number,
): { file: Uint8Array; values: DataView } {
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const start = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${sizes}), }`;
  const header = `${start.padEnd(Math.ceil((start.length + 11) / 64) * 64 - 11)}\n`;
  const count = shape.reduce((n, d) => n * d, 1);
  const file = new Uint8Array(10 + header.length + count * bytes);
  file.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length & 255, header.length >> 8]);
  file.set(new TextEncoder().encode(header), 10);
  return { file, values: new DataView(file.buffer, 10 + header.length) };
}

/**
 * An NPY file of complex64 values of a shape: arrays one after the other, each given as all its
 * real parts and then all its imaginary ones.
 */
export function writeNpyComplex(
  arrays: readonly ArrayLike<number>[],
  shape: readonly number[],
): Uint8Array {
  const { file, values } = emptyNpy("<c8", shape, 8);
  arrays.forEach((array, n) => {
    const size = array.length / 2;
    for (let k = 0; k < 2 * size; k++)
      values.setFloat32(8 * (n * size + (k % size)) + (k < size ? 0 : 4), array[k], true);
  });
  return file;
}
/** An NPY file of booleans: whether each value is not 0. */
export function writeNpyFlags(flags: ArrayLike<number>, shape: readonly number[]): Uint8Array {
  const { file, values } = emptyNpy("|b1", shape, 1);
  for (let k = 0; k < flags.length; k++) values.setUint8(k, flags[k] ? 1 : 0);
  return file;
}
/** An NPY file of complex64 images [n,H,W], each given as two channels [2,H,W]. */
export const writeNpy = (
  images: readonly ArrayLike<number>[],
  [height, width]: readonly [number, number],
): Uint8Array => writeNpyComplex(images, [images.length, height, width]);
