// Which bytes of an encapsulated DICOM are which frame: fragments, and the tables that count them.
import type dicomParser from "dicom-parser";
import { FormatError } from "../../engine/index.ts";

type DataSet = dicomParser.DataSet;

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  if (pieces.length === 1) return pieces[0];
  const out = new Uint8Array(pieces.reduce((n, piece) => n + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    out.set(piece, at);
    at += piece.length;
  }
  return out;
}

/** 64-bit offsets of frames, where a file has the extended table. */
function extendedOffsets({ elements, byteArray }: DataSet): number[] {
  const table = elements.x7fe00001;
  if (!table) return [];
  const view = new DataView(
    byteArray.buffer,
    byteArray.byteOffset + table.dataOffset,
    table.length,
  );
  return Array.from({ length: Math.floor(table.length / 8) }, (_, i) =>
    Number(view.getBigUint64(8 * i, true)),
  );
}

/** JPEG and JPEG-LS begin with ff d8, JPEG 2000 with ff 4f, JP2 with a box. */
const beginsFrame = (bytes: Uint8Array): boolean =>
  bytes[0] === 0xff ? [0xd8, 0x4f].includes(bytes[1]) : bytes[4] === 0x6a && bytes[5] === 0x50;

/** The first fragment of every frame, by its number. */
function firstFragments(
  fragments: readonly Fragment[],
  frames: number,
  offsets: readonly number[],
): number[] {
  if (frames === 1) return [0];
  if (fragments.length === frames) return fragments.map((_, i) => i);
  if (offsets.length === frames)
    return offsets.map((offset) => fragments.findIndex((f) => f.offset === offset));
  return fragments.flatMap(({ bytes }, i) => (beginsFrame(bytes) ? [i] : []));
}
interface Fragment {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/**
 * The frames' bytes: one fragment each, or as the offset tables say, or by the marks that images
 * begin with. Throws FormatError where they cannot be told. Source: DICOM PS3.5 A.4.
 */
export function framesOf(data: DataSet, frames: number, name: string): Uint8Array[] {
  const { fragments: found = [], basicOffsetTable = [] } = data.elements.x7fe00010 ?? {};
  const { byteArray } = data;
  const fragments = found.map(({ offset, position, length }) => ({
    offset,
    bytes: byteArray.subarray(position, position + length),
  }));
  const extended = extendedOffsets(data);
  const first = firstFragments(
    fragments,
    frames,
    extended.length > 0 ? extended : basicOffsetTable,
  );
  const rising = first.every((start, i) => start >= 0 && (i === 0 || start > first[i - 1]));
  if (fragments.length === 0 || first.length !== frames || !rising)
    throw new FormatError(
      `${name}: its ${fragments.length} fragments do not say where its ${frames} frames begin; it is cut short or damaged`,
      { name },
    );
  return first.map((start, i) => joined(fragments.slice(start, first[i + 1]).map((f) => f.bytes)));
}
