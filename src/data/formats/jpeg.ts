// JPEG pictures by jpeg-js, turned as their EXIF orientation says.
import jpeg from "jpeg-js";
import { FormatError } from "../../engine/index.ts";
import { checkSize } from "../volume.ts";
import type { Picture } from "./png.ts";

export interface JpegHead {
  readonly height: number;
  readonly width: number;
  readonly components: number;
  /** 1 to 8, as EXIF's tag 0x0112: which way up the camera was held. */
  readonly orientation: number;
}

/**
 * What the segments before the pixels say. Throws FormatError for a file without a frame. Source:
 * ITU-T T.81 annex B.
 */
export function jpegHead(bytes: Uint8Array, name: string): JpegHead {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let orientation = 1;
  for (let at = 2; at + 4 <= bytes.length; ) {
    const marker = bytes[at + 1];
    if (bytes[at] !== 0xff) break;
    if (marker === 0xff) {
      at++;
      continue;
    }
    const length = view.getUint16(at + 2);
    if (marker === 0xe1)
      orientation = exifOrientation(bytes.subarray(at + 4, at + 2 + length)) ?? orientation;
    // every start of frame; 0xc4, 0xc8 and 0xcc are something else
    const frame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (frame && at + 10 <= bytes.length)
      return {
        height: view.getUint16(at + 5),
        width: view.getUint16(at + 7),
        components: bytes[at + 9],
        orientation,
      };
    at += 2 + length;
  }
  throw new FormatError(
    `${name}: this JPEG cannot be read (it has no frame); it is cut short or damaged`,
    { name },
  );
}

/** Source: CIPA DC-008 (EXIF), TIFF 6.0. */
function exifOrientation(segment: Uint8Array): number | undefined {
  if (segment.length < 14 || String.fromCharCode(...segment.subarray(0, 4)) !== "Exif")
    return undefined;
  const view = new DataView(segment.buffer, segment.byteOffset + 6, segment.byteLength - 6);
  const little = view.getUint16(0) === 0x4949;
  const first = view.getUint32(4, little);
  if (first + 2 > view.byteLength) return undefined;
  const entries = view.getUint16(first, little);
  for (let k = 0, at = first + 2; k < entries && at + 12 <= view.byteLength; k++, at += 12)
    if (view.getUint16(at, little) === 0x0112) {
      const value = view.getUint16(at + 8, little);
      return value >= 1 && value <= 8 ? value : undefined;
    }
  return undefined;
}

/**
 * The picture as it is looked at. Throws FormatError for one that is damaged, or whose header
 * claims more pixels than its bytes can hold.
 */
export function readJpeg(bytes: Uint8Array, name: string): Picture {
  const { orientation, components, ...claimed } = jpegHead(bytes, name);
  // a block of 8×8 pixels takes a bit at least
  checkSize(
    name,
    claimed.height * claimed.width,
    Math.ceil((claimed.height * claimed.width) / 512),
    bytes.length,
  );
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
  const turned = orientation >= 5;
  const place = placeOf(orientation, height, width);
  return {
    height: turned ? width : height,
    width: turned ? height : width,
    grey: components === 1,
    pixel: (i, j) => {
      const at = 3 * place(i, j);
      return [data[at] / 255, data[at + 1] / 255, data[at + 2] / 255];
    },
  };
}

/** Where the pixel in row i, column j of the upright picture is stored. */
function placeOf(
  orientation: number,
  height: number,
  width: number,
): (i: number, j: number) => number {
  const [bottom, right] = [height - 1, width - 1];
  const stored: Readonly<Record<number, (i: number, j: number) => readonly [number, number]>> = {
    1: (i, j) => [i, j],
    2: (i, j) => [i, right - j],
    3: (i, j) => [bottom - i, right - j],
    4: (i, j) => [bottom - i, j],
    5: (i, j) => [j, i],
    6: (i, j) => [bottom - j, i],
    7: (i, j) => [bottom - j, right - i],
    8: (i, j) => [j, right - i],
  };
  return (i, j) => {
    const [row, column] = stored[orientation](i, j);
    return row * width + column;
  };
}
