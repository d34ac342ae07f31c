// What a reconstruction network or a classifier in an ONNX file is, as plain data beside it. What
// each field means: docs/bring-your-own.md. Whether it fits a file: imaging/networks/imported.ts.
import { FormatError, parseJson, quoted } from "../../engine/index.ts";
import { layoutFault } from "../onnx/arrange.ts";
import type { Feed, Taken } from "../onnx/block.ts";
import { isPreprocessing, type Preprocessing } from "../predict/preprocessing.ts";
import {
  anyOf,
  faults,
  isObject,
  isWhole,
  number,
  object,
  oneOf,
  text,
  texts,
  type Holds,
} from "./faults.ts";

export const onnxRecipeFormat = "fiducial-onnx-1";

/** What one of the graph's inputs is; a constant is fixed when the file is read. */
export type RecipeInput =
  | (Omit<Feed, "layout"> & { readonly layout?: string })
  | { readonly is: "constant"; readonly value: number | readonly number[] };
export interface RecipeOutput extends Taken {
  /** Which output; the first unless it is said. */
  readonly name?: string;
}
export interface OnnxRecipe {
  readonly name?: string;
  readonly source?: string;
  readonly licence?: string;
  /** Rows and columns of its images. */
  readonly size?: readonly [number, number];
  readonly inputs: Readonly<Record<string, RecipeInput>>;
  readonly output?: RecipeOutput;
  readonly coils?: number;
  readonly scale?: "rms" | "peak" | "none";
  readonly standardized?: boolean;
  readonly clamp?: number;
  /** Further files in the model's folder, each behind the one before. */
  readonly blocks?: readonly string[];
  readonly iterations?: number;
  /** Where the blocks refine: the image, or the k-space of all coils (E2E-VarNet). */
  readonly unrolled?: "image" | "kspace";
  readonly dataConsistency?: "none" | "hard" | { readonly noiseLevel: number };
  /** Of the data consistency behind each block. */
  readonly steps?: readonly number[];
  readonly operator?: Readonly<Record<string, unknown>>;
  readonly noiseSigma?: number;
  readonly images?: string;
  /** A classifier's, in the order of its outputs. */
  readonly classes?: readonly string[];
  /**
   * What is done to a classifier's pictures: black and white are given as `range`, less a mean over
   * a deviation per channel.
   */
  readonly pictures?: Preprocessing;
}

const flag: Holds = ["true or false", (v) => typeof v === "boolean"];
const positive: Holds = ["a positive number", (v) => number[1](v) && (v as number) > 0];
const count = (to: number): Holds => [
  `a whole number from 1 to ${to}`,
  (v) => isWhole(v) && (v as number) >= 1 && (v as number) <= to,
];
const listOf = ([what, is]: Holds, most: number): Holds => [
  `a list, each of it ${what}`,
  (v) => Array.isArray(v) && v.length <= most && v.every(is),
];
const pairOf = (item: Holds): Holds => [
  `two of ${item[0]}`,
  (v) => listOf(item, 2)[1](v) && (v as unknown[]).length === 2,
];
const layout: Holds = [
  "letters of the axes, each once: N, K, C, H, W, and 1 for one cell",
  (v) => layoutFault(v) === undefined,
];
const level: Holds = [
  "an object of noiseLevel, positive",
  (v) => isObject(v) && Object.keys(v).join() === "noiseLevel" && positive[1](v.noiseLevel),
];
const parts = oneOf("complex", "imaginaryFirst", "magnitude", "real", "channels");

