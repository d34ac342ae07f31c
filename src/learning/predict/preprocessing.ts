// What is done to a picture before a network sees it, as plain data that the network's checkpoint
// carries, so that the command line, a page and the library do the same.
import {
  ConfigError,
  FormatError,
  formatShape,
  quoted,
  roundHalfEven,
  ShapeError,
  sizeOf,
  type Shape,
} from "../../engine/index.ts";
import { outputShape } from "../nn/cutting.ts";
import type { Network } from "../nn/network.ts";
import { number, oneOf, refuse, type Type } from "../nn/option-types.ts";
import { cropped, resized, turned, type Interpolation, type Pixels } from "./resample.ts";

/** In this order: turned, resized, cropped, made the network's channels, and scaled. */
export interface Preprocessing {
  /** How pictures lie, by EXIF's number, 1 to 8; 1, upright, unless given. Readers turn JPEGs. */
  readonly orientation?: number;
  /** [height, width], or the shorter side; the picture's own size unless given. */
  readonly resize?: number | readonly [number, number];
  /** "bilinear", antialiased as Pillow does it, unless given. */
  readonly interpolation?: Interpolation;
  /** The middle of that: [height, width], or both. */
  readonly crop?: number | readonly [number, number];
  /** "rgb" and "bgr" for three channels; "grey", the luminance, for one. */
  readonly channels?: "rgb" | "bgr" | "grey";
  /** What black and white are given as: [0, 1] unless given. */
  readonly range?: readonly [number, number];
  /** Taken off every channel, or one number for all. */
  readonly mean?: readonly number[];
  /** Divides every channel then. */
  readonly deviation?: readonly number[];
}
/** Of a network that says none: what `classification` trains on. */
export const plain: Preprocessing = { range: [-1, 1] };

const isSide = (v: unknown): boolean =>
  Number.isSafeInteger(v) && (v as number) >= 1 && (v as number) <= 65536;
const sides: Type = {
  what: "a number of pixels, or [height, width]",
  is: (v) => isSide(v) || (Array.isArray(v) && v.length === 2 && v.every(isSide)),
};
const perChannel: Type = {
  what: "one number, or one for each of three channels, in a list",
  is: (v) => Array.isArray(v) && [1, 3].includes(v.length) && v.every(number.is),
};
const fields: { readonly [K in keyof Required<Preprocessing>]: Type } = {
  orientation: { what: "EXIF's number from 1 to 8", is: (v) => isSide(v) && (v as number) <= 8 },
  resize: sides,
  interpolation: oneOf("bilinear", "nearest"),
  crop: sides,
  channels: oneOf("rgb", "bgr", "grey"),
  range: {
    what: "two numbers",
    is: (v) => Array.isArray(v) && v.length === 2 && v.every(number.is) && v[0] !== v[1],
  },
  mean: perChannel,
  deviation: {
    what: `${perChannel.what}, none of them 0`,
    is: (v) => perChannel.is(v) && (v as number[]).every((d) => d !== 0),
  },
};

/** Throws ConfigError for a field that is unknown, with what was meant, or of another type. */
export function checkPreprocessing(value: unknown, where: string): Preprocessing {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new ConfigError(`${where} must be an object, it is ${quoted(value)}`, {});
  refuse(where, value, fields, []);
  return value as Preprocessing;
}

/** The same as a test, for what a checkpoint says. */
export function isPreprocessing(value: unknown): boolean {
  try {
    checkPreprocessing(value, "preprocessing");
    return true;
  } catch {
    return false;
  }
}

/** Throws ConfigError where what comes of it is not what the network takes. */
function checkFits(
  { architecture: { input } }: Network,
  { resize, crop, channels, ...rest }: Preprocessing,
): void {
  const [C, ...size] = input;
  const fail = (what: string): never => {
    throw new ConfigError(`preprocessing: ${what}, the network takes ${formatShape(input)}`, {
      input,
    });
  };
  const last = crop ?? (typeof resize === "number" ? undefined : resize);
  const made = typeof last === "number" ? [last, last] : last;
  if (input.length !== 3 || (C !== 1 && C !== 3))
    fail("it is for networks of grey or colour images");
  if (made && made.join() !== size.join()) fail(`it makes pictures of ${made.join("×")}`);
  if (C === 1 && channels !== undefined && channels !== "grey")
    fail(`its channels are ${channels}`);
  const long = [rest.mean, rest.deviation].find((list) => list && list.length > C);
  if (long) fail(`it has ${long.length} numbers for ${C} channel`);
}
/** Throws ConfigError for classes that are not as many as a network's outputs. */
function checkClasses(network: Network, classes: readonly string[]): void {
  const outputs = sizeOf(outputShape(network));
  if (outputs !== classes.length)
    throw new ConfigError(
      `classes: ${classes.length} names, and the network has ${outputs} outputs`,
      { classes: classes.length, outputs },
    );
}
/**
 * The network, which says from now on what is done to its pictures, and the names of its classes
 * where they are given. Throws ConfigError for a field that is wrong or does not fit the network,
 * or classes that are not as many as its outputs.
 */
export function withPreprocessing(
  network: Network,
  preprocessing: Preprocessing,
  classes?: readonly string[],
): Network {
  checkFits(network, checkPreprocessing(preprocessing, "preprocessing"));
  if (classes) checkClasses(network, classes);
  return {
    ...network,
    trained: { ...network.trained, preprocessing, ...(classes ? { classes } : {}) },
  };
}

