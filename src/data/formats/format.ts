// What a format of volumes is: how its files begin, and how one is read. read.ts lists them all.
import type { Volume } from "../volume.ts";

export interface ReadOptions {
  /**
   * The second file of a pair, by its ending (img, cfl): asked for when the bytes are its header
   * (.hdr).
   */
  readonly pixels?: (ending: string) => Uint8Array;
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
  /** Of pairs of files: the ending of the one that has the pixels; the other one's is hdr. */
  readonly pixels?: string;
}

export const beginsWith = (bytes: Uint8Array, signature: readonly number[]): boolean =>
  signature.every((b, i) => bytes[i] === b);
