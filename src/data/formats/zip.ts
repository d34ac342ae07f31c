// The files in a zip archive, by its directory: stored or deflated, as numpy's NPZ has them.
// fflate's own reader reserves what the directory claims and checks no sums.
import { FormatError, UnsupportedOpError } from "../../engine/index.ts";
import { printable } from "../printable.ts";
import { crc32, checkRatio, inflateRaw } from "./compressed.ts";

export interface ZipEntry {
  readonly name: string;
  /** Bytes that the directory says it unpacks to. */
  readonly size: number;
  /** Throws FormatError when it is damaged or is not of that size. */
  read(): Uint8Array;
}
const END = 0x06054b50;
const ENTRY = 0x02014b50;
const LOCAL = 0x04034b50;

/** Source: PKWARE APPNOTE 4.3. Throws FormatError for an archive that is damaged. */
export function zipEntries(bytes: Uint8Array, name: string): ZipEntry[] {
  const fail = (what: string): never => {
    throw new FormatError(`${name}: ${what}`, { name });
  };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // the directory's end is the last 22 bytes, or before a comment of up to 65535
  let end = bytes.length - 22;
  const first = Math.max(0, end - 65535);
  while (end >= first && view.getUint32(end, true) !== END) end--;
  if (end < first) return fail("it cannot be unpacked: it is cut short or no NPZ file");
  const count = view.getUint16(end + 10, true);
  let at = view.getUint32(end + 16, true);
  let packed = 0;
  const entries: ZipEntry[] = [];
  for (let i = 0; i < count; i++) {
    if (at + 46 > end || view.getUint32(at, true) !== ENTRY)
      return fail("its directory is damaged");
    const length = view.getUint16(at + 28, true);
    const file = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + length));
    packed += view.getUint32(at + 20, true);
    if (packed > bytes.length)
      return fail("its directory claims more packed bytes than the file has");
    entries.push(entryOf(bytes, view, at, file, `${name}, ${printable(file)}`));
    at += 46 + length + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  return entries;
}

function entryOf(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  file: string,
  name: string,
): ZipEntry {
  const [flags, method, crc] = [
    view.getUint16(at + 8, true),
    view.getUint16(at + 10, true),
    view.getUint32(at + 16, true),
  ];
  const [packed, size, local] = [
    view.getUint32(at + 20, true),
    view.getUint32(at + 24, true),
    view.getUint32(at + 42, true),
  ];
  const fail = (what: string): never => {
    throw new FormatError(`${name}: ${what}`, { name });
  };
  return {
    name: file,
    size,
    read() {
      if (flags & 1 || (method !== 0 && method !== 8))
        throw new UnsupportedOpError(
          `${name}: it is encrypted or packed by another method than deflate`,
          { name, method },
        );
      if (local + 30 > bytes.length || view.getUint32(local, true) !== LOCAL)
        fail("its place in the archive is damaged");
      const start =
        local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
      if (start + packed > bytes.length) fail("it is cut short");
      const raw = bytes.subarray(start, start + packed);
      checkRatio(name, size, packed);
      const content = method === 0 ? raw : inflateRaw(raw, { name, limit: size });
      if (content.length !== size || crc32(content) !== crc)
        fail("its checksum or length is wrong; it is damaged");
      return content;
    },
  };
}