const fields: Readonly<Record<keyof OnnxRecipe | "format", Holds>> = {
  format: oneOf(onnxRecipeFormat),
  name: text,
  source: text,
  licence: text,
  size: pairOf(count(4096)),
  inputs: object,
  output: object,
  coils: count(256),
  scale: oneOf("rms", "peak", "none"),
  standardized: flag,
  clamp: positive,
  blocks: texts,
  iterations: count(1000),
  unrolled: oneOf("image", "kspace"),
  dataConsistency: anyOf(oneOf("none", "hard"), level),
  steps: listOf(number, 1000),
  operator: object,
  noiseSigma: ["a number from 0 up", (v) => number[1](v) && (v as number) >= 0],
  images: text,
  classes: texts,
  pictures: object,
};
const kinds = ["image", "measurement", "mask", "coilMaps", "noiseLevel", "constant"] as const;
const is = oneOf(...kinds);
/** What each kind of input may say; the first field is what it is. */
const ofInput: Readonly<Record<(typeof kinds)[number], Readonly<Record<string, Holds>>>> = {
  image: { is, layout, parts },
  measurement: {
    is,
    layout,
    parts,
    lowestFrequency: oneOf("centre", "corner"),
    normalization: oneOf("orthonormal", "unnormalised"),
  },
  mask: { is, layout, lowestFrequency: oneOf("centre", "corner") },
  coilMaps: { is, layout, parts },
  noiseLevel: { is, layout, value: number },
  constant: { is, value: anyOf(number, listOf(number, 65536)) },
};
const ofOutput: Readonly<Record<keyof RecipeOutput, Holds>> = {
  name: text,
  layout,
  parts,
  residual: flag,
  phase: oneOf("kept", "none"),
};
const side = "a number of pixels, or [height, width]";
const ofPictures: Readonly<Record<keyof Preprocessing, Holds>> = {
  orientation: ["EXIF's number from 1 to 8", (v) => isPreprocessing({ orientation: v })],
  resize: [side, (v) => isPreprocessing({ resize: v })],
  interpolation: oneOf("bilinear", "nearest"),
  crop: [side, (v) => isPreprocessing({ crop: v })],
  channels: oneOf("rgb", "bgr", "grey"),
  range: pairOf(number),
  mean: listOf(number, 3),
  deviation: listOf(positive, 3),
};

function inputFaults(name: string, given: unknown): string[] {
  const where = `inputs ${quoted(name)}`;
  if (!isObject(given)) return [`${where} must be an object, it is ${quoted(given)}`];
  const kind = given.is as (typeof kinds)[number];
  if (!kinds.includes(kind)) return [`${where}: is must be ${is[0]}, it is ${quoted(given.is)}`];
  return faults(given, ofInput[kind], kind === "constant" ? ["value"] : [], where);
}
/** Fields that need others, or cannot stand beside them. */
function contradictions(recipe: Record<string, unknown>): string[] {
  const wrong: string[] = [];
  const { blocks, clamp, dataConsistency, standardized, steps, unrolled } = recipe;
  if (clamp !== undefined && standardized !== true)
    wrong.push('clamp goes with "standardized": true');
  if (steps !== undefined && unrolled !== "kspace")
    wrong.push('steps go with "unrolled": "kspace"');
  if (unrolled === "kspace" && dataConsistency !== undefined)
    wrong.push('dataConsistency does not go with "unrolled": "kspace", whose steps say it');
  const strange = Array.isArray(blocks)
    ? blocks.find((name) => /^([/\\]|[A-Za-z]:)|(^|[/\\])\.\.([/\\]|$)|\0/.test(String(name)))
    : undefined;
  if (strange !== undefined)
    wrong.push(`blocks are files in the model's folder, ${quoted(strange)} is not`);
  return wrong;
}

/** The recipe in a JSON text. Throws one FormatError that lists everything that is wrong. */
export function parseOnnxRecipe(bytes: Uint8Array, name: string): OnnxRecipe {
  const advice = "docs/bring-your-own.md has examples";
  const value = parseJson(new TextDecoder().decode(bytes), `${name}: the recipe`, advice);
  if (!isObject(value))
    throw new FormatError(`${name}: the recipe is ${quoted(value)} and no object`, { name });
  const { inputs, output, pictures } = value;
  const wrong = faults(value, fields, ["format", "inputs"], "the recipe");
  for (const [input, given] of Object.entries(isObject(inputs) ? inputs : {}))
    wrong.push(...inputFaults(input, given));
  if (isObject(output)) wrong.push(...faults(output, ofOutput, [], "output"));
  if (isObject(pictures)) wrong.push(...faults(pictures, ofPictures, [], "pictures"));
  wrong.push(...contradictions(value));
  if (wrong.length > 0) throw new FormatError(`${name}: ${wrong.join("; ")}`, { name, wrong });
  const { format: _, ...recipe } = value as unknown as OnnxRecipe & { format: string };
  return recipe;
}
/** The recipe as a file. */
export function writeOnnxRecipe(recipe: OnnxRecipe): string {
  return `${JSON.stringify({ format: onnxRecipeFormat, ...recipe }, null, 2)}\n`;
}
