// The pictures that a section may take: generated ones, and one that the visitor opened. Theirs is
// kept in this worker's memory, and nowhere else.
import {
  drawnShapes,
  loadVolume,
  readPicture,
  straightEdges,
  strokeDigits,
  type LabelledImages,
} from "fiducial/data";
import { ConfigError, FormatError, ShapeError } from "fiducial/engine";
import { sheppLogan } from "fiducial/imaging";
import { nn, trace } from "fiducial/learning";
import { quickly } from "./engine.ts";
import { networkWith } from "./networks.ts";

export const pictureNames = ["phantom", "digit", "edge", "colours", "own"] as const;
export type PictureName = (typeof pictureNames)[number];
/** [1 or 3, rows, columns], values in [0, 1]. */
export interface Image {
  readonly shape: readonly [number, number, number];
  readonly data: Float32Array;
}

const SIDE = 128;
/** Longest side of an opened picture that is worked on. */
const LONGEST = 192;
/** More bytes than these are not read: a page has little memory. */
export const MOST_BYTES = 64e6;

let own: Image | undefined;

function first(images: LabelledImages, index = 0): Float32Array {
  const pixels = new Float32Array(images.shape[1] * images.shape[2]);
  images.pixels(index, pixels);
  return pixels;
}
/** Three shapes, one in each colour. */
function colours(): Image {
  const planes = [11, 14, 3].map((seed) => first(drawnShapes({ count: 1, seed, size: 64 })));
  const data = new Float32Array(3 * 64 * 64);
  planes.forEach((plane, i) => data.set(plane, i * 64 * 64));
  return { shape: [3, 64, 64], data };
}
const square = (size: number, data: Float32Array): Image => ({ shape: [1, size, size], data });
const makers: Readonly<Record<Exclude<PictureName, "own">, () => Image>> = {
  phantom: () => square(SIDE, sheppLogan({ size: SIDE })),
  digit: () => square(64, first(strokeDigits({ count: 1, seed: 4, size: 64 }))),
  edge: () => square(64, first(straightEdges({ count: 1, seed: 2, size: 64 }))),
  colours,
};

/** Throws ConfigError where the visitor has opened none. */
export function picture(name: PictureName): Image {
  if (name !== "own") return makers[name]();
  if (own) return own;
  throw new ConfigError(
    "There is no picture of yours in this tab: open it again. It is not kept anywhere.",
    {},
  );
}

async function decode(bytes: Uint8Array, name: string): Promise<Image> {
  const isPicture =
    (bytes[0] === 0x89 && bytes[1] === 0x50) || (bytes[0] === 0xff && bytes[1] === 0xd8);
  if (isPicture) {
    const { height, width, grey, pixel } = readPicture(bytes, name);
    const [n, channels] = [height * width, grey ? 1 : 3];
    const data = new Float32Array(channels * n);
    for (let i = 0; i < n; i++) {
      const colour = pixel(Math.floor(i / width), i % width);
      for (let c = 0; c < channels; c++) data[c * n + i] = colour[c];
    }
    return { shape: [grey ? 1 : 3, height, width], data };
  }
  const volume = await loadVolume(bytes, name);
  const slice = volume.slice(Math.floor(volume.slices / 2));
  const n = volume.height * volume.width;
  const values = volume.complex
    ? Float32Array.from({ length: n }, (_, i) => Math.hypot(slice[i], slice[n + i]))
    : slice;
  const low = values.reduce((a, b) => Math.min(a, b));
  const high = values.reduce((a, b) => Math.max(a, b));
  const data = values.map((v) => (high > low ? (v - low) / (high - low) : 0));
  return { shape: [1, volume.height, volume.width], data };
}
/** Means of whole blocks, so that the longest side is at most LONGEST. */
async function reduced(image: Image): Promise<Image> {
  const [channels, rows, columns] = image.shape;
  const kernelSize = Math.ceil(Math.max(rows, columns) / LONGEST);
  if (kernelSize === 1) return image;
  if (Math.min(rows, columns) < kernelSize)
    throw new ShapeError(
      `a picture of ${rows}×${columns} pixels is too narrow to be made smaller; crop it`,
      {},
    );
  const network = networkWith(
    { input: image.shape, seed: 1, layers: [nn.avgPool2d({ kernelSize })] },
    {},
  );
  const { shape, data } = (
    await trace(network, { inputs: image.data, backend: await quickly() })
  ).get("0.avgPool2d")!;
  return { shape: [channels, shape[2], shape[3]], data: Float32Array.from(data) };
}

export interface Opened {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  readonly colour: boolean;
}
/** Throws FormatError, in one line, for a file that is no picture. */
export async function openPicture({
  bytes,
  name,
}: {
  bytes: Uint8Array;
  name: string;
}): Promise<Opened> {
  if (bytes.length > MOST_BYTES)
    throw new FormatError(
      `${name} has ${Math.round(bytes.length / 1e6)} MB; open one of at most ${MOST_BYTES / 1e6}`,
      {},
    );
  own = await reduced(await decode(bytes, name));
  const [channels, rows, columns] = own.shape;
  return { name, rows, columns, colour: channels === 3 };
}
