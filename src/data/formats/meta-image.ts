// MetaImage, ITK's own: a head of text (.mhd) and its values beside it (.raw), in one file or in
// one for every slice, or behind the head in the same file (.mha). Our own reader: 150 lines.
import { FormatError, UnsupportedOpError } from "../../engine/index.ts";
import { printable } from "../printable.ts";
import { checkSize, volume, type Volume } from "../volume.ts";
import { checkRatio, unzlib } from "./compressed.ts";
import type { Format, ReadOptions } from "./format.ts";

const HEADER_BYTES = 65536;
type Read = (view: DataView, at: number, little: boolean) => number;
const types: Readonly<Record<string, { readonly bytes: number; readonly read: Read }>> = {
  MET_CHAR: { bytes: 1, read: (v, at) => v.getInt8(at) },
  MET_UCHAR: { bytes: 1, read: (v, at) => v.getUint8(at) },
  MET_SHORT: { bytes: 2, read: (v, at, le) => v.getInt16(at, le) },
  MET_USHORT: { bytes: 2, read: (v, at, le) => v.getUint16(at, le) },
  MET_INT: { bytes: 4, read: (v, at, le) => v.getInt32(at, le) },
  MET_UINT: { bytes: 4, read: (v, at, le) => v.getUint32(at, le) },
  MET_LONG: { bytes: 4, read: (v, at, le) => v.getInt32(at, le) },
  MET_ULONG: { bytes: 4, read: (v, at, le) => v.getUint32(at, le) },
  MET_LONG_LONG: { bytes: 8, read: (v, at, le) => Number(v.getBigInt64(at, le)) },
  MET_ULONG_LONG: { bytes: 8, read: (v, at, le) => Number(v.getBigUint64(at, le)) },
  MET_FLOAT: { bytes: 4, read: (v, at, le) => v.getFloat32(at, le) },
  MET_DOUBLE: { bytes: 8, read: (v, at, le) => v.getFloat64(at, le) },
};

type Fields = ReadonlyMap<string, string>;
interface Head {
  readonly fields: Fields;
  /** Where the text ends: the values of a .mha begin there. */
  readonly end: number;
}
/** Lines of "Key = value" up to ElementDataFile, which is the last. */
function headOf(bytes: Uint8Array, name: string): Head {
  const fields = new Map<string, string>();
  const text = new TextDecoder("latin1").decode(bytes.subarray(0, HEADER_BYTES));
  for (const line of text.matchAll(/([^\n=]*)=([^\n]*)\n?/g)) {
    fields.set(line[1].trim(), line[2].trim());
    if (line[1].trim() === "ElementDataFile") return { fields, end: line.index + line[0].length };
  }
  throw new FormatError(
    `${name}: its head does not say where its values are (ElementDataFile); it is cut short`,
    { name },
  );
}

function sizesOf(fields: Fields, name: string): [number, number, number] {
  const said = fields.get("DimSize") ?? "";
  const sizes = said.split(/\s+/).map(Number);
  if (said === "" || sizes.length > 4 || sizes.some((n) => !(Number.isInteger(n) && n >= 1)))
    throw new FormatError(`${name}: its head says the sizes (DimSize) "${printable(said)}"`, {
      name,
    });
  const [width, height = 1, ...further] = sizes;
  return [width, height, further.reduce((n, d) => n * d, 1)];
}

/** As in "slice_%03d.raw 1 10 1": a file for every number of a range. */
function numbered(said: string, name: string): string[] {
  const [, start, digits, rest, first, last, step] =
    /^(\S*)%0?(\d{0,2})d(\S*)\s+(\d{1,6})\s+(\d{1,6})(?:\s+([1-9]\d{0,5}))?$/.exec(said) ?? [];
  if (start === undefined) return [said];
  const count = Math.floor((Number(last) - Number(first)) / Number(step ?? 1)) + 1;
  if (!(count >= 1 && count <= 65536))
    throw new FormatError(`${name}: its range of files is empty or too long`, {});
  return Array.from({ length: count }, (_, i) => {
    const number = String(Number(first) + i * Number(step ?? 1)).padStart(Number(digits || 0), "0");
    return `${start}${number}${rest}`;
  });
}

