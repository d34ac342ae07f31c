// HDF5's global heaps, where texts and lists of any length lie: libhdf5 2.0 never returns from one
// whose free space has no size, so that is looked for before the library sees the file.
import { FormatError } from "../../engine/index.ts";

const SIGNATURE = [0x47, 0x43, 0x4f, 0x4c];
/** Of a collection, and of an object in it. */
const HEADER = 16;

/** Where collections begin, or seem to. */
function* collections(bytes: Uint8Array): Generator<number> {
  for (let at = bytes.indexOf(SIGNATURE[0]); at >= 0; at = bytes.indexOf(SIGNATURE[0], at + 1))
    if (SIGNATURE.every((byte, i) => bytes[at + i] === byte)) yield at;
}

/** Walks a collection as the library does: whether it comes to an end. */
function ends(view: DataView, start: number): boolean {
  const size = Number(view.getBigUint64(start + 8, true));
  const end = start + size;
  // neither is read as a collection
  if (view.getUint8(start + 4) !== 1 || end > view.byteLength) return true;
  for (let at = start + HEADER; at + HEADER <= end; ) {
    const bytes = Number(view.getBigUint64(at + 8, true));
    const free = view.getUint16(at, true) === 0;
    if (free && bytes === 0) return false;
    at += free ? bytes : HEADER + Math.ceil(bytes / 8) * 8;
  }
  return true;
}

/**
 * Throws FormatError where reading a heap would never end. Source: HDF5 File Format Specification,
 * III.E; H5HGcache.c.
 */
export function checkHeaps(bytes: Uint8Array, name: string): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (const start of collections(bytes))
    if (start + HEADER <= bytes.length && !ends(view, start))
      throw new FormatError(`${name}: a heap in it has no end; it is damaged`, { name });
}
