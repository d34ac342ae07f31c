// Any image file by what is inside it, whatever its name says.
import { FormatError } from "../../engine/index.ts";
import type { Volume } from "../volume.ts";
import { readDicom } from "./dicom.ts";
import { readNifti } from "./nifti.ts";
import { readNpy } from "./npy.ts";
import { readPng } from "./png.ts";

/**
 * Recognises PNG, NIfTI (.nii, .nii.gz), DICOM and NPY by their first bytes. `name` is for
 * messages. Throws FormatError when it is none of them, empty or damaged.
 */
export function readVolume(bytes: Uint8Array, name: string): Volume {
  if (bytes.length === 0) throw new FormatError(`${name}: the file is empty`, { name });
  const starts = (offset: number, signature: readonly number[]): boolean =>
    signature.every((b, i) => bytes[offset + i] === b);
  if (starts(0, [0x89, 0x50, 0x4e, 0x47])) return readPng(bytes, name);
  if (starts(0, [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59])) return readNpy(bytes, name);
  if (starts(128, [0x44, 0x49, 0x43, 0x4d])) return readDicom(bytes, name);
  const size = bytes.length >= 4 ? new DataView(bytes.buffer, bytes.byteOffset).getInt32(0, true) : 0;
  if (starts(0, [0x1f, 0x8b]) || [348, 540, 0x5c010000, 0x1c020000].includes(size)) return readNifti(bytes, name);
  throw new FormatError(
    `${name}: it is none of PNG, NIfTI, DICOM and NPY by its first bytes; convert it, whatever its name says`,
    { name },
  );
}
