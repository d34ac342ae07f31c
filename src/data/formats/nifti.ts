// NIfTI-1 and NIfTI-2, one file or a pair, plain or gzipped. The header: nifti-header.ts.
import { DtypeError, FormatError, UnsupportedOpError } from "../../engine/index.ts";
import { checkSize, volume, type Volume } from "../volume.ts";
import { checkRatio, gunzip, gunzipStart, isGzip } from "./compressed.ts";
import type { Format, ReadOptions } from "./format.ts";
import { HEADER_BYTES, readNiftiHeader, type NiftiHeader } from "./nifti-header.ts";

type Read = (view: DataView, at: number, little: boolean) => number;
/** by NIfTI's datatype code; a complex type reads its real part and has its imaginary one behind */
const types: Readonly<Record<number, { bytes: number; read: Read; complex?: boolean }>> = {
  2: { bytes: 1, read: (v, at) => v.getUint8(at) },
  4: { bytes: 2, read: (v, at, le) => v.getInt16(at, le) },
  8: { bytes: 4, read: (v, at, le) => v.getInt32(at, le) },
  16: { bytes: 4, read: (v, at, le) => v.getFloat32(at, le) },
  32: { bytes: 8, read: (v, at, le) => v.getFloat32(at, le), complex: true },
  64: { bytes: 8, read: (v, at, le) => v.getFloat64(at, le) },
  256: { bytes: 1, read: (v, at) => v.getInt8(at) },
  512: { bytes: 2, read: (v, at, le) => v.getUint16(at, le) },
  768: { bytes: 4, read: (v, at, le) => v.getUint32(at, le) },
  1024: { bytes: 8, read: (v, at, le) => Number(v.getBigInt64(at, le)) },
  1280: { bytes: 8, read: (v, at, le) => Number(v.getBigUint64(at, le)) },
  1792: { bytes: 16, read: (v, at, le) => v.getFloat64(at, le), complex: true },
};
/** Bytes behind the pixels that are let pass. */
const BEHIND = 65536;

/**
 * Slices from the feet up, as a scanner shows them: anterior at the top, the patient's right on the
 * left, whatever order and direction the axes are stored in (sform, else qform, else the order
 * left, anterior, superior). An axis of one voxel, or of voxels at least twice as long as the
 * others', is the one that slices are taken along. Further axes are the volumes of a series. Values
 * are scaled by the header's slope and intercept, both parts of complex ones. Throws FormatError
 * for what is damaged, UnsupportedOpError for colour and other types.
 */
function readNifti(bytes: Uint8Array, name: string, options: ReadOptions): Volume {
  const head = readNiftiHeader(
    isGzip(bytes) ? gunzipStart(bytes, HEADER_BYTES, name) : bytes,
    name,
  );
  const type = types[head.datatype];
  if (type === undefined)
    throw new UnsupportedOpError(
      `${name}: NIfTI data type ${head.datatype} is not read; convert it to an integer, float or complex type`,
      { name, datatype: head.datatype },
    );
  const sizes = [0, 1, 2].map((axis) => head.sizes[axis] ?? 1);
  const volumes = head.sizes.slice(3).reduce((n, d) => n * d, 1);
  const voxels = sizes[0] * sizes[1] * sizes[2] * volumes;
  const data = pixelBytes(bytes, head, voxels * type.bytes, { name, ...options });
  checkSize(name, voxels, voxels * type.bytes, data.length - head.offset);
  const view = new DataView(data.buffer, data.byteOffset + head.offset, voxels * type.bytes);

  const [column, row, slice] = placement(head, sizes, options.stored ?? false);
  const { little, slope, intercept } = head;
  const whole = head.datatype === 1024 || head.datatype === 1280;
  const facts = {
    format: nifti.name,
    slices: slice.length * volumes,
    volumes,
    height: row.length,
    width: column.length,
    complex: type.complex ?? false,
  };
  return volume(name, facts, (k, channel, i, j) => {
    const time = Math.floor(k / slice.length);
    const at =
      (time * voxels) / volumes + slice.at(k - time * slice.length) + row.at(i) + column.at(j);
    const value = type.read(view, at * type.bytes + (channel * type.bytes) / 2, little);
    if (whole && !Number.isSafeInteger(value))
      throw new DtypeError(
        `${name}: slice ${k} has a 64-bit integer past 2⁵³; convert it to float64`,
        { name, slice: k },
      );
    return value * slope + intercept;
  });
}

