// NIfTI-1 files of real slices: what is shown at the top stays there. The reader: nifti.ts.
import { gzipSync } from "fflate";

/** The header and the four bytes that say that no extension follows. */
const START = 352;

/**
 * float32 slices, [H,W] each, from the feet up; rows run to the back and columns to the patient's
 * left, as every reader here shows them. Sizes in mm are not known and 1. `packed` gives .nii.gz.
 * Source: nifti1.h.
 */
export function writeNifti(
  slices: readonly ArrayLike<number>[],
  [height, width]: readonly [number, number],
  { packed = false }: { readonly packed?: boolean } = {},
): Uint8Array {
  const size = height * width;
  const file = new Uint8Array(START + 4 * slices.length * size);
  const view = new DataView(file.buffer);
  view.setInt32(0, 348, true);
  [3, width, height, slices.length, 1, 1, 1, 1].forEach((n, i) => {
    view.setInt16(40 + 2 * i, n, true);
  });
  view.setInt16(70, 16, true); // float32
  view.setInt16(72, 32, true);
  for (let i = 0; i < 4; i++) view.setFloat32(76 + 4 * i, 1, true);
  view.setFloat32(108, START, true);
  view.setFloat32(112, 1, true);
  view.setUint8(123, 2); // millimetres
  file.set(new TextEncoder().encode("fiducial reconstruct"), 148);
  view.setInt16(254, 2, true); // aligned as said by the rows below
  const rows = [
    [-1, 0, 0],
    [0, -1, 0],
    [0, 0, 1],
  ];
  rows
    .flatMap((row) => [...row, 0])
    .forEach((v, i) => {
      view.setFloat32(280 + 4 * i, v, true);
    });
  file.set(new TextEncoder().encode("n+1"), 344);
  slices.forEach((slice, k) => {
    for (let p = 0; p < size; p++) view.setFloat32(START + 4 * (k * size + p), slice[p], true);
  });
  return packed ? gzipSync(file, { mtime: 0 }) : file;
}
