// DICOM images by dicom-parser. Only pixels and what they mean are read: names, ids and dates are
// not. Pixels: dicom-pixels.ts; compressed ones: dicom-codecs.ts; series of files: dicom-series.ts.
import dicomParser from "dicom-parser";
import { FiducialError, FormatError, UnsupportedOpError } from "../../engine/index.ts";
import { printable } from "../printable.ts";
import type { Volume } from "../volume.ts";
import { checkRatio, inflateRaw, inflateStart } from "./compressed.ts";
import { decoderFor, pixelsPerByte, syntaxName, type Decode } from "./dicom-codecs.ts";
import { checkItems } from "./dicom-limits.ts";
import { dicomVolume } from "./dicom-pixels.ts";
import { beginsWith, type Format } from "./format.ts";

const IMPLICIT = "1.2.840.10008.1.2";
const EXPLICIT = "1.2.840.10008.1.2.1";
const BIG_ENDIAN = "1.2.840.10008.1.2.2";
const DEFLATED = "1.2.840.10008.1.2.1.99";
/** How much of a deflated data set may lie before its pixels. */
const DEFLATED_HEAD = 2 ** 20;
/** Bytes behind the pixels that are let pass. */
const BEHIND = 65536;

/** Whether the file has the 128 bytes and DICM of DICOM's part 10. */
const isPart10 = (bytes: Uint8Array): boolean =>
  beginsWith(bytes.subarray(128), [0x44, 0x49, 0x43, 0x4d]);

/** How a data set without that head begins; undefined when it does not look like one. */
function bareSyntax(
  bytes: Uint8Array,
): "meta" | typeof IMPLICIT | typeof EXPLICIT | typeof BIG_ENDIAN | undefined {
  if (bytes.length < 16) return undefined;
  const explicit = [bytes[4], bytes[5]].every((b) => b >= 0x41 && b <= 0x5a);
  const group = bytes[0] | (bytes[1] << 8);
  if (group === 2 && explicit) return "meta";
  if (group === 0x0800 && explicit) return BIG_ENDIAN;
  if (group !== 8) return undefined;
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(4, true);
  return explicit ? EXPLICIT : length < bytes.length ? IMPLICIT : undefined;
}
/** Whether the bytes look like a DICOM data set without the head of part 10. */
const startsAsDataSet = (bytes: Uint8Array): boolean => bareSyntax(bytes) !== undefined;

/** The same bytes behind 128 zeros and DICM. */
function withPreamble(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(132 + bytes.length);
  out.set([0x44, 0x49, 0x43, 0x4d], 128);
  out.set(bytes, 132);
  return out;
}

/** Unpacks no more than the pixels that the deflated header asks for. */
function parseDeflated(bytes: Uint8Array, start: number, name: string): dicomParser.DataSet {
  const packed = bytes.subarray(start);
  const head = inflateStart(packed, DEFLATED_HEAD, name);
  const { elements } = dicomParser.parseDicom(head, {
    TransferSyntaxUID: EXPLICIT,
    untilTag: "x7fe00010",
  });
  const pixels = elements.x7fe00010;
  if (!pixels)
    throw new FormatError(`${name}: it has no pixel data among its first ${DEFLATED_HEAD} bytes`, {
      name,
    });
  const limit = pixels.dataOffset + pixels.length + BEHIND;
  checkRatio(name, limit - BEHIND, packed.length);
  const whole = inflateRaw(packed, { name, limit });
  checkItems(whole, name);
  return dicomParser.parseDicom(whole, { TransferSyntaxUID: EXPLICIT });
}

