// HDF5 files as images and as k-space: fastMRI's, MRD's (mrd.ts), MATLAB's of version 7.3, and any
// other by its datasets. HDF5 itself: hdf5.ts.
import { FormatError, UnsupportedOpError } from "../../engine/index.ts";
import { coilsOf, type MeasuredKspace } from "../kspace.ts";
import { chooseArray, columnMajor, rowMajor, type NamedArray } from "../arrays.ts";
import { volume, type Volume } from "../volume.ts";
import type { Format, ReadOptions } from "./format.ts";
import {
  datasetsIn,
  isHdf5,
  openHdf5,
  type Hdf5Dataset,
  type Hdf5File,
  type Hdf5Group,
} from "./hdf5.ts";
import { isComplex } from "./hdf5-types.ts";
import { inside, measuredLines, mrdAcquisition, sizeIn } from "./mrd.ts";

/** A dataset's plane of the last two axes, the others counted through as one. */
function planeOf(dataset: Hdf5Dataset, index: number): Float64Array {
  const further = dataset.shape.slice(0, -2);
  const offset = dataset.shape.map(() => 0);
  let rest = index;
  for (let axis = further.length - 1; axis >= 0; axis--) {
    offset[axis] = rest % further[axis];
    rest = Math.floor(rest / further[axis]);
  }
  return dataset.numbers({
    offset,
    count: dataset.shape.map((n, axis) => (axis < further.length ? 1 : n)),
  });
}

/** One plane at a time of a dataset, read when it is asked for. */
function planes(file: Hdf5File, { path }: Hdf5Dataset): (index: number) => Float64Array {
  let kept: { readonly index: number; readonly values: Float64Array } | undefined;
  return (index) => {
    if (kept?.index !== index)
      kept = { index, values: file.read((root) => planeOf(datasetAt(root, path), index)) };
    return kept.values;
  };
}
function datasetAt(root: Hdf5Group, path: string): Hdf5Dataset {
  const names = path.split("/").slice(1);
  const parent = names
    .slice(0, -1)
    .reduce<Hdf5Group>((group, name) => group.child(name) as Hdf5Group, root);
  return parent.child(names.at(-1)!) as Hdf5Dataset;
}

/** MATLAB counts the fastest axis first, all others the slowest. */
function named(file: Hdf5File, dataset: Hdf5Dataset, fortran: boolean): NamedArray {
  const { path, shape, type } = dataset;
  const sizes = fortran ? columnMajor(shape.toReversed()) : rowMajor(shape);
  const { height, width } = sizes;
  const complex = isComplex(type);
  const step = complex ? 2 : 1;
  return {
    name: path.slice(1).replaceAll("/", fortran ? "." : "/"),
    ...sizes,
    complex,
    open() {
      const plane = planes(file, dataset);
      const at = fortran
        ? (i: number, j: number): number => j * height + i
        : (i: number, j: number): number => i * width + j;
      return (k, channel, i, j) => plane(k)[step * at(i, j) + channel];
    },
  };
}

const isMatlab = (bytes: Uint8Array): boolean =>
  new TextDecoder("latin1").decode(bytes.subarray(0, 10)) === "MATLAB 7.3";
const isNumbers = ({ type, shape }: Hdf5Dataset): boolean =>
  (["integer", "float", "enumeration"].includes(type.kind) || isComplex(type)) &&
  shape.every((n) => n > 0);

/** MATLAB keeps what cells hold, text and empty arrays as datasets too. */
function isOfMatlab(dataset: Hdf5Dataset): boolean {
  if (dataset.path.startsWith("/#")) return false;
  const attributes = dataset.attributes();
  return attributes.get("MATLAB_class") !== "char" && !attributes.has("MATLAB_empty");
}

/** fastMRI's k-space: complex [slices,H,W], or [slices,coils,H,W]. */
function fastMri(root: Hdf5Group): Hdf5Dataset | undefined {
  const found = root.child("kspace");
  const { kind, shape, type } = (found ?? {}) as Partial<Hdf5Dataset>;
  const fits =
    kind === "dataset" && (shape?.length === 3 || shape?.length === 4) && isComplex(type!);
  return fits ? (found as Hdf5Dataset) : undefined;
}

/** The reconstruction that a fastMRI file brings: root of sum of squares, or of a single coil. */
function reconstructed(file: Hdf5File, root: Hdf5Group, name: string): Volume | undefined {
  for (const key of ["reconstruction_rss", "reconstruction_esc", "reconstruction"]) {
    const found = root.child(key);
    if (found?.kind !== "dataset" || found.shape.length !== 3) continue;
    const { open, ...sizes } = named(file, found, false);
    return volume(
      name,
      { format: "fastMRI", ...sizes, notes: [`its ${key} is taken as the image`] },
      open(),
    );
  }
  return undefined;
}

async function loadImages(
  bytes: Uint8Array,
  name: string,
  { variable }: ReadOptions,
): Promise<Volume> {
  const file = await openHdf5(bytes, name);
  return file.read((root) => {
    const matlab = isMatlab(bytes);
    if (variable === undefined && !matlab) {
      const image = reconstructed(file, root, name);
      if (image) return image;
      if (fastMri(root) || measuredLines(root))
        throw new FormatError(
          `${name}: it has measured k-space and no image; reconstruct it with --kspace`,
          { name },
        );
    }
    const datasets = datasetsIn(root).filter((d) => isNumbers(d) && (!matlab || isOfMatlab(d)));
    const arrays = datasets.map((dataset) => named(file, dataset, matlab));
    return chooseArray(arrays, { name, format: matlab ? "MATLAB 7.3" : "HDF5", variable });
  });
}

/** The k-space of a fastMRI file; the image is cut out as its header or its reconstruction says. */
function fastMriAcquisition(
  file: Hdf5File,
  root: Hdf5Group,
  name: string,
): MeasuredKspace | undefined {
  const found = fastMri(root);
  if (!found) return undefined;
  const coils = found.shape.length === 4 ? found.shape[1] : 1;
  const reference = reconstructed(file, root, name);
  const header = root.child("ismrmrd_header");
  const xml =
    header?.kind === "dataset" && header.type.kind === "text" ? (header.texts()[0] ?? "") : "";
  const { open, ...sizes } = named(file, found, false);
  const { height, width } = sizes;
  const said = sizeIn(inside(inside(xml, "reconSpace"), "matrixSize"));
  const [rows, columns] = reference
    ? [reference.height, reference.width]
    : (said ?? [height, width]);
  return coilsOf(name, volume(name, { format: "fastMRI", ...sizes }, open()), {
    format: "fastMRI",
    coils,
    image: [Math.min(rows, height), Math.min(columns, width)],
    ...(reference?.slices === found.shape[0] ? { reference } : {}),
  });
}

async function acquire(
  bytes: Uint8Array,
  name: string,
  { variable }: ReadOptions,
): Promise<MeasuredKspace | undefined> {
  if (variable !== undefined || isMatlab(bytes)) return undefined;
  const file = await openHdf5(bytes, name);
  return file.read((root) => {
    const lines = measuredLines(root);
    return lines ? mrdAcquisition(lines, name, bytes.length) : fastMriAcquisition(file, root, name);
  });
}

export const hdf5Images: Format = {
  name: "HDF5",
  begins: isHdf5,
  read(_, name) {
    throw new UnsupportedOpError(
      `${name}: HDF5 needs a library that is loaded first; read it with loadVolume`,
      { name },
    );
  },
  load: loadImages,
  acquire,
};
