// DICOM images in uncompressed transfer syntaxes, by dicom-parser. Only pixels and their geometry
// are read: names, ids and dates are not.
import dicomParser from "dicom-parser";
import { FormatError, UnsupportedOpError } from "../../engine/index.ts";
import { checkSize, volume, type Volume } from "../volume.ts";

const uncompressed: Readonly<Record<string, { little: boolean }>> = {
  "1.2.840.10008.1.2": { little: true },
  "1.2.840.10008.1.2.1": { little: true },
  "1.2.840.10008.1.2.2": { little: false },
};
const compressed: Readonly<Record<string, string>> = {
  "1.2.840.10008.1.2.1.99": "Deflated Explicit VR Little Endian",
  "1.2.840.10008.1.2.4.50": "JPEG Baseline",
  "1.2.840.10008.1.2.4.51": "JPEG Extended",
  "1.2.840.10008.1.2.4.53": "JPEG Spectral Selection",
  "1.2.840.10008.1.2.4.55": "JPEG Full Progression",
  "1.2.840.10008.1.2.4.57": "JPEG Lossless",
  "1.2.840.10008.1.2.4.70": "JPEG Lossless SV1",
  "1.2.840.10008.1.2.4.80": "JPEG-LS Lossless",
  "1.2.840.10008.1.2.4.81": "JPEG-LS Near-Lossless",
  "1.2.840.10008.1.2.4.90": "JPEG 2000 Lossless",
  "1.2.840.10008.1.2.4.91": "JPEG 2000",
  "1.2.840.10008.1.2.4.201": "HTJ2K Lossless",
  "1.2.840.10008.1.2.4.203": "HTJ2K",
  "1.2.840.10008.1.2.5": "RLE Lossless",
};

/**
 * Frames as slices, with the rescale slope and intercept applied; MONOCHROME1 is inverted. Throws
 * UnsupportedOpError naming a compressed transfer syntax or colour, FormatError for what is damaged
 * or has no pixels.
 */
export function readDicom(bytes: Uint8Array, name: string): Volume {
  const fail = (what: string): never => {
    throw new FormatError(`${name}: ${what}`, { name });
  };
  let syntax = "";
  let data: dicomParser.DataSet;
  try {
    // the file's head alone first: a compressed stream may not parse as elements
    syntax = dicomParser.readPart10Header(bytes).string("x00020010") ?? "";
    if (syntax in uncompressed) data = dicomParser.parseDicom(bytes);
    else {
      throw new UnsupportedOpError(
        `${name}: its transfer syntax is ${compressed[syntax] ?? "unknown"} (${syntax}); convert it to an uncompressed one (dcmdjpeg, dcmdrle or gdcmconv --raw)`,
        { name, syntax },
      );
    }
  } catch (error) {
    if (error instanceof UnsupportedOpError) throw error;
    const text =
      typeof error === "string"
        ? error
        : ((error as { exception?: string; message?: string }).exception ??
          (error as Error).message ??
          "no reason given");
    return fail(`this DICOM file cannot be read (${text.split("\n")[0]}); it is cut short or damaged`);
  }
  const { little } = uncompressed[syntax];
  const pixels = data.elements.x7fe00010;
  if (pixels === undefined) return fail("it has no pixel data; choose an image object");
  const [height, width, bits] = [data.uint16("x00280010"), data.uint16("x00280011"), data.uint16("x00280100")];
  if (!height || !width || !bits) return fail("its rows, columns or bits are missing");
  const samples = data.uint16("x00280002") ?? 1;
  const photometric = data.string("x00280004") ?? "MONOCHROME2";
  if (samples !== 1 || !photometric.startsWith("MONOCHROME"))
    throw new UnsupportedOpError(
      `${name}: its photometric interpretation is ${photometric} with ${samples} samples a pixel; only grey images are read`,
      { name, photometric },
    );
  if (![8, 16, 32].includes(bits))
    throw new UnsupportedOpError(`${name}: ${bits} bits a pixel are not read; 8, 16 and 32 are`, { name, bits });
  const frames = data.intString("x00280008") ?? 1;
  checkSize(
    name,
    frames * height * width,
    (frames * height * width * bits) / 8,
    Math.min(pixels.length, bytes.length - pixels.dataOffset),
  );
  const signed = data.uint16("x00280103") === 1;
  const stored = data.uint16("x00280101") ?? bits;
  const [slope, intercept] = [data.floatString("x00281053") ?? 1, data.floatString("x00281052") ?? 0];
  const inverted = photometric === "MONOCHROME1";
  const top = 2 ** stored - 1;
  const view = new DataView(bytes.buffer, bytes.byteOffset + pixels.dataOffset, pixels.length);
  return volume(name, { format: "DICOM", slices: frames, height, width, complex: false }, (k, _c, i, j) => {
    const at = ((k * height + i) * width + j) * (bits / 8);
    const value =
      bits === 8
        ? signed
          ? view.getInt8(at)
          : view.getUint8(at)
        : bits === 16
          ? signed
            ? view.getInt16(at, little)
            : view.getUint16(at, little)
          : signed
            ? view.getInt32(at, little)
            : view.getUint32(at, little);
    return (inverted ? top - value : value) * slope + intercept;
  });
}