type Size = Pick<Pixels, "height" | "width">;
/** The shape of a picture [C,H,W] after it; `channels: "grey"` leaves one channel. */
export function preprocessedShape(preprocessing: Preprocessing, [C, H, W]: Shape): Shape {
  const { orientation = 1, resize, crop, channels } = preprocessing;
  const upright = orientation >= 5 ? { height: W, width: H } : { height: H, width: W };
  const resized = sizeAfter(upright, resize);
  const cut = typeof crop === "number" ? [crop, crop] : crop;
  return [channels === "grey" ? 1 : C, ...(cut ?? resized)];
}

/** Of a picture that is resized; each is three numbers. */
const MOST_PIXELS = 2 ** 26;
/** Sides after `resize`, as torchvision's Resize has them. */
function sizeAfter(
  { height, width }: Size,
  resize: Preprocessing["resize"],
): readonly [number, number] {
  if (resize === undefined) return [height, width];
  if (typeof resize !== "number") return resize;
  const longer = (side: number, shorter: number): number => Math.floor((resize * side) / shorter);
  return height <= width ? [resize, longer(width, height)] : [longer(height, width), resize];
}
function middle(pixels: Pixels, crop: Preprocessing["crop"], name: string): Pixels {
  if (crop === undefined) return pixels;
  const [height, width] = typeof crop === "number" ? [crop, crop] : crop;
  if (height > pixels.height || width > pixels.width)
    throw new ShapeError(
      `${name}: it is ${pixels.height}×${pixels.width} and is to be cropped to ${height}×${width}; resize it larger first`,
      { name },
    );
  const from = (all: number, part: number): number => roundHalfEven((all - part) / 2);
  return cropped(pixels, from(pixels.height, height), from(pixels.width, width), height, width);
}
/** The planes that the network takes: its own order of colours, or their luminance. */
function channelsOf(
  pixels: Pixels,
  count: number,
  { channels }: Preprocessing,
  name: string,
): Float32Array[] {
  const { height, width, planes } = pixels;
  const size = height * width;
  const [red, green, blue] = [0, 1, 2].map((c) => planes.subarray(c * size, (c + 1) * size));
  if (count === 3) {
    if (channels === "grey") return [0, 1, 2].map(() => luminances(red, green, blue));
    return channels === "bgr" ? [blue, green, red] : [red, green, blue];
  }
  const isGrey = red.every((v, i) => v === green[i] && v === blue[i]);
  if (isGrey || channels === "grey") return [isGrey ? red : luminances(red, green, blue)];
  throw new FormatError(
    `${name}: it is in colour, the network takes grey pictures; convert it, or say channels: "grey" in its preprocessing`,
    { name },
  );
}
/** 0.299 R + 0.587 G + 0.114 B */
const luminances = (red: Float32Array, green: Float32Array, blue: Float32Array): Float32Array =>
  red.map((r, i) => 0.299 * r + 0.587 * green[i] + 0.114 * blue[i]);

/**
 * A picture as the network's input [C,H,W], by its own preprocessing; without one, values from −1
 * to 1 of a picture of its size. `name` is the picture's, for the message. Throws ShapeError for
 * another size in the end, FormatError for colours that a grey network would lose, ConfigError for
 * a network of no pictures.
 */
export function preprocessed(network: Network, picture: Pixels, name = "picture"): Float32Array {
  const { input } = network.architecture;
  const [C, H, W] = input;
  if (input.length !== 3 || (C !== 1 && C !== 3))
    throw new ConfigError(
      `${name}: the network takes ${formatShape(input)}; pictures are for networks of grey or colour images`,
      { input },
    );
  const steps = network.trained?.preprocessing ?? plain;
  const upright = turned(picture, steps.orientation ?? 1);
  const [height, width] = sizeAfter(upright, steps.resize);
  if (height * width > MOST_PIXELS)
    throw new ShapeError(
      `${name}: its preprocessing makes it ${height}×${width}, more than ${MOST_PIXELS} pixels; crop the picture, or resize it to less`,
      { height, width },
    );
  const whole = resized(upright, height, width, steps.interpolation ?? "bilinear");
  const seen = middle(whole, steps.crop, name);
  if (seen.height !== H || seen.width !== W)
    throw new ShapeError(
      `${name}: it is ${seen.height}×${seen.width}${seen === picture ? "" : " after its preprocessing"}, the network takes ${formatShape(input)}; resize it`,
      { input },
    );
  const values = new Float32Array(C * H * W);
  channelsOf(seen, C, steps, name).forEach((plane, c) => values.set(plane, c * H * W));
  scale(values, C, steps);
  return values;
}
/** Values from 0 to 1 of so many channels → range, mean and deviation, in place. */
export function scale(values: Float32Array, channels: number, steps: Preprocessing): void {
  const { range: [low, high] = [0, 1], mean = [0], deviation = [1] } = steps;
  const at = (list: readonly number[], c: number): number => list[list.length === 1 ? 0 : c];
  const size = values.length / channels;
  for (let c = 0; c < channels; c++) {
    const [shift, factor] = [at(mean, c), at(deviation, c)];
    for (let i = c * size; i < (c + 1) * size; i++)
      values[i] = (low + (high - low) * values[i] - shift) / factor;
  }
}
