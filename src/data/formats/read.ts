// Any image file by what is inside it, whatever its name says. A new format adds its line to
// `formats`.
import { FormatError } from "../../engine/index.ts";
import type { Volume } from "../volume.ts";
import { bart } from "./bart.ts";
import { dicomDataSet, dicomPart10 } from "./dicom.ts";
import type { Format, ReadOptions } from "./format.ts";
import { nifti } from "./nifti.ts";
import { npyImages } from "./npy.ts";
import { pngImage } from "./png.ts";

/** The first that begins as the file does: the vaguer a beginning, the later it is asked. */
const formats: readonly Format[] = [pngImage, dicomPart10, npyImages, bart, nifti, dicomDataSet];

/** The names of all formats that are read. */
export const formatNames: readonly string[] = [...new Set(formats.map((f) => f.name))];
/** The endings of files that have the pixels of a header beside them (.hdr). */
export const pixelEndings: readonly string[] = formats.flatMap((f) => f.pixels ?? []);

/**
 * Recognises the `formats` by their first bytes. `name` is for messages. Throws FormatError for a
 * file that is none of them, empty or damaged.
 */
export function readVolume(bytes: Uint8Array, name: string, options: ReadOptions = {}): Volume {
  if (bytes.length === 0) throw new FormatError(`${name}: the file is empty`, { name });
  const format = formats.find((f) => f.begins(bytes));
  if (format) return format.read(bytes, name, options);
  const known = `${formatNames.slice(0, -1).join(", ")} and ${formatNames.at(-1)}`;
  throw new FormatError(`${name}: it is none of ${known} by its first bytes; convert it, whatever its name says`, {
    name,
  });
}
