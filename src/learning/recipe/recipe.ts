// A recipe: what a network of other makers is, as plain data beside its weights. What each field
// means: docs/published-weights.md. The network from both: open.ts.
import { FormatError, parseJson, quoted } from "../../engine/index.ts";
import type { Layer } from "../nn/layers.ts";
import {
  anyOf,
  faults,
  isObject,
  isWhole,
  number,
  object,
  oneOf,
  sizes,
  text,
  texts,
  wholes,
  type Holds,
} from "./faults.ts";
import { expanded } from "./repeat.ts";

export const recipeFormat = "fiducial-recipe-1";

/** Where a parameter's numbers are, and how they lie there. */
export interface Source {
  /** The tensor's name, with <…> for numbers out of the parameter's own. */
  readonly from: string;
  /** Taken for an array of this shape first. */
  readonly shape?: readonly number[];
  /** Then its axes in this order, */
  readonly axes?: readonly number[];
  /** turned round along these of the new axes, */
  readonly flip?: readonly number[];
  /** and multiplied. */
  readonly factor?: number;
}
export interface Recipe {
  readonly name?: string;
  /** Where the weights can be had, under which licence. */
  readonly source?: string;
  readonly licence?: string;
  /** One image's shape, [2, H, W]. */
  readonly input: readonly number[];
  readonly layers: readonly Layer[];
  /** By patterns of this project's parameters. */
  readonly weights: Readonly<Record<string, string | Source>>;
  /** Tensors of the file that the network does not need, * for anything. */
  readonly unused?: readonly string[];
  readonly scale?: "rms" | "peak" | "none";
  readonly dataConsistency?: "none" | "hard" | { readonly noiseLevel: number };
  readonly iterations?: number;
  readonly inputIs?: "image" | "measurement";
  readonly fft?: {
    readonly lowestFrequency?: "centre" | "corner";
    readonly normalization?: "orthonormal" | "unnormalised";
  };
  /** How it was measured when the network was trained: an operator as plain data. */
  readonly operator?: Readonly<Record<string, unknown>>;
  readonly noiseSigma?: number;
  /** What it was trained on. */
  readonly images?: string;
}

const level: Holds = [
  "an object of noiseLevel, positive",
  (v) => isObject(v) && Object.keys(v).join() === "noiseLevel" && (v.noiseLevel as number) > 0,
];

const fields: Readonly<Record<keyof Recipe | "format", Holds>> = {
  format: oneOf(recipeFormat),
  name: text,
  source: text,
  licence: text,
  input: sizes,
  layers: ["a list", Array.isArray],
  weights: object,
  unused: texts,
  scale: oneOf("rms", "peak", "none"),
  dataConsistency: anyOf(oneOf("none", "hard"), level),
  iterations: [
    "a whole number from 1 to 1000",
    (v) => isWhole(v) && (v as number) >= 1 && (v as number) <= 1000,
  ],
  inputIs: oneOf("image", "measurement"),
  fft: object,
  operator: object,
  noiseSigma: ["a number from 0 up", (v) => number[1](v) && (v as number) >= 0],
  images: text,
};
const ofFft: Readonly<Record<string, Holds>> = {
  lowestFrequency: oneOf("centre", "corner"),
  normalization: oneOf("orthonormal", "unnormalised"),
};
const ofSource: Readonly<Record<keyof Source, Holds>> = {
  from: text,
  shape: wholes,
  axes: wholes,
  flip: wholes,
  factor: number,
};

/**
 * The recipe in a JSON text, its repetitions written out. Throws one FormatError that lists
 * everything that is wrong. Layers are held to their options where they become a network.
 */
export function parseRecipe(bytes: Uint8Array, name: string): Recipe {
  const value = parseJson(
    new TextDecoder().decode(bytes),
    `${name}: the recipe`,
    "docs/published-weights.md has examples",
  );
  if (!isObject(value))
    throw new FormatError(`${name}: the recipe is ${quoted(value)} and no object`, { name });
  const wrong = faults(value, fields, ["format", "input", "layers", "weights"], "the recipe");
  if (isObject(value.fft)) wrong.push(...faults(value.fft, ofFft, [], "fft"));
  for (const [pattern, source] of Object.entries(isObject(value.weights) ? value.weights : {})) {
    const where = `weights ${quoted(pattern)}`;
    if (isObject(source)) wrong.push(...faults(source, ofSource, ["from"], where));
    else if (typeof source !== "string")
      wrong.push(`${where} must be a text or an object, it is ${quoted(source)}`);
  }
  if (wrong.length > 0) throw new FormatError(`${name}: ${wrong.join("; ")}`, { name, wrong });
  const { format: _, ...recipe } = value as unknown as Recipe & { format: string };
  return { ...recipe, layers: expanded(recipe.layers, name) as Layer[] };
}
