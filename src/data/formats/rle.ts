// DICOM's RLE: a segment for every byte of a cell, the highest first, each packed as PackBits.
import { FormatError } from "../../engine/index.ts";

const HEADER = 64;
/** A byte of a run stands for up to 128. */
export const LARGEST_RUN = 128;

/**
 * The cells of a frame as they are stored uncompressed, little-endian. Throws FormatError for what
 * is damaged. Source: DICOM PS3.5 annex G.
 */
export function decodeRle(
  bytes: Uint8Array,
  count: number,
  cellBytes: number,
  name: string,
): Uint8Array {
  const fail = (what: string): never => {
    throw new FormatError(
      `${name}: its RLE frame cannot be read (${what}); it is cut short or damaged`,
      { name },
    );
  };
  if (bytes.length < HEADER) return fail("no head");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== cellBytes)
    return fail(`${view.getUint32(0, true)} segments, not ${cellBytes}`);
  const offsets = Array.from({ length: cellBytes }, (_, i) => view.getUint32(4 * (i + 1), true));
  const out = new Uint8Array(count * cellBytes);
  offsets.forEach((offset, segment) => {
    const end = offsets[segment + 1] ?? bytes.length;
    const packed = bytes.subarray(offset, Math.max(offset, end));
    const place = cellBytes - 1 - segment;
    if (unpackBits(packed, count, (i, value) => (out[i * cellBytes + place] = value)) < count)
      fail("too few pixels");
  });
  return out;
}

/** Gives up to `count` bytes, in order; how many there were. */
function unpackBits(
  packed: Uint8Array,
  count: number,
  put: (index: number, value: number) => void,
): number {
  let filled = 0;
  for (let at = 0; at < packed.length && filled < count; ) {
    const control = packed[at++];
    if (control === 128) continue;
    const literal = control < 128;
    const length = Math.min(literal ? control + 1 : 257 - control, count - filled);
    if (literal && at + length > packed.length) return filled;
    if (at >= packed.length) return filled;
    for (let k = 0; k < length; k++) put(filled++, packed[literal ? at + k : at]);
    at += literal ? control + 1 : 1;
  }
  return filled;
}
