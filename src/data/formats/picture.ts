// Photographs and drawings: PNG by fast-png, JPEG by jpeg-js, told apart by their first bytes.
import { FormatError } from "../../engine/index.ts";
import { jpegHead, readJpeg } from "./jpeg.ts";
import { readPngPicture, type Picture } from "./png.ts";
import { pngHeader } from "./png-chunks.ts";

const isPng = (bytes: Uint8Array): boolean => bytes[0] === 0x89 && bytes[1] === 0x50;
const isJpeg = (bytes: Uint8Array): boolean => bytes[0] === 0xff && bytes[1] === 0xd8;
function neither(bytes: Uint8Array, name: string): never {
  if (bytes.length === 0) throw new FormatError(`${name}: the file is empty`, { name });
  throw new FormatError(`${name}: it is neither PNG nor JPEG by its first bytes; convert it, whatever its name says`, {
    name,
  });
}

/**
 * A PNG or JPEG, whatever its name says. Throws FormatError when it is neither, empty or damaged.
 */
export function readPicture(bytes: Uint8Array, name: string): Picture {
  if (isPng(bytes)) return readPngPicture(bytes, name);
  return isJpeg(bytes) ? readJpeg(bytes, name) : neither(bytes, name);
}

export type PictureHead = Pick<Picture, "height" | "width" | "grey">;

/** What a picture's header says, without its pixels. Throws as readPicture does. */
export function readPictureHead(bytes: Uint8Array, name: string): PictureHead {
  if (isPng(bytes)) {
    const { height, width, colourType } = pngHeader(bytes, (why) => {
      throw new FormatError(`${name}: this PNG cannot be read (${why}); it is cut short or damaged`, { name });
    });
    return { height, width, grey: colourType === 0 || colourType === 4 };
  }
  if (!isJpeg(bytes)) neither(bytes, name);
  const { height, width, components, orientation } = jpegHead(bytes, name);
  const turned = orientation >= 5;
  return { height: turned ? width : height, width: turned ? height : width, grey: components === 1 };
}
