// The visitor's scan: read, one slice taken, made a complex image of the size that is worked on.
// It is kept in this worker's memory, and nowhere else.
import { loadVolume } from "fiducial/data";
import { ConfigError, FormatError, type Backend } from "fiducial/engine";
import { imagesFrom, prepareImage, type ImageSet } from "fiducial/imaging";
import { MOST_BYTES } from "../pictures.ts";

interface Scan {
  readonly name: string;
  /** As the command line labels it. */
  readonly label: string;
  readonly format: string;
  readonly values: Float32Array;
  readonly from: readonly [number, number];
  readonly complex: boolean;
}
let own: Scan | undefined;
/** How it was prepared, by the size that it was made. */
const preparations = new Map<number, string>();

export interface OpenedScan {
  readonly name: string;
  readonly format: string;
  readonly rows: number;
  readonly columns: number;
  /** Which slice was taken, from 0, and of how many. */
  readonly slice: number;
  readonly slices: number;
}
/** Throws FormatError, in one line, for a file that is no scan. */
export async function openScan({
  bytes,
  name,
}: {
  bytes: Uint8Array;
  name: string;
}): Promise<OpenedScan> {
  if (bytes.length > MOST_BYTES)
    throw new FormatError(
      `${name} has ${Math.round(bytes.length / 1e6)} MB; open one of at most 64 MB`,
    );
  const volume = await loadVolume(bytes, name);
  const { slices, volumes, height, width, complex, format } = volume;
  // as the command line takes it: the middle one of the first volume
  const slice = Math.floor(slices / volumes / 2);
  const label = slices > 1 ? `file 1, slice ${slice}` : "file 1";
  own = { name, label, format, values: volume.slice(slice), from: [height, width], complex };
  preparations.clear();
  return { name, format, rows: height, columns: width, slice, slices };
}
function ownScan(): Scan {
  if (own) return own;
  throw new ConfigError(
    "There is no scan of yours in this tab: open it again. It is not kept anywhere.",
  );
}
/** Throws ConfigError where none is open, DtypeError for a slice that is one value everywhere. */
export async function scanAt(size: number, backend: Backend): Promise<ImageSet> {
  const { values, from, complex, name, format } = ownScan();
  const to = [size, size] as const;
  const { image, preparation } = await prepareImage(values, { from, to, complex, backend, name });
  preparations.set(size, `${format}, ${preparation}`);
  return imagesFrom([image], [size, size]);
}
/** What a result says of it; after scanAt. */
export const scanRecord = (size: number): { label: string; preparation: string } => ({
  label: ownScan().label,
  preparation: preparations.get(size) ?? "none",
});