/** The sizes of both versions' headers, in both byte orders. */
const HEADER_SIZES: readonly number[] = [348, 540, 0x5c010000, 0x1c020000];
export const nifti: Format = {
  name: "NIfTI",
  begins: (bytes) =>
    isGzip(bytes) || (bytes.length >= 4 && HEADER_SIZES.includes(firstInteger(bytes))),
  read: readNifti,
  pixels: "img",
};
const firstInteger = (bytes: Uint8Array): number =>
  new DataView(bytes.buffer, bytes.byteOffset).getInt32(0, true);

/** The bytes that the header's offset counts in, unpacked no further than the header asks for. */
function pixelBytes(
  bytes: Uint8Array,
  head: NiftiHeader,
  size: number,
  { name, pixels }: ReadOptions & { name: string },
): Uint8Array {
  if (head.pair && !pixels)
    throw new FormatError(
      `${name}: it is the header of a pair (.hdr, .img), whose pixels are in the other file`,
      { name },
    );
  const file = head.pair ? pixels!("img") : bytes;
  if (!isGzip(file)) return file;
  checkSize(name, size, 0, 0);
  checkRatio(name, head.offset + size, file.length);
  return gunzip(file, { name, limit: head.offset + size + BEHIND });
}

/** How an axis of the picture is stored: its length, and where its n-th step is, in voxels. */
interface Axis {
  readonly length: number;
  at(n: number): number;
}

/** The stored axes that become the picture's columns, rows and slices. */
function placement(
  head: NiftiHeader,
  sizes: readonly number[],
  stored: boolean,
): [Axis, Axis, Axis] {
  const strides = [1, sizes[0], sizes[0] * sizes[1]];
  const axis = (stored: number, downwards: boolean): Axis => {
    const [length, stride] = [sizes[stored], strides[stored]];
    return { length, at: (n) => (downwards ? length - 1 - n : n) * stride };
  };
  if (stored) return [axis(0, false), axis(1, false), axis(2, false)];
  const { directions } = head;
  const order = nearestAxes(directions);
  const slices = sliceDirection(
    order.map((a) => ({ size: sizes[a], spacing: Math.hypot(...directions[a]) })),
  );
  const [across, up] = [0, 1, 2].filter((world) => world !== slices);
  const rises = (world: number): boolean => directions[order[world]][world] > 0;
  // columns run to the patient's left, or to the back; rows run down, or to the back
  return [
    axis(order[across], rises(across)),
    axis(order[up], rises(up)),
    axis(order[slices], !rises(slices)),
  ];
}
/** Which stored axis runs along x, y and z, one for each: those whose angles are smallest. */
function nearestAxes(directions: readonly (readonly number[])[]): number[] {
  const orders = [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
  ];
  const closeness = (order: readonly number[]): number =>
    order.reduce(
      (sum, axis, world) =>
        sum + Math.abs(directions[axis][world]) / Math.hypot(...directions[axis]),
      0,
    );
  return orders.reduce((best, order) => (closeness(order) > closeness(best) + 1e-9 ? order : best));
}

/** 0, 1 or 2 (x, y, z): the only axis of one voxel, else the one of thick slices, else z. */
function sliceDirection(axes: readonly { size: number; spacing: number }[]): number {
  const single = axes.flatMap(({ size }, world) => (size === 1 ? [world] : []));
  if (single.length > 0) return single.at(-1)!;
  const thick = axes.findIndex(({ spacing }, world) =>
    axes.every((other, k) => k === world || spacing >= 2 * other.spacing),
  );
  return thick >= 0 ? thick : 2;
}
