// What is done to a picture before a classifier sees it, as options: of one that is trained, which
// keeps it, and of one in an ONNX file.
import { ConfigError, present } from "../engine/index.ts";
import type { LabelledImages } from "../data/index.ts";
import {
  classification,
  preparedFor,
  type Dataset,
  type Network,
  type Preprocessing,
} from "../learning/index.ts";
import { choice, numbers, option, type Values } from "./options.ts";

type Numbers = readonly number[];
/** A list of numbers that is held to a rule, which `advice` says. */
function list(facts: {
  value: string;
  help: string;
  advice: string;
  is: (list: Numbers) => boolean;
}) {
  const { value, help, advice, is } = facts;
  const read = (text: string, flag: string): Numbers => {
    const all = numbers({ help }).read(text, flag);
    if (all && is(all)) return all;
    throw new ConfigError(`${flag} ${text}: give ${advice}`, { option: flag, value: text });
  };
  return option<Numbers>({ value, help, read });
}
const isSide = (n: number): boolean => Number.isInteger(n) && n >= 1 && n <= 65536;
const sides = (help: string) =>
  list({
    value: "N",
    help,
    advice: "a number of pixels from 1 to 65536, or height and width with a comma between",
    is: (all) => all.length <= 2 && all.every(isSide),
  });
const isPerChannel = (all: Numbers): boolean => all.length === 1 || all.length === 3;

export const pictureOptions = {
  resize: sides("pictures are resized: their shorter side, or HEIGHT,WIDTH; kept in the network"),
  centreCrop: sides("the middle of that is taken: a square, or HEIGHT,WIDTH"),
  interpolation: choice(["bilinear", "nearest"], { help: "how they are resized (bilinear)" }),
  channels: choice(["rgb", "bgr", "grey"], { help: "the order of colours, or their luminance" }),
  range: list({
    value: "BLACK,WHITE",
    help: "what black and white are given as (0,1 with a mean or a deviation; trained without, -1,1)",
    advice: "two different numbers with a comma between",
    is: (all) => all.length === 2 && all[0] !== all[1],
  }),
  mean: list({
    value: "LIST",
    help: "taken off: one number, or one for each of three channels",
    advice: "one number, or three with commas between",
    is: isPerChannel,
  }),
  deviation: list({
    value: "LIST",
    help: "by what is divided then: one number, or one for each of three channels",
    advice: "one number, or three with commas between, none of them 0",
    is: (all) => isPerChannel(all) && !all.includes(0),
  }),
} as const;
type PictureValues = Values<typeof pictureOptions>;

/** The names of those that are given. */
export const givenPictureOptions = (values: PictureValues): (keyof PictureValues)[] =>
  (Object.keys(pictureOptions) as (keyof PictureValues)[]).filter(
    (name) => values[name] !== undefined,
  );

const sizeOf = (all: Numbers | undefined): number | [number, number] | undefined =>
  all && (all.length === 1 ? all[0] : [all[0], all[1]]);
/** As a network keeps it; undefined where nothing is given. */
export function preprocessingOf(values: PictureValues): Preprocessing | undefined {
  if (givenPictureOptions(values).length === 0) return undefined;
  const { resize, centreCrop, interpolation, channels, range, mean, deviation } = values;
  return present({
    resize: sizeOf(resize),
    interpolation,
    crop: sizeOf(centreCrop),
    channels,
    range: range && ([range[0], range[1]] as const),
    mean,
    deviation,
  });
}
/** The same of a network to be trained: without a mean or a deviation values are from −1 to 1. */
export function trainedPreprocessing(values: PictureValues): Preprocessing | undefined {
  const steps = preprocessingOf(values);
  const isScaled = steps?.range || steps?.mean || steps?.deviation;
  return steps && !isScaled ? { ...steps, range: [-1, 1] } : steps;
}

/** Samples as the network's pictures are prepared, changed by `change` before they are scaled. */
export function samplesFor(
  network: Network,
  images: LabelledImages,
  change: (data: Dataset) => Dataset = (data) => data,
): Dataset {
  if (network.trained?.preprocessing) return preparedFor(network, images, { change });
  return change(classification(images));
}
