// What fiducial reconstruct writes, by the ending of --out.
import { join } from "node:path";
import { writeDicom, writeNifti, writeNpy, writePng } from "../data/index.ts";
import { magnitude, maximum } from "../imaging/index.ts";

interface File {
  readonly path: string;
  readonly content: Uint8Array;
}
/** The files, and the one in which each image is. */
export interface Results {
  readonly files: readonly File[];
  readonly places: readonly string[];
}
type Size = readonly [number, number];
type Write = (
  magnitudes: readonly Float64Array[],
  images: readonly Float64Array[],
  size: Size,
) => Uint8Array;

/** All images in one file. */
const together: Readonly<Record<string, Write>> = {
  ".nii": (magnitudes, _, size) => writeNifti(magnitudes, size),
  ".nii.gz": (magnitudes, _, size) => writeNifti(magnitudes, size, { packed: true }),
  ".npy": (_, images, size) => writeNpy(images, size),
  ".dcm": (magnitudes, _, size) => writeDicom(magnitudes, size),
};
const png = (m: Float64Array, size: Size): Uint8Array =>
  writePng(m, size, Math.max(maximum(m), 1e-30));
const endingOf = (out: string): string | undefined =>
  [...Object.keys(together), ".png"].find((ending) => out.toLowerCase().endsWith(ending));

/** The first file that will be written, to find out early whether it can be. */
export const firstFile = (out: string): string =>
  endingOf(out) ? out : join(out, "reconstruction.npy");

/** "brain.png" for one image, "brain-1.png", "brain-2.png" for several. */
const numbered = (out: string, i: number, of: number): string =>
  of === 1 ? out : `${out.slice(0, -4)}-${i + 1}${out.slice(-4)}`;

/**
 * Complex images [2,H,W] as files. NIfTI, DICOM and PNG hold magnitudes, NPY the complex values; a
 * folder gets a PNG of each and an NPY of all.
 */
export function resultFiles(out: string, images: readonly Float64Array[], size: Size): Results {
  const magnitudes = images.map((x) => magnitude(x));
  const ending = endingOf(out);
  if (ending !== undefined && ending !== ".png") {
    const content = together[ending](magnitudes, images, size);
    return { files: [{ path: out, content }], places: images.map(() => out) };
  }
  const whole = ending === ".png" ? out : join(out, "reconstruction.png");
  // a folder's files are numbered even where there is one
  const places = images.map((_, i) =>
    numbered(whole, i, ending === ".png" ? images.length : images.length + 1),
  );
  const files = magnitudes.map((m, i) => ({ path: places[i], content: png(m, size) }));
  if (ending === ".png") return { files, places };
  const array = { path: join(out, "reconstruction.npy"), content: writeNpy(images, size) };
  return { files: [...files, array], places };
}
