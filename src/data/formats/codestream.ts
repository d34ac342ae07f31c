// The structure of a JPEG 2000 codestream, HTJ2K's too: markers and their lengths. A library that
// is given one whose segments do not follow one another may look for the next for ever.
import type { FrameHead } from "./dicom-codecs.ts";

const SIZ = 0xff51;
const SOT = 0xff90;
const SOD = 0xff93;
const EOC = 0xffd9;

/** From the marker behind the start to the first tile; undefined where it does not get there. */
function firstTile(view: DataView, start: number): number | undefined {
  for (let at = start; at + 4 <= view.byteLength; at += 2 + view.getUint16(at + 2)) {
    const marker = view.getUint16(at);
    if (marker === SOT) return at;
    if (marker < 0xff4f || marker === SOD || marker === EOC || view.getUint16(at + 2) < 2)
      return undefined;
  }
  return undefined;
}

/** Whether tile-parts follow one another up to the end. Source: ITU-T T.800 A.4.2. */
function tilesEnd(view: DataView, first: number): boolean {
  let at = first;
  while (at + 12 <= view.byteLength && view.getUint16(at) === SOT) {
    const length = view.getUint32(at + 6);
    // 0 stands for the rest of the codestream
    if (length === 0) return true;
    if (length < 14 || at + length > view.byteLength) return false;
    at += length;
  }
  return at + 2 <= view.byteLength && view.getUint16(at) === EOC;
}

/**
 * The size of a codestream, in a JP2 file or not; undefined of one that is cut short or whose
 * segments do not follow one another. Source: ITU-T T.800 A.5.1.
 */
export function codestreamHead(bytes: Uint8Array): FrameHead | undefined {
  const start = bytes.findIndex(
    (b, i) => b === 0xff && [0x4f, 0xff, 0x51].every((v, k) => bytes[i + 1 + k] === v),
  );
  if (start < 0 || start + 45 > bytes.length) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset + start, bytes.length - start);
  const components = view.getUint16(40);
  if (view.getUint16(2) !== SIZ || view.getUint16(4) !== 38 + 3 * components) return undefined;
  const tile = firstTile(view, 2);
  if (tile === undefined || !tilesEnd(view, tile)) return undefined;
  const [right, bottom, left, top] = [8, 12, 16, 20].map((at) => view.getUint32(at));
  // every sample of a grey image is there
  if (components === 1 && (view.getUint8(43) !== 1 || view.getUint8(44) !== 1)) return undefined;
  const precision = (view.getUint8(42) & 127) + 1;
  return { precision, width: right - left, height: bottom - top, components };
}
