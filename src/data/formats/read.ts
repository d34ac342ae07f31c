// Any image file by what is inside it, whatever its name says. A new format adds its line to
// `formats`.
import { FormatError } from "../../engine/index.ts";
import { kspaceOf, type MeasuredKspace } from "../kspace.ts";
import type { Volume } from "../volume.ts";
import { bart } from "./bart.ts";
import { dicomDataSet, dicomPart10 } from "./dicom.ts";
import type { Format, ReadOptions } from "./format.ts";
import { hdf5Images } from "./hdf5-images.ts";
import { matlab } from "./matlab.ts";
import { metaImage } from "./meta-image.ts";
import { nifti } from "./nifti.ts";
import { npyImages } from "./npy.ts";
import { npzImages } from "./npz.ts";
import { pngImage } from "./png.ts";
import { rawArray } from "./raw-array.ts";

/** The first that begins as the file does: the vaguer a beginning, the later it is asked. */
const formats: readonly Format[] = [
  pngImage,
  dicomPart10,
  npyImages,
  npzImages,
  hdf5Images,
  matlab,
  rawArray,
  bart,
  metaImage,
  nifti,
  dicomDataSet,
];

/** The names of all formats that are read. */
export const formatNames: readonly string[] = [...new Set(formats.map((f) => f.name))];
/** The endings of files that have the pixels of a header beside them (.hdr). */
export const pixelEndings: readonly string[] = formats.flatMap((f) => f.pixels ?? []);

function formatOf(bytes: Uint8Array, name: string): Format {
  if (bytes.length === 0) throw new FormatError(`${name}: the file is empty`, { name });
  const format = formats.find((f) => f.begins(bytes));
  if (format) return format;
  const known = `${formatNames.slice(0, -1).join(", ")} and ${formatNames.at(-1)}`;
  throw new FormatError(
    `${name}: it is none of ${known} by its first bytes; convert it, whatever its name says`,
    { name },
  );
}

/**
 * Recognises the `formats` by their first bytes. `name` is for messages. Throws FormatError for a
 * file that is none of them, empty or damaged, and UnsupportedOpError for one that needs a library:
 * loadVolume reads those too.
 */
export const readVolume = (bytes: Uint8Array, name: string, options: ReadOptions = {}): Volume =>
  formatOf(bytes, name).read(bytes, name, options);

/**
 * As readVolume, files that need a library included (HDF5, compressed DICOM): it is loaded when it
 * is needed, and an UnsupportedOpError says what to install where it is missing.
 */
export async function loadVolume(
  bytes: Uint8Array,
  name: string,
  options: ReadOptions = {},
): Promise<Volume> {
  const format = formatOf(bytes, name);
  return format.load ? format.load(bytes, name, options) : format.read(bytes, name, options);
}

/**
 * Measured k-space: that of a format which knows coils and lines (fastMRI, MRD), else the complex
 * slices of any file, as `slices` of one coil or as `coils` of one slice. Throws as loadVolume
 * does, and FormatError for real values.
 */
export async function loadKspace(
  bytes: Uint8Array,
  name: string,
  { as = "slices", ...options }: ReadOptions & { readonly as?: "slices" | "coils" } = {},
): Promise<MeasuredKspace> {
  const measured = await formatOf(bytes, name).acquire?.(bytes, name, options);
  if (measured) return measured;
  const volume = await loadVolume(bytes, name, { ...options, stored: true });
  if (volume.complex) return kspaceOf(name, volume, as);
  throw new FormatError(
    `${name}: its values are real; k-space is complex (an NPY array of complex64)`,
    { name },
  );
}
