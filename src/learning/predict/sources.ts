// Where pictures come from: files that data has read, and what a page has: ImageData, canvases,
// video frames, images.
import { ConfigError, quoted } from "../../engine/index.ts";
import type { Pixels } from "./resample.ts";

/** A picture of a file, as data's readPicture gives it. */
interface ReadPicture {
  readonly height: number;
  readonly width: number;
  pixel(row: number, column: number): readonly [number, number, number];
}
/** A page's ImageData: red, green, blue and opacity of every pixel, 0 to 255. */
interface RgbaBytes {
  readonly height: number;
  readonly width: number;
  readonly data: ArrayLike<number>;
}
/**
 * A canvas, or what can be drawn on one: a video, a VideoFrame, an ImageBitmap, an image element.
 */
interface Drawable {
  readonly height?: unknown;
  readonly width?: unknown;
}
export type ImageSource = Pixels | ReadPicture | RgbaBytes | Drawable;

type Fields = Readonly<Record<string, unknown>>;
const isPixels = (v: Fields): boolean => v.planes instanceof Float32Array;
const isRead = (v: Fields): boolean => typeof v.pixel === "function";
const isBytes = (v: Fields): boolean =>
  typeof v.data === "object" &&
  v.data !== null &&
  "length" in v.data &&
  v.data.length === 4 * sides(v.height, v.width);
const sides = (height: unknown, width: unknown): number => Number(height) * Number(width);

function ofPicture({ height, width, pixel }: ReadPicture): Pixels {
  const planes = new Float32Array(3 * height * width);
  for (let i = 0; i < height; i++)
    for (let j = 0; j < width; j++)
      pixel(i, j).forEach((v, c) => {
        planes[(c * height + i) * width + j] = v;
      });
  return { height, width, planes };
}
function ofBytes({ height, width, data }: RgbaBytes): Pixels {
  const size = height * width;
  const planes = new Float32Array(3 * size);
  for (let i = 0; i < size; i++)
    for (let c = 0; c < 3; c++) planes[c * size + i] = data[4 * i + c] / 255;
  return { height, width, planes };
}

/** Its own size in pixels, whatever it is shown as. */
function sizeOfDrawable(source: Fields): readonly [number, number] | undefined {
  const names = [
    ["videoHeight", "videoWidth"],
    ["displayHeight", "displayWidth"],
    ["naturalHeight", "naturalWidth"],
    ["height", "width"],
  ];
  for (const [height, width] of names) {
    const [H, W] = [source[height], source[width]].map(Number);
    if (Number.isSafeInteger(H) && Number.isSafeInteger(W) && H >= 1 && W >= 1) return [H, W];
  }
  return undefined;
}
/** Drawn on a canvas of its size, and read from there. */
function drawn(source: Fields): Pixels {
  const size = sizeOfDrawable(source);
  if (!size || typeof OffscreenCanvas === "undefined")
    throw new ConfigError(
      `preprocess: ${quoted(source)} is no picture here; give ImageData, a canvas, a video frame, or what readPicture gives`,
      {},
    );
  const [height, width] = size;
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  if (!context)
    throw new ConfigError("preprocess: this host gives no canvas to read pictures from", {});
  context.drawImage(source as unknown as ImageBitmap, 0, 0, width, height);
  return ofBytes(context.getImageData(0, 0, width, height));
}

/**
 * The pixels of a picture, opacity left out. Throws ConfigError for what is none, or cannot be
 * drawn here.
 */
export function pixelsOf(source: ImageSource): Pixels {
  const fields = (source ?? {}) as unknown as Fields;
  if (isPixels(fields)) return source as Pixels;
  if (isRead(fields)) return ofPicture(source as ReadPicture);
  if (isBytes(fields)) return ofBytes(source as RgbaBytes);
  return drawn(fields);
}
