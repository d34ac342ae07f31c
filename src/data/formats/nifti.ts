// NIfTI-1 and NIfTI-2, plain or gzipped, by nifti-reader-js.
import { decompress, isCompressed, isNIFTI, readHeader } from "nifti-reader-js";
import { FormatError, UnsupportedOpError } from "../../engine/index.ts";
import { checkSize, volume, type Volume } from "../volume.ts";

type Read = (view: DataView, at: number, little: boolean) => number;
/** by NIfTI's datatype code */
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
};

/**
 * Slices along the third axis (a fourth one follows after it), turned so that anterior or superior
 * is at the top where the header says which way is up. Values are scaled by the header's slope and
 * intercept.
 */
export function readNifti(bytes: Uint8Array, name: string): Volume {
  let data = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
  const fail = (what: string): never => {
    throw new FormatError(`${name}: ${what}`, { name });
  };
  try {
    if (isCompressed(data)) data = decompress(data) as ArrayBuffer;
  } catch {
    fail("its gzip stream is damaged or cut short");
  }
  if (data.byteLength < 352 || !isNIFTI(data))
    fail("it is not NIfTI-1 or NIfTI-2 in one file (.nii, .nii.gz): the header's magic is missing");
  let header: ReturnType<typeof readHeader>;
  try {
    header = readHeader(data);
  } catch (error) {
    return fail(`its NIfTI header cannot be read (${(error as Error).message})`);
  }
  const rank = header.dims[0];
  const sizes = header.dims.slice(1, 1 + rank);
  if (!(rank >= 2 && rank <= 7) || sizes.some((n) => !(n >= 1)))
    fail(`its header says dimensions ${header.dims.join(", ")}`);
  if (!(header.vox_offset >= 0 && header.vox_offset <= data.byteLength))
    fail(`its header says that pixels start at byte ${header.vox_offset} of ${data.byteLength}`);
  const [nx, ny] = sizes;
  const slices = sizes.slice(2).reduce((n, d) => n * d, 1);
  const type = types[header.datatypeCode];
  if (type === undefined)
    throw new UnsupportedOpError(
      `${name}: NIfTI data type ${header.datatypeCode} is not read; convert it to an integer, float or complex64 type`,
      { name, datatype: header.datatypeCode },
    );
  checkSize(name, nx * ny * slices, nx * ny * slices * type.bytes, data.byteLength - header.vox_offset);
  const view = new DataView(data, header.vox_offset);
  const { littleEndian } = header;
  const slope = Number.isFinite(header.scl_slope) && header.scl_slope !== 0 ? header.scl_slope : 1;
  const intercept = Number.isFinite(header.scl_inter) && header.scl_slope !== 0 ? header.scl_inter : 0;
  // column 1 of the affine is where a step along the rows' axis goes: x right, y anterior, z
  // superior
  const step =
    header.sform_code > 0 || header.qform_code > 0 ? header.affine.slice(0, 3).map((row) => row[1]) : [0, 1, 0];
  const axis = step.reduce((best, v, i) => (Math.abs(v) > Math.abs(step[best]) ? i : best), 0);
  const upwards = axis !== 0 && step[axis] > 0;
  return volume(
    name,
    { format: "NIfTI", slices, height: ny, width: nx, complex: type.complex ?? false },
    (k, channel, i, j) => {
      const row = upwards ? ny - 1 - i : i;
      const value = type.read(view, ((k * ny + row) * nx + j) * type.bytes + 4 * channel, littleEndian);
      return type.complex ? value : value * slope + intercept;
    },
  );
}
