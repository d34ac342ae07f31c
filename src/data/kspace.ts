// Measured k-space: what a scanner gives before anything is reconstructed.
import { FormatError } from "../engine/index.ts";
import type { Volume } from "./volume.ts";

export interface MeasuredKspace {
  /** The name of its format. */
  readonly format: string;
  readonly slices: number;
  /** Receiver coils, each with a k-space of its own. */
  readonly coils: number;
  /** Samples of a readout, down the rows. */
  readonly height: number;
  /** Lines, along the columns; those that were not measured are 0. */
  readonly width: number;
  /**
   * Rows and columns of the image, cut out about its middle: readouts are mostly sampled twice as
   * densely as the image needs.
   */
  readonly image: readonly [number, number];
  /** What the reader did that is not to be taken for granted. */
  readonly notes: readonly string[];
  /** A reconstruction that the file brings with it. */
  readonly reference?: Volume;
  /**
   * The k-space of one coil, [2,H,W], the lowest frequency where the file has it. Throws
   * FormatError for what is not there, DtypeError for values that are not finite.
   */
  kspace(slice: number, coil: number): Float32Array;
}

type Facts = Omit<MeasuredKspace, "kspace" | "slices" | "height" | "width" | "notes"> &
  Partial<MeasuredKspace>;

/** K-space whose coils are the slices of a volume: those of one slice after those of another. */
export function coilsOf(name: string, volume: Volume, facts: Facts): MeasuredKspace {
  const { height, width, notes } = volume;
  const { coils } = facts;
  const slices = volume.slices / coils;
  return {
    height,
    width,
    notes,
    slices,
    kspace(slice, coil) {
      const there =
        [slice, coil].every(Number.isInteger) &&
        slice >= 0 &&
        slice < slices &&
        coil >= 0 &&
        coil < coils;
      if (there) return volume.slice(slice * coils + coil);
      throw new FormatError(
        `${name}: there is no slice ${slice} of coil ${coil}; it has ${slices} slices of ${coils} coils`,
        { name, slice, coil },
      );
    },
    ...facts,
  };
}

/** Slices of a volume as k-space: all of them slices of one coil, or all coils of one slice. */
export function kspaceOf(
  name: string,
  volume: Volume,
  as: "slices" | "coils" = "slices",
): MeasuredKspace {
  const { format, slices, height, width } = volume;
  return coilsOf(name, volume, {
    format,
    coils: as === "coils" ? slices : 1,
    image: [height, width],
  });
}
