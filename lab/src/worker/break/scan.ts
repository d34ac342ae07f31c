// The visitor's scan: read, one slice taken, made a complex image of the size that is worked on.
// It is kept in this worker's memory, and nowhere else.
import { readVolume } from "fiducial/data";
import { ConfigError, FormatError, type Backend } from "fiducial/engine";
import { imagesFrom, prepareImage, type ImageSet } from "fiducial/imaging";
import { MOST_BYTES } from "../pictures.ts";

interface Scan {
  readonly name: string;
  readonly values: Float32Array;
  readonly from: readonly [number, number];
  readonly complex: boolean;
}
let own: Scan | undefined;

export interface OpenedScan {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  /** Which slice was taken, from 0, and of how many. */
  readonly slice: number;
  readonly slices: number;
}
/** Throws FormatError, in one line, for a file that is no scan. */
export function openScan({ bytes, name }: { bytes: Uint8Array; name: string }): OpenedScan {
  if (bytes.length > MOST_BYTES)
    throw new FormatError(`${name} has ${Math.round(bytes.length / 1e6)} MB; open one of at most 64 MB`);
  const volume = readVolume(bytes, name);
  const { slices, volumes, height, width, complex } = volume;
  // as the command line takes it: the middle one of the first volume
  const slice = Math.floor(slices / volumes / 2);
  own = { name, values: volume.slice(slice), from: [height, width], complex };
  return { name, rows: height, columns: width, slice, slices };
}
/** Throws ConfigError where none is open, DtypeError for a slice that is one value everywhere. */
export async function scanAt(size: number, backend: Backend): Promise<ImageSet> {
  if (!own) throw new ConfigError("There is no scan of yours in this tab: open it again. It is not kept anywhere.");
  const { values, ...options } = own;
  const { image } = await prepareImage(values, { ...options, to: [size, size], backend });
  return imagesFrom([image], [size, size]);
}
