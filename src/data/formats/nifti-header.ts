// What the first bytes of NIfTI-1 and NIfTI-2 say. Source: nifti1.h and nifti2.h of the NIfTI
// committee. Pixels: nifti.ts.
import { FormatError } from "../../engine/index.ts";

export interface NiftiHeader {
  readonly little: boolean;
  /** A header of its own, whose pixels are in a second file. */
  readonly pair: boolean;
  /** 1 to 7 sizes, the fastest first. */
  readonly sizes: readonly number[];
  readonly datatype: number;
  /** Byte of the first voxel. */
  readonly offset: number;
  readonly slope: number;
  readonly intercept: number;
  /**
   * Where a step along each of the first three axes goes, in millimetres: [x, y, z], x to the
   * patient's right, y anterior, z superior.
   */
  readonly directions: readonly (readonly number[])[];
}
/** As many bytes as any header has. */
export const HEADER_BYTES = 544;

/** Where NIfTI-1 and NIfTI-2 keep the same things. */
interface Layout {
  readonly size: number;
  readonly magic: number;
  readonly integer: (view: DataView, at: number, little: boolean) => number;
  readonly real: (view: DataView, at: number, little: boolean) => number;
  readonly code: (view: DataView, at: number, little: boolean) => number;
  readonly step: { readonly integer: number; readonly real: number };
  readonly at: Readonly<
    Record<
      "dim" | "datatype" | "pixdim" | "offset" | "slope" | "forms" | "quatern" | "srow",
      number
    >
  >;
}
const layouts: readonly Layout[] = [
  {
    size: 348,
    magic: 344,
    integer: (v, at, le) => v.getInt16(at, le),
    real: (v, at, le) => v.getFloat32(at, le),
    code: (v, at, le) => v.getInt16(at, le),
    step: { integer: 2, real: 4 },
    at: {
      dim: 40,
      datatype: 70,
      pixdim: 76,
      offset: 108,
      slope: 112,
      forms: 252,
      quatern: 256,
      srow: 280,
    },
  },
  {
    size: 540,
    magic: 4,
    integer: (v, at, le) => Number(v.getBigInt64(at, le)),
    real: (v, at, le) => v.getFloat64(at, le),
    code: (v, at, le) => v.getInt32(at, le),
    step: { integer: 8, real: 8 },
    at: {
      dim: 16,
      datatype: 12,
      pixdim: 104,
      offset: 168,
      slope: 176,
      forms: 344,
      quatern: 352,
      srow: 400,
    },
  },
];

/** Throws FormatError for a header that is damaged or of another format. */
export function readNiftiHeader(bytes: Uint8Array, name: string): NiftiHeader {
  const fail = (what: string): never => {
    throw new FormatError(`${name}: ${what}`, { name });
  };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found = [true, false].flatMap((little) =>
    layouts
      .filter((layout) => bytes.length >= layout.size && view.getInt32(0, little) === layout.size)
      .map((layout) => ({ layout, little })),
  )[0];
  const notNifti =
    "it is not NIfTI-1 or NIfTI-2 (.nii, .nii.gz, .hdr with .img): the header's magic is missing";
  if (!found) return fail(notNifti);
  const { layout, little } = found;
  const magic = String.fromCharCode(...bytes.subarray(layout.magic, layout.magic + 3));
  if (!/^n[+i][12]$/.test(magic)) fail(`${notNifti}; convert Analyze 7.5 to NIfTI first`);
  const pair = magic[1] === "i";

  const { at, step } = layout;
  const integers = (first: number, count: number): number[] =>
    Array.from({ length: count }, (_, i) => layout.integer(view, first + i * step.integer, little));
  const reals = (first: number, count: number): number[] =>
    Array.from({ length: count }, (_, i) => layout.real(view, first + i * step.real, little));

  const [rank, ...dims] = integers(at.dim, 8);
  const sizes = dims.slice(0, Math.max(0, rank));
  if (!(rank >= 2 && rank <= 7) || sizes.some((n) => !(n >= 1)))
    fail(`its header says dimensions ${[rank, ...dims].join(", ")}`);
  const said = layout.size === 348 ? reals(at.offset, 1)[0] : integers(at.offset, 1)[0];
  const [slope, intercept] = reals(at.slope, 2);
  const scaled = Number.isFinite(slope) && slope !== 0;
  const pixdim = reals(at.pixdim, 4);
  const codes = [0, 1].map((i) =>
    layout.code(view, at.forms + i * (layout.size === 348 ? 2 : 4), little),
  );
  return {
    little,
    pair,
    sizes,
    datatype: view.getInt16(at.datatype, little),
    offset: firstVoxel(said, pair ? 0 : layout.size + 4, fail),
    slope: scaled ? slope : 1,
    intercept: scaled && Number.isFinite(intercept) ? intercept : 0,
    directions: directionsOf(codes, pixdim, reals(at.quatern, 3), reals(at.srow, 12)),
  };
}

/** Some writers leave 0 where the pixels follow the header. */
function firstVoxel(said: number, least: number, fail: (what: string) => never): number {
  if (said === 0) return least;
  if (!(Number.isInteger(said) && said >= least))
    fail(`its header says that pixels start at byte ${said}`);
  return said;
}

/** The sform where there is one, else the qform, else the order left, anterior, superior. */
function directionsOf(
  [qform, sform]: readonly number[],
  pixdim: readonly number[],
  quatern: readonly number[],
  srow: readonly number[],
): number[][] {
  const usable = (columns: readonly (readonly number[])[]): boolean =>
    columns.every((c) => c.every(Number.isFinite) && c.some((v) => v !== 0));
  const spacing = pixdim.slice(1).map((d) => (Number.isFinite(d) && d !== 0 ? Math.abs(d) : 1));
  const scaled = (columns: readonly (readonly number[])[]): number[][] =>
    columns.map((column, axis) => column.map((v) => v * spacing[axis]));

  const fromRows = [0, 1, 2].map((axis) => [0, 1, 2].map((world) => srow[4 * world + axis]));
  if (sform > 0 && usable(fromRows)) return fromRows;
  const [i, j, k] = rotation(quatern);
  const fromQuaternion = scaled([i, j, pixdim[0] < 0 ? k.map((v) => -v) : k]);
  if (qform > 0 && usable(fromQuaternion)) return fromQuaternion;
  return scaled([
    [-1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ]);
}

/** Columns of the rotation that a unit quaternion (a, b, c, d), a ≥ 0, is. */
function rotation([b, c, d]: readonly number[]): number[][] {
  // rounding may take b² + c² + d² past 1
  const a = Math.sqrt(Math.max(0, 1 - b * b - c * c - d * d));
  return [
    [a * a + b * b - c * c - d * d, 2 * (b * c + a * d), 2 * (b * d - a * c)],
    [2 * (b * c - a * d), a * a + c * c - b * b - d * d, 2 * (c * d + a * b)],
    [2 * (b * d + a * c), 2 * (c * d - a * b), a * a + d * d - b * b - c * c],
  ];
}
