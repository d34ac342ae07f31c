// Photographs and drawings: PNG, JPEG by jpeg-js, BMP, TIFF and, by an optional library, WebP; told
// apart by their first bytes.
import { FormatError, UnsupportedOpError } from "../../engine/index.ts";
import { bmpHead, readBmp } from "./bmp.ts";
import { jpegHead, readJpeg } from "./jpeg.ts";
import { readPngPicture, type Picture } from "./png.ts";
import { pngHeader } from "./png-chunks.ts";
import { readTiff, tiffHead } from "./tiff.ts";
import { isWebp, loadWebp, webpHead } from "./webp.ts";

export type PictureHead = Pick<Picture, "height" | "width" | "grey">;
/** A format of pictures. */
interface PictureFormat {
  begins(bytes: Uint8Array): boolean;
  head(bytes: Uint8Array, name: string): PictureHead;
  read(bytes: Uint8Array, name: string): Picture;
  /** Where a library must be loaded first. */
  load?(bytes: Uint8Array, name: string): Promise<Picture>;
}
const pngHead = (bytes: Uint8Array, name: string): PictureHead => {
  const { height, width, colourType } = pngHeader(bytes, (why) => {
    throw new FormatError(`${name}: this PNG cannot be read (${why}); it is cut short or damaged`, {
      name,
    });
  });
  return { height, width, grey: colourType === 0 || colourType === 4 };
};
const uprightJpegHead = (bytes: Uint8Array, name: string): PictureHead => {
  const { height, width, components, orientation } = jpegHead(bytes, name);
  const turned = orientation >= 5;
  return {
    height: turned ? width : height,
    width: turned ? height : width,
    grey: components === 1,
  };
};
const needsLoading = (_bytes: Uint8Array, name: string): never => {
  throw new UnsupportedOpError(
    `${name}: a WebP is read by a library that must be loaded: use loadPicture`,
    { name },
  );
};
const formats: readonly PictureFormat[] = [
  { begins: (b) => b[0] === 0x89 && b[1] === 0x50, head: pngHead, read: readPngPicture },
  { begins: (b) => b[0] === 0xff && b[1] === 0xd8, head: uprightJpegHead, read: readJpeg },
  { begins: isWebp, head: webpHead, read: needsLoading, load: loadWebp },
  {
    begins: (b) =>
      (b[0] === 0x49 && b[1] === 0x49 && b[2] === 42) ||
      (b[0] === 0x4d && b[1] === 0x4d && b[3] === 42),
    head: tiffHead,
    read: readTiff,
  },
  { begins: (b) => b[0] === 0x42 && b[1] === 0x4d, head: bmpHead, read: readBmp },
];
/** The names that files of pictures end with. */
export const pictureEndings: readonly string[] = [
  ".png",
  ".jpg",
  ".jpeg",
  ".bmp",
  ".tif",
  ".tiff",
  ".webp",
];

function formatOf(bytes: Uint8Array, name: string): PictureFormat {
  if (bytes.length === 0) throw new FormatError(`${name}: the file is empty`, { name });
  const format = formats.find(({ begins }) => begins(bytes));
  if (format) return format;
  throw new FormatError(
    `${name}: it is neither PNG nor JPEG, BMP, TIFF or WebP by its first bytes; convert it, whatever its name says`,
    { name },
  );
}

/**
 * A PNG, JPEG, BMP or TIFF, whatever its name says. Throws FormatError when it is none, empty or
 * damaged, and UnsupportedOpError for a WebP, which loadPicture reads too.
 */
export const readPicture = (bytes: Uint8Array, name: string): Picture =>
  formatOf(bytes, name).read(bytes, name);

/**
 * As readPicture, WebP included: its library is loaded when a file needs it, and an
 * UnsupportedOpError says what to install where it is missing.
 */
export async function loadPicture(bytes: Uint8Array, name: string): Promise<Picture> {
  const format = formatOf(bytes, name);
  return format.load ? format.load(bytes, name) : format.read(bytes, name);
}

/** What a picture's header says, without its pixels. Throws as readPicture does. */
export const readPictureHead = (bytes: Uint8Array, name: string): PictureHead =>
  formatOf(bytes, name).head(bytes, name);
