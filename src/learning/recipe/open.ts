// A network from a recipe and somebody's weights.
import {
  FiducialError,
  FormatError,
  present,
  quoted,
  sizeOf,
  withoutControls,
  type Shape,
} from "../../engine/index.ts";
import { parameterShapes, type Network, type Parameter, type Trained } from "../nn/network.ts";
import { alike, filledIn, fitted } from "./names.ts";
import type { Recipe, Source } from "./recipe.ts";

/** An array of a file of weights, row-major; nothing is allocated before `values` is called. */
export interface GivenTensor {
  readonly shape: Shape;
  values(): Float32Array;
}
export type GivenTensors = ReadonlyMap<string, GivenTensor>;

const isPermutation = (axes: readonly number[], rank: number): boolean =>
  axes.length === rank && axes.every((axis) => axis < rank) && new Set(axes).size === rank;
const times = (shape: Shape): string => (shape.length === 0 ? "one number" : shape.join("×"));
const withoutOnes = (shape: Shape): string => shape.filter((n) => n !== 1).join();

/** Why a tensor cannot be the parameter, as a sentence's end; undefined where it can. */
function misfit(given: Shape, wanted: Shape, source: Source): string | undefined {
  const taken = source.shape ?? given;
  if (sizeOf(taken) !== sizeOf(given))
    return `is ${times(given)} and cannot be taken for ${times(taken)}`;
  const { axes = taken.map((_, i) => i), flip = [] } = source;
  if (!isPermutation(axes, taken.length))
    return `is ${times(taken)}, which has no axes ${axes.join(", ")}`;
  const turned = axes.map((axis) => taken[axis]);
  const beyond = flip.find((axis) => axis >= turned.length);
  if (beyond !== undefined) return `is ${times(turned)}, which has no axis ${beyond} to turn round`;
  // axes of one cell hold nothing: [1,1] is a number
  if (withoutOnes(turned) === withoutOnes(wanted)) return undefined;
  return `is ${times(turned)} and should be ${times(wanted)}`;
}

/** The tensor's numbers in the parameter's order. */
function arranged({ shape, values }: GivenTensor, source: Source): Float32Array {
  const taken = source.shape ?? shape;
  const { axes = taken.map((_, i) => i), flip = [], factor = 1 } = source;
  const strides = taken.map((_, axis) => sizeOf(taken.slice(axis + 1)));
  const sizes = axes.map((axis) => taken[axis]);
  const all = values();
  const index = sizes.map(() => 0);
  return Float32Array.from({ length: all.length }, () => {
    let at = 0;
    for (let k = 0; k < sizes.length; k++)
      at += strides[axes[k]] * (flip.includes(k) ? sizes[k] - 1 - index[k] : index[k]);
    for (let k = sizes.length - 1; k >= 0 && ++index[k] === sizes[k]; k--) index[k] = 0;
    return factor * all[at];
  });
}

interface Found {
  readonly name: string;
  readonly shape: Shape;
  readonly tensor: GivenTensor;
  readonly source: Source;
}
/** Where each parameter's numbers are, and everything that does not fit. */
function match(
  recipe: Recipe,
  shapes: ReadonlyMap<string, Shape>,
  tensors: GivenTensors,
): { found: Found[]; wrong: string[] } {
  const sources = Object.entries(recipe.weights).map(([pattern, s]) => ({
    pattern,
    source: typeof s === "string" ? { from: s } : s,
  }));
  const found: Found[] = [];
  const wrong: string[] = [];
  const used = new Set<string>();
  for (const [name, shape] of shapes) {
    const fit = sources.map(({ pattern, source }) => ({
      source,
      variables: fitted(pattern, name),
    }));
    const first = fit.find(({ variables }) => variables !== undefined);
    if (!first) {
      wrong.push(`no pattern of weights fits the parameter ${quoted(name)} of ${times(shape)}`);
      continue;
    }
    const from = filledIn(first.source.from, first.variables!, "weights");
    const tensor = tensors.get(from);
    used.add(from);
    const strange = tensor ? misfit(tensor.shape, shape, first.source) : "is not in the file";
    if (strange !== undefined) wrong.push(`${quoted(from)}, for ${quoted(name)}, ${strange}`);
    else found.push({ name, shape, tensor: tensor!, source: first.source });
  }
  const left = [...tensors.keys()].filter((key) => !used.has(key));
  const { unused = [] } = recipe;
  for (const key of left)
    if (!unused.some((pattern) => alike(pattern, key)))
      wrong.push(`${quoted(key)} of ${times(tensors.get(key)!.shape)} is used by no parameter`);
  return { found, wrong };
}

/** How the network is used, as a checkpoint says it. */
function trainedOf(recipe: Recipe): Trained {
  const {
    scale,
    dataConsistency = "none",
    iterations = 1,
    inputIs: input = "image",
    fft = {},
  } = recipe;
  const noiseLevel = typeof dataConsistency === "object" ? dataConsistency.noiseLevel : undefined;
  const form = present({
    input,
    iterations,
    dataConsistency: dataConsistency !== "none",
    scale,
    noiseLevel,
    lowestFrequency: fft.lowestFrequency,
    normalization: fft.normalization,
  });
  return present({
    form,
    operator: recipe.operator,
    noiseSigma: recipe.noiseSigma,
    images: recipe.images,
  });
}

/**
 * The network. `name` is the weights' file, for the message. Throws one FormatError that lists
 * every parameter without numbers, every shape that differs and every tensor left over.
 */
export function networkFromRecipe(recipe: Recipe, tensors: GivenTensors, name: string): Network {
  const architecture = { input: recipe.input, layers: recipe.layers };
  const { found, wrong } = match(recipe, shapesOf(architecture, name), tensors);
  if (wrong.length > 0)
    throw new FormatError(
      `${name}: the recipe does not fit its weights, ${wrong.length} mismatches: ${withoutControls(wrong.join("; "))}`,
      { name, wrong },
    );
  const parameters = new Map<string, Parameter>(
    found.map(({ name: key, shape, tensor, source }) => [
      key,
      { shape, data: arranged(tensor, source) },
    ]),
  );
  const strange = found.find(({ name: key }) => !parameters.get(key)!.data.every(Number.isFinite));
  if (strange)
    throw new FormatError(`${name}: ${quoted(strange.name)} holds values that are not finite`, {
      name,
    });
  const { source, licence } = recipe;
  const provenance = present({ weights: name.replace(/^.*[/\\]/, ""), source, licence });
  return present({
    architecture,
    parameters,
    provenance,
    name: recipe.name,
    trained: trainedOf(recipe),
  });
}

/** With nothing allocated. Throws FormatError naming the layer that is wrong. */
function shapesOf(architecture: Network["architecture"], name: string): ReadonlyMap<string, Shape> {
  try {
    return parameterShapes(architecture);
  } catch (error) {
    if (!(error instanceof FiducialError)) throw error;
    throw new FormatError(
      `${name}: the recipe's layers make no network: ${withoutControls(error.message)}`,
      { name },
    );
  }
}
