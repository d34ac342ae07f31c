// What every format is read into: slices of numbers, the first row at the top.
import { DtypeError, FormatError } from "../engine/index.ts";

/** What stands for values that are not finite, and how often it did. */
export interface Fill {
  readonly value: number;
  /** Raised by one for each value that was not finite. */
  count: number;
}

export interface Volume {
  /** The name of its format. */
  readonly format: string;
  /** All of them; those of the first volume of a series come first. */
  readonly slices: number;
  /** Volumes of a series in time (or of echoes, directions, …): slices / volumes are in each. */
  readonly volumes: number;
  readonly height: number;
  readonly width: number;
  /** Two channels, real and imaginary, when true; one otherwise. */
  readonly complex: boolean;
  /** What the reader did that is not to be taken for granted. */
  readonly notes: readonly string[];
  /**
   * [H,W], or [2,H,W] when complex; row-major. Throws FormatError for a slice that is not there,
   * DtypeError for values that are not finite, unless `fill` says what to put there.
   */
  slice(index: number, fill?: Fill): Float32Array;
}

/** Largest number of voxels that is read: a header that claims more is wrong or hostile. */
export const MAX_VOXELS: number = 2 ** 31;

export type VolumeFacts = Omit<Volume, "slice" | "volumes" | "notes"> &
  Partial<Pick<Volume, "volumes" | "notes">>;

/** A volume whose values are looked up one by one. Checks what every format must. */
export function volume(
  name: string,
  facts: VolumeFacts,
  value: (slice: number, channel: number, row: number, column: number) => number,
): Volume {
  const { slices, height, width, complex } = facts;
  if (!(slices >= 1 && height >= 1 && width >= 1))
    throw new FormatError(
      `${name}: the image is ${slices}×${height}×${width}; every size must be at least 1`,
      { name, slices, height, width },
    );
  const channels = complex ? 2 : 1;
  return {
    volumes: 1,
    notes: [],
    ...facts,
    slice(index, fill) {
      if (!Number.isInteger(index) || index < 0 || index >= slices)
        throw new FormatError(
          `${name}: there is no slice ${index}; it has slices 0 to ${slices - 1}`,
          { name, index, slices },
        );
      const out = new Float32Array(channels * height * width);
      let at = 0;
      for (let c = 0; c < channels; c++)
        for (let i = 0; i < height; i++)
          for (let j = 0; j < width; j++) {
            let v = Math.fround(value(index, c, i, j));
            if (!Number.isFinite(v)) {
              if (!fill) notFinite(name, v, { slice: index, row: i, column: j });
              fill.count++;
              v = fill.value;
            }
            out[at++] = v;
          }
      return out;
    },
  };
}
function notFinite(
  name: string,
  v: number,
  place: { slice: number; row: number; column: number },
): never {
  const { slice, row, column } = place;
  throw new DtypeError(
    `${name}: slice ${slice} has the value ${v} at row ${row}, column ${column}; replace what is not finite (fiducial does with --fill 0)`,
    { name, index: slice, row, column },
  );
}

/**
 * Throws FormatError unless `voxels` are few enough and `bytes` of them are there.
 */
export function checkSize(
  name: string,
  voxels: number,
  bytesNeeded: number,
  bytesThere: number,
): void {
  if (!(voxels > 0) || voxels > MAX_VOXELS)
    throw new FormatError(
      `${name}: its header claims ${voxels} voxels, this reads 1 to ${MAX_VOXELS}; the header is damaged or the file is not what it seems`,
      { name, voxels },
    );
  if (bytesNeeded > bytesThere)
    throw new FormatError(
      `${name}: its header needs ${bytesNeeded} bytes of pixels and the file has ${bytesThere}: it is cut short`,
      { name, bytesNeeded, bytesThere },
    );
}
