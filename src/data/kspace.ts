// Measured k-space: what a scanner gives before anything is reconstructed.
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
   * FormatError for what is not there.
   */
  kspace(slice: number, coil: number): Float32Array;
}

/** Slices of a volume as k-space: all of them slices of one coil, or all coils of one slice. */
export function kspaceOf(volume: Volume, as: "slices" | "coils" = "slices"): MeasuredKspace {
  const { format, slices, height, width, notes } = volume;
  const coils = as === "coils" ? slices : 1;
  return {
    format,
    slices: slices / coils,
    coils,
    height,
    width,
    image: [height, width],
    notes,
    kspace: (slice, coil) => volume.slice(slice * coils + coil),
  };
}