/** The pieces that hold the values, one after another. */
function piecesOf(
  bytes: Uint8Array,
  { fields, end }: Head,
  name: string,
  { beside }: ReadOptions,
): Uint8Array[] {
  const said = fields.get("ElementDataFile") ?? "";
  if (/^LOCAL$/i.test(said)) return [bytes.subarray(end)];
  const listed = /^LIST\b/i.test(said);
  const text = new TextDecoder("latin1").decode(bytes.subarray(end, end + HEADER_BYTES));
  const files = listed
    ? text.split(/\r?\n/).flatMap((line) => line.trim() || [])
    : numbered(said, name);
  const outside = files.find(
    (file) => file === "" || /[/\\\0]/.test(file) || file.startsWith(".."),
  );
  if (outside !== undefined || files.length === 0)
    throw new FormatError(
      `${name}: its values are in "${printable(outside ?? "")}"; put that file beside the head, and its name alone into it`,
      { name },
    );
  if (!beside)
    throw new FormatError(`${name}: its values are in another file, ${printable(files[0])}`, {
      name,
    });
  return files.map((file) => beside(file));
}

/**
 * Slices along the third axis, rows and columns as they are stored. Throws FormatError for what is
 * damaged, UnsupportedOpError for several channels. Source: MetaIO's documentation, ITK.
 */
function readMetaImage(bytes: Uint8Array, name: string, options: ReadOptions): Volume {
  const head = headOf(bytes, name);
  const { fields } = head;
  const yes = (key: string): boolean => /^(true|1)$/i.test(fields.get(key) ?? "");
  const type = types[fields.get("ElementType") ?? ""];
  const channels = Number(fields.get("ElementNumberOfChannels") ?? 1);
  if (!type || channels !== 1)
    throw new UnsupportedOpError(
      `${name}: ${channels} channels of type ${printable(fields.get("ElementType") ?? "none")} are not read; one of numbers is`,
      { name },
    );
  const [width, height, slices] = sizesOf(fields, name);
  const voxels = width * height * slices;
  checkSize(name, voxels, 0, 0);
  const pieces = piecesOf(bytes, head, name, options);
  if (slices % pieces.length !== 0)
    throw new FormatError(
      `${name}: its ${slices} slices are in ${pieces.length} files; each needs as many`,
      { name },
    );
  const each = (voxels * type.bytes) / pieces.length;
  const skipped = Number(fields.get("HeaderSize") ?? 0);
  const views = pieces.map((piece) => {
    const values = yes("CompressedData") ? unpackedPiece(piece, each, name) : piece;
    const start = skipped === -1 ? values.length - each : skipped;
    checkSize(name, voxels, start >= 0 ? start + each : Number.POSITIVE_INFINITY, values.length);
    return new DataView(values.buffer, values.byteOffset + start, each);
  });
  const little = !(yes("ElementByteOrderMSB") || yes("BinaryDataByteOrderMSB"));
  const perPiece = slices / pieces.length;
  return volume(
    name,
    { format: metaImage.name, slices, height, width, complex: false },
    (k, _c, i, j) => {
      const view = views[Math.floor(k / perPiece)];
      return type.read(view, (((k % perPiece) * height + i) * width + j) * type.bytes, little);
    },
  );
}
function unpackedPiece(piece: Uint8Array, size: number, name: string): Uint8Array {
  checkRatio(name, size, piece.length);
  return unzlib(piece, { name, limit: size });
}

export const metaImage: Format = {
  name: "MetaImage",
  begins: (bytes) =>
    /^(ObjectType|NDims|Comment)\s*=/i.test(
      new TextDecoder("latin1").decode(bytes.subarray(0, 64)),
    ),
  read: readMetaImage,
};
