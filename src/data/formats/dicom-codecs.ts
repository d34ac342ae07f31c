// How DICOM's compressed frames are unpacked, by transfer syntax: RLE and lossless JPEG by our own
// readers, JPEG by jpeg-js, JPEG-LS, JPEG 2000 and HTJ2K by optional libraries that are loaded when
// a file needs one.
import jpeg from "jpeg-js";
import { FormatError, UnsupportedOpError } from "../../engine/index.ts";
import { printable } from "../printable.ts";
import { codestreamHead } from "./codestream.ts";
import { decodeLosslessJpeg } from "./jpeg-lossless.ts";
import { optional } from "./optional.ts";
import { decodeRle, LARGEST_RUN } from "./rle.ts";

/** What a frame is held to. */
export interface FrameShape {
  readonly name: string;
  readonly height: number;
  readonly width: number;
  /** Of a cell. */
  readonly bits: number;
}
/** A frame's samples, row by row, each in its own width, signed or not. */
export type Decode = (frame: Uint8Array, shape: FrameShape) => ArrayLike<number>;

interface Syntax {
  readonly name: string;
  /** Most pixels that a byte can hold: a run, a Huffman code of a block, an empty packet. */
  readonly holds: number;
  /** undefined of syntaxes that are not read. */
  readonly decoder?: (name: string) => Promise<Decode> | Decode;
}

const jpegSyntax = (name: string): Syntax => ({ name, holds: 512, decoder: () => lossyJpeg });
const losslessSyntax = (name: string): Syntax => ({
  name,
  holds: 8,
  decoder:
    () =>
    (frame, { height, width, name: file }) =>
      decodeLosslessJpeg(frame, height, width, file),
});
const charls = (name: string): Syntax => ({
  name,
  holds: 65536,
  decoder: (file) => librarian("charls", name, file),
});
const openjpeg = (name: string): Syntax => ({
  name,
  holds: 65536,
  decoder: (file) => librarian("openjpeg", name, file),
});
const openjph = (name: string): Syntax => ({
  name,
  holds: 65536,
  decoder: (file) => librarian("openjph", name, file),
});

/** By UID. Source: DICOM PS3.6 annex A. */
const syntaxes: Readonly<Record<string, Syntax>> = {
  "1.2.840.10008.1.2.4.50": jpegSyntax("JPEG Baseline"),
  "1.2.840.10008.1.2.4.51": jpegSyntax("JPEG Extended"),
  "1.2.840.10008.1.2.4.53": jpegSyntax("JPEG Spectral Selection"),
  "1.2.840.10008.1.2.4.55": jpegSyntax("JPEG Full Progression"),
  "1.2.840.10008.1.2.4.57": losslessSyntax("JPEG Lossless"),
  "1.2.840.10008.1.2.4.70": losslessSyntax("JPEG Lossless SV1"),
  "1.2.840.10008.1.2.4.80": charls("JPEG-LS Lossless"),
  "1.2.840.10008.1.2.4.81": charls("JPEG-LS Near-Lossless"),
  "1.2.840.10008.1.2.4.90": openjpeg("JPEG 2000 Lossless"),
  "1.2.840.10008.1.2.4.91": openjpeg("JPEG 2000"),
  "1.2.840.10008.1.2.4.201": openjph("HTJ2K Lossless"),
  "1.2.840.10008.1.2.4.202": openjph("HTJ2K Lossless RPCL"),
  "1.2.840.10008.1.2.4.203": openjph("HTJ2K"),
  "1.2.840.10008.1.2.5": {
    name: "RLE Lossless",
    holds: LARGEST_RUN,
    decoder:
      () =>
      (frame, { height, width, bits, name }) =>
        typed(decodeRle(frame, height * width, bits / 8, name), bits),
  },
};
/** Its name, where it is a compressed one that is known. */
export const syntaxName = (uid: string): string | undefined => syntaxes[uid]?.name;
/** Most pixels that a byte of a frame can hold. */
export const pixelsPerByte = (uid: string): number => syntaxes[uid]?.holds ?? 1;

/** How frames of a transfer syntax are unpacked. Throws UnsupportedOpError where they are not. */
export async function decoderFor(uid: string, name: string): Promise<Decode> {
  const decoder = await syntaxes[uid]?.decoder?.(name);
  if (decoder) return decoder;
  throw new UnsupportedOpError(
    `${name}: its transfer syntax is unknown (${printable(uid)}); convert it to an uncompressed one (gdcmconv --raw)`,
    { name, uid },
  );
}

/** Little-endian cells as numbers, on any machine. */
function typed(bytes: Uint8Array, bits: number): ArrayLike<number> {
  if (bits === 8) return bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bits === 16)
    return Uint16Array.from({ length: bytes.length / 2 }, (_, i) => view.getUint16(2 * i, true));
  return Uint32Array.from({ length: bytes.length / 4 }, (_, i) => view.getUint32(4 * i, true));
}

function damaged(name: string, what: string): never {
  throw new FormatError(
    `${name}: its frame cannot be unpacked (${printable(what)}); it is cut short or damaged`,
    { name },
  );
}

