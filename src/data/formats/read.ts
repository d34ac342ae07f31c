// Any image file by what is inside it, whatever its name says.
import { FormatError } from "../../engine/index.ts";
import type { Volume } from "../volume.ts";
import { isPart10, readDicom, startsAsDataSet } from "./dicom.ts";
import { isGzip } from "./compressed.ts";
import { readNifti, type NiftiOptions } from "./nifti.ts";
import { readNpy } from "./npy.ts";
import { readPng } from "./png.ts";

export type ReadOptions = NiftiOptions;

/**
 * Recognises PNG, NIfTI (.nii, .hdr, gzipped or not), DICOM and NPY by their first bytes. `name` is
 * for messages. Throws FormatError when it is none of them, empty or damaged.
 */
export function readVolume(bytes: Uint8Array, name: string, options: ReadOptions = {}): Volume {
  if (bytes.length === 0) throw new FormatError(`${name}: the file is empty`, { name });
  const starts = (signature: readonly number[]): boolean => signature.every((b, i) => bytes[i] === b);
  if (starts([0x89, 0x50, 0x4e, 0x47])) return readPng(bytes, name);
  if (isPart10(bytes)) return readDicom(bytes, name);
  if (starts([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59])) return readNpy(bytes, name);
  const size = bytes.length >= 4 ? new DataView(bytes.buffer, bytes.byteOffset).getInt32(0, true) : 0;
  if (isGzip(bytes) || [348, 540, 0x5c010000, 0x1c020000].includes(size)) return readNifti(bytes, name, options);
  if (startsAsDataSet(bytes)) return readDicom(bytes, name);
  throw new FormatError(
    `${name}: it is none of PNG, NIfTI, DICOM and NPY by its first bytes; convert it, whatever its name says`,
    { name },
  );
}
