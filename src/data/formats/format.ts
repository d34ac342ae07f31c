// What a format of volumes is: how its files begin, and how one is read. read.ts lists them all.
import type { MeasuredKspace } from "../kspace.ts";
import type { Volume } from "../volume.ts";

export interface ReadOptions {
  /**
   * The second file of a pair, by its ending (img, cfl): asked for when the bytes are its header
   * (.hdr).
   */
  readonly pixels?: (ending: string) => Uint8Array;
  /** A file that the header names, by its name alone: it is beside the header. */
  readonly beside?: (file: string) => Uint8Array;
  /** Of a file of several arrays, the one to take; the largest where it is left out. */
  readonly variable?: string;
  /** Rows and columns as the file has them, unturned: for masks and k-space. */
  readonly stored?: boolean;
}

export interface Format {
  /** As it stands in messages and reports. */
  readonly name: string;
  /** Whether a file that begins so is one. */
  begins(bytes: Uint8Array): boolean;
  /** `name` is for messages. Throws FormatError for what is damaged. */
  read(bytes: Uint8Array, name: string, options: ReadOptions): Volume;
  /** The same, for formats of which some or all files need a library that is loaded first. */
  load?(bytes: Uint8Array, name: string, options: ReadOptions): Promise<Volume>;
  /** Measured k-space, where a file of the format has some; undefined for one that has not. */
  acquire?(
    bytes: Uint8Array,
    name: string,
    options: ReadOptions,
  ): Promise<MeasuredKspace | undefined>;
  /** Of pairs of files: the ending of the one that has the pixels; the other one's is hdr. */
  readonly pixels?: string;
}

export const beginsWith = (bytes: Uint8Array, signature: readonly number[]): boolean =>
  signature.every((b, i) => bytes[i] === b);
