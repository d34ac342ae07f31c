// Photographs and drawings: PNG by fast-png, JPEG by jpeg-js, told apart by their first bytes.
import jpeg from "jpeg-js";
import { FormatError } from "../../engine/index.ts";
import { checkSize } from "../volume.ts";
import { readPngPicture, type Picture } from "./png.ts";

function readJpeg(bytes: Uint8Array, name: string): Picture {
  let image: { width: number; height: number; data: Uint8Array };
  try {
    image = jpeg.decode(bytes, {
      useTArray: true,
      formatAsRGBA: false,
      tolerantDecoding: false,
      maxResolutionInMP: 100,
      maxMemoryUsageInMB: 1024,
    });
  } catch (error) {
    throw new FormatError(
      `${name}: this JPEG cannot be read (${(error as Error).message}); it is cut short or damaged`,
      { name },
    );
  }
  const { width, height, data } = image;
  checkSize(name, width * height, 3 * width * height, data.length);
  return {
    height,
    width,
    grey: false,
    pixel: (i, j) => {
      const at = 3 * (i * width + j);
      return [data[at] / 255, data[at + 1] / 255, data[at + 2] / 255];
    },
  };
}

/**
 * A PNG or JPEG, whatever its name says. Throws FormatError when it is neither, empty or damaged.
 */
export function readPicture(bytes: Uint8Array, name: string): Picture {
  if (bytes.length === 0) throw new FormatError(`${name}: the file is empty`, { name });
  if (bytes[0] === 0x89 && bytes[1] === 0x50) return readPngPicture(bytes, name);
  if (bytes[0] === 0xff && bytes[1] === 0xd8) return readJpeg(bytes, name);
  throw new FormatError(`${name}: it is neither PNG nor JPEG by its first bytes; convert it, whatever its name says`, {
    name,
  });
}