/** 8 bits of one component; 12 bits are refused: nothing on npm reads them. */
function lossyJpeg(frame: Uint8Array, { name, height, width }: FrameShape): ArrayLike<number> {
  const head = startOfFrame(frame) ?? damaged(name, "no frame header");
  if (head.precision !== 8)
    throw new UnsupportedOpError(
      `${name}: its JPEG has ${head.precision} bits a pixel, 8 are read; convert it to an uncompressed syntax (gdcmconv --raw)`,
      { name },
    );
  if (head.components !== 1)
    throw new UnsupportedOpError(`${name}: its JPEG is in colour; only grey is read`, { name });
  if (head.height !== height || head.width !== width) damaged(name, `${head.height}×${head.width}`);
  try {
    const limits = { maxResolutionInMP: 1000, maxMemoryUsageInMB: 4096, tolerantDecoding: false };
    const { data } = jpeg.decode(frame, { useTArray: true, formatAsRGBA: false, ...limits });
    // three equal channels come of one component
    const step = data.length / (height * width);
    return step === 1
      ? data
      : Uint8Array.from({ length: height * width }, (_, p) => data[p * step]);
  } catch (error) {
    return damaged(name, (error as Error).message);
  }
}

/** What a frame's own head says. */
export interface FrameHead {
  readonly precision: number;
  readonly height: number;
  readonly width: number;
  readonly components: number;
}
/** The frame header of JPEG and JPEG-LS. Source: ITU-T T.81 B.2.2, T.87 C.2.2. */
function startOfFrame(bytes: Uint8Array): FrameHead | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (
    let at = 2;
    at + 10 <= bytes.length && bytes[at] === 0xff;
    at += 2 + view.getUint16(at + 2)
  ) {
    const marker = bytes[at + 1];
    const frame =
      (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) || marker === 0xf7;
    if (!frame) continue;
    const [height, width] = [view.getUint16(at + 5), view.getUint16(at + 7)];
    return { precision: bytes[at + 4], height, width, components: bytes[at + 9] };
  }
  return undefined;
}
/** What the libraries of cornerstone have in common. */
interface FrameDecoder {
  getEncodedBuffer(length: number): Uint8Array;
  getDecodedBuffer(): Uint8Array;
  decode(): void;
  getFrameInfo(): {
    width: number;
    height: number;
    bitsPerSample: number;
    componentCount: number;
    isSigned?: boolean;
  };
  delete(): void;
}
type Library = Readonly<Record<string, new () => FrameDecoder>>;
type Open = (module: object) => Promise<Library>;
interface Codec {
  readonly library: string;
  readonly decoder: string;
  readonly load: () => Promise<{ default: unknown }>;
  readonly size: (bytes: Uint8Array) => FrameHead | undefined;
}
const codecs = {
  charls: {
    library: "@cornerstonejs/codec-charls",
    decoder: "JpegLSDecoder",
    load: () => import("@cornerstonejs/codec-charls/decode"),
    size: startOfFrame,
  },
  openjpeg: {
    library: "@cornerstonejs/codec-openjpeg",
    decoder: "J2KDecoder",
    load: () => import("@cornerstonejs/codec-openjpeg/decode"),
    size: codestreamHead,
  },
  openjph: {
    library: "@cornerstonejs/codec-openjph",
    decoder: "HTJ2KDecoder",
    load: () => import("@cornerstonejs/codec-openjph"),
    size: codestreamHead,
  },
} satisfies Readonly<Record<string, Codec>>;

const opened = new Map<string, Library>();
/** A decoder of a library, loaded once and again after it failed. */
async function librarian(key: keyof typeof codecs, what: string, name: string): Promise<Decode> {
  const codec: Codec = codecs[key];
  let library = opened.get(key);
  if (!library) {
    // they print what they do, and keep what they are in the object that they are given
    const quiet = { print() {}, printErr() {} };
    const load = async (): Promise<Library> => ((await codec.load()).default as Open)(quiet);
    library = await optional({ name, what, library: codec.library }, load);
    opened.set(key, library);
  }
  const { [codec.decoder]: Decoder } = library;
  return (frame, shape) => {
    checkFrame(codec.size(frame), shape);
    let trapped = false;
    const decoder = new Decoder();
    try {
      return byLibrary(decoder, frame, shape);
    } catch (error) {
      if (error instanceof FormatError) throw error;
      // C++ throws numbers; anything else is a trap, which leaves the library as it was then
      trapped = typeof error !== "number";
      return damaged(shape.name, trapped ? String(error).slice(0, 80) : "the library gave it up");
    } finally {
      if (trapped) opened.delete(key);
      else decoder.delete();
    }
  };
}

/** Before anything is reserved for it. */
function checkFrame(head: FrameHead | undefined, { name, height, width }: FrameShape): void {
  if (!head) damaged(name, "its head, or what follows it");
  if (head.components !== 1)
    throw new UnsupportedOpError(`${name}: it is in colour; only grey images are read`, { name });
  if (head.height !== height || head.width !== width || head.precision > 16)
    damaged(
      name,
      `${head.height}×${head.width} of ${head.precision} bits instead of ${height}×${width}`,
    );
}

function byLibrary(decoder: FrameDecoder, frame: Uint8Array, shape: FrameShape): ArrayLike<number> {
  const { name, height, width } = shape;
  decoder.getEncodedBuffer(frame.length).set(frame);
  decoder.decode();
  const { bitsPerSample } = decoder.getFrameInfo();
  const bits = bitsPerSample <= 8 ? 8 : 16;
  const length = (height * width * bits) / 8;
  const bytes = decoder.getDecodedBuffer();
  if (bytes.length < length) damaged(name, "too few pixels");
  return typed(Uint8Array.from(bytes.subarray(0, length)), bits);
}