/** A data set, and how its pixels are packed: the UID of a compressed transfer syntax says so. */
interface Parsed {
  readonly data: dicomParser.DataSet;
  readonly little: boolean;
  readonly compressed?: string;
}
export function parseDicomFile(given: Uint8Array, name: string): Parsed {
  checkItems(given, name);
  const bare = isPart10(given) ? undefined : bareSyntax(given);
  if (bare !== undefined && bare !== "meta")
    return {
      data: dicomParser.parseDicom(given, { TransferSyntaxUID: bare }),
      little: bare !== BIG_ENDIAN,
    };
  const bytes = bare === "meta" ? withPreamble(given) : given;
  // the file's head alone first: what it says decides how the rest is parsed
  const head = dicomParser.readPart10Header(bytes);
  const syntax = head.string("x00020010") ?? "";
  if (syntax === "")
    throw new FormatError(
      `${name}: its head names no transfer syntax; it is cut short or damaged`,
      { name },
    );
  if (syntax === DEFLATED)
    return {
      data: parseDeflated(bytes, (head as unknown as { position: number }).position, name),
      little: true,
    };
  const plain = [IMPLICIT, EXPLICIT, BIG_ENDIAN].includes(syntax);
  if (!plain && syntaxName(syntax) === undefined)
    throw new UnsupportedOpError(
      `${name}: its transfer syntax is unknown (${printable(syntax)}); convert it to an uncompressed one (dcmdjpeg, dcmdrle or gdcmconv --raw)`,
      { name, syntax },
    );
  const data = dicomParser.parseDicom(bytes);
  return { data, little: syntax !== BIG_ENDIAN, ...(plain ? {} : { compressed: syntax }) };
}

/**
 * Frames as slices, in the units of the Modality LUT or of the rescale slope and intercept (the
 * file's, or its functional groups'); MONOCHROME1 is inverted about the largest value; padding
 * takes the smallest. Throws UnsupportedOpError naming a compressed transfer syntax or colour,
 * FormatError for what is damaged or has no pixels. Source: DICOM PS3.3 C.7.6.3, C.7.6.16, C.11.1;
 * PS3.5 section 8. A compressed file's frames are unpacked by `decode`.
 */
export function openDicom(bytes: Uint8Array, name: string, decode?: Decode): Volume {
  const read = guarded(name, () => {
    const { data, little, compressed } = parseDicomFile(bytes, name);
    if (compressed === undefined) return dicomVolume(data, { little }, name);
    if (decode === undefined)
      throw new UnsupportedOpError(
        `${name}: its transfer syntax is ${syntaxName(compressed)} (${compressed}), which loadVolume reads`,
        { name, syntax: compressed },
      );
    return dicomVolume(
      data,
      { little, frames: { decode, pixelsPerByte: pixelsPerByte(compressed) } },
      name,
    );
  });
  // a frame's own elements are read with it, and may be damaged where the head is not
  return { ...read, slice: (index, fill) => guarded(name, () => read.slice(index, fill)) };
}
const readDicom = (bytes: Uint8Array, name: string): Volume => openDicom(bytes, name);

/** Compressed files too: what unpacks them is loaded first. */
async function loadDicom(bytes: Uint8Array, name: string): Promise<Volume> {
  const { compressed } = guarded(name, () => parseDicomFile(bytes, name));
  return openDicom(
    bytes,
    name,
    compressed === undefined ? undefined : await decoderFor(compressed, name),
  );
}
/** Whether a file looks like DICOM, with or without the head of part 10. */
export const isDicom = (bytes: Uint8Array): boolean => isPart10(bytes) || startsAsDataSet(bytes);
export const dicomPart10: Format = {
  name: "DICOM",
  begins: isPart10,
  read: readDicom,
  load: loadDicom,
};
/** Without that head: told by its first element alone. */
export const dicomDataSet: Format = { ...dicomPart10, begins: startsAsDataSet };

/** What dicom-parser throws, as a FormatError. */
export function guarded<T>(name: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof FiducialError) throw error;
    throw new FormatError(
      `${name}: this DICOM file cannot be read (${printable(reasonOf(error))}); it is cut short or damaged`,
      { name },
    );
  }
}
/** dicom-parser throws texts, objects with an exception, and errors. */
function reasonOf(error: unknown): string {
  if (typeof error === "string") return error.split("\n")[0];
  const { exception, message } = error as { exception?: unknown; message?: string };
  return exception === undefined
    ? (message ?? "no reason given").split("\n")[0]
    : reasonOf(exception);
}
