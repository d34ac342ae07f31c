// A network of another maker in an ONNX file as a network of this project: a recipe says what its
// inputs and its output are. Recipes: learning/recipe/onnx-recipe.ts.
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import {
  ConfigError,
  FormatError,
  formatShape,
  GraphBuilder,
  ops,
  parseJson,
  present,
  quoted,
  withoutControls,
  type Shape,
} from "../../engine/index.ts";
import {
  applyOnnx,
  declaredShape,
  importOnnx,
  keptGraph,
  nn,
  type Feed,
  type KnownInput,
  type Network,
  type OnnxBlock,
  type OnnxModel,
  type OnnxRecipe,
  type Parameter,
  type Port,
  type Preprocessing,
  type RecipeInput,
} from "../../learning/index.ts";
import {
  declaredSize,
  guessed,
  layoutOfInput,
  layoutOfOutput,
  listPorts,
  partsCount,
  shapeOf,
  type Sizes,
} from "./imported-ports.ts";

type Size = readonly [height: number, width: number];
export interface ImportedOptions {
  readonly bytes: Uint8Array;
  /** The file's name, for messages. */
  readonly name: string;
  readonly recipe?: OnnxRecipe | undefined;
  /** What is done to a classifier's pictures, beside and before what the recipe says. */
  readonly pictures?: Preprocessing | undefined;
  /** Rows and columns, instead of the recipe's and of what the file declares. */
  readonly size?: Size | undefined;
  /** A file by its path in the model's folder; undefined where there is none. */
  readonly readBeside?: ((path: string) => Uint8Array | undefined) | undefined;
}
export interface Imported {
  readonly network: Network;
  /** With everything that was left out filled in. */
  readonly recipe: OnnxRecipe;
  /** What reading the file has changed, in sentences. */
  readonly notes: readonly string[];
}
const ADVICE = "docs/bring-your-own.md";
type Fed = Exclude<RecipeInput, { is: "constant" }>;
const isFed = (input: RecipeInput): input is Fed => input.is !== "constant";

export const sha256Of = (bytes: Uint8Array): string => bytesToHex(sha256(bytes));
/** A constant's numbers in the shape that the file declares for it. */
function knownOf({ shape }: Port, value: number | readonly number[]): KnownInput {
  const data = typeof value === "number" ? [value] : value;
  const sizes = shape?.every((d): d is number => typeof d === "number")
    ? (shape as number[])
    : undefined;
  if (sizes && sizes.reduce((a, b) => a * b, 1) === data.length) return { data, shape: sizes };
  return typeof value === "number" ? { data, shape: [] } : { data };
}
/** The file, with the recipe's constants in it. */
export function openedOnnx(
  { bytes, name, readBeside }: ImportedOptions,
  recipe: OnnxRecipe | undefined,
): OnnxModel {
  const model = importOnnx(bytes, { name, readExternal: readBeside });
  const known: Record<string, KnownInput> = {};
  for (const [input, given] of Object.entries(recipe?.inputs ?? {})) {
    const port = model.file.graph.inputs.find((p) => p.name === input);
    if (port && given.is === "constant") known[input] = knownOf(port, given.value);
  }
  return Object.keys(known).length === 0
    ? model
    : importOnnx(bytes, { name, readExternal: readBeside, known });
}

/** The shape of an output, traced for one image of the inputs' shapes. */
export function outputShape(
  model: OnnxModel,
  shapes: ReadonlyMap<string, Shape>,
  wanted: string | undefined,
): Shape {
  const b = new GraphBuilder(ops);
  const inputs = Object.fromEntries(
    [...shapes].map(([name, shape]) => [name, b.input(name, shape)]),
  );
  const { outputs } = applyOnnx(b, model, inputs, { trainable: false });
  return (outputs.find(({ name }) => name === wanted) ?? outputs[0]).shape;
}

/** What an export of this project says of itself: the scale is inside, and how it was measured. */
function saidByFile({ file }: OnnxModel): Partial<OnnxRecipe> {
  const { metadata, producer } = file;
  if (producer !== "fiducial") return {};
  const [operator, noiseSigma] = [
    metadata.get("operator"),
    Number(metadata.get("noiseSigma") ?? NaN),
  ];
  // arrays that it names by their hash are not in the file
  const isWhole = operator !== undefined && !operator.includes('"sha256"');
  return present({
    name: file.graph.name || undefined,
    scale: "none" as const,
    operator: isWhole
      ? (parseJson(operator, "its metadata", "export it again") as OnnxRecipe["operator"])
      : undefined,
    noiseSigma: noiseSigma >= 0 ? noiseSigma : undefined,
  });
}
/** What a single image leaves to say. Throws ConfigError where that is more than one reading. */
function guess(model: OnnxModel, size: Size | undefined): OnnxRecipe {
  const { name, inputs, outputs } = model;
  const fail = (what: string): never => {
    throw new ConfigError(`${name}: ${what}`, { name });
  };
  const recipe = `say what they are in a recipe (--as FILE, ${ADVICE}; inspect FILE --write-recipe RECIPE begins one)`;
  if (inputs.length !== 1) fail(`it has ${inputs.length} inputs, ${listPorts(inputs)}; ${recipe}`);
  const [port] = inputs;
  if (port.shape?.length !== 4)
    fail(`its input ${listPorts(inputs)} is no image [N×C×H×W]; ${recipe}`);
  const channelsLast =
    [1, 2].includes(port.shape![3] as number) && ![1, 2].includes(port.shape![1] as number);
  const layout = channelsLast ? "NHWC" : "NCHW";
  const C = port.shape![layout.indexOf("C")];
  const own = declaredSize([[port, layout]]);
  const [H, W] = size ?? [own.H, own.W];
  if (H === undefined || W === undefined)
    return fail(
      `its input ${listPorts(inputs)} has no fixed size; give --size N, or "size" in a recipe`,
    );
  const given = shapeOf(layout, { N: 1, C: typeof C === "number" ? C : 2, H, W });
  const output = outputShape(model, new Map([[port.name, given]]), undefined);
  const found = guessed([{ ...port, shape: given }], output, [H, W]);
  if (found) return { ...found, ...saidByFile(model) };
  const maps = `it maps ${formatShape(given)} to ${formatShape(output)}`;
  if (output.length === 2)
    fail(`${maps}, as a classifier does; a reconstruction gives images: fiducial classify`);
  return fail(`${maps}, ${quoted(outputs[0].name)}; ${recipe}`);
}

/** A recipe held to its file: every order of axes known, and all that does not fit. */
interface Fitted {
  readonly feeds: Readonly<Record<string, Feed>>;
  readonly size: Size;
  readonly output: NonNullable<OnnxBlock["output"]>;
  readonly from: Port;
  readonly coils: number | undefined;
}
function feedsOf(
  model: OnnxModel,
  recipe: OnnxRecipe,
  sizes: Sizes,
  wrong: string[],
): Record<string, Feed> {
  const all = model.file.graph.inputs;
  for (const name of Object.keys(recipe.inputs))
    if (!all.some((port) => port.name === name))
      wrong.push(`the graph has no input ${quoted(name)}; it has ${listPorts(model.inputs)}`);
  const feeds: Record<string, Feed> = {};
  for (const port of model.inputs) {
    const input = Object.hasOwn(recipe.inputs, port.name) ? recipe.inputs[port.name] : undefined;
    if (!input)
      wrong.push(
        `its input ${quoted(port.name)} ${declaredShape(port.shape)} is not in the recipe`,
      );
    if (!input || !isFed(input)) continue;
    if (!["float32", "float16", "float64", undefined].includes(port.type))
      wrong.push(`its input ${quoted(port.name)} is ${port.type}: it can be a constant alone`);
    const { layout, fault } = layoutOfInput(port, input, sizes);
    if (fault !== undefined) wrong.push(`its input ${quoted(port.name)} ${fault}`);
    else feeds[port.name] = { ...input, layout: layout! };
  }
  return feeds;
}
/** What of the recipe cannot be, whatever the file. */
function checkTogether(recipe: OnnxRecipe, wrong: string[]): void {
  const { output = {}, noiseSigma } = recipe;
  const inputs = Object.values(recipe.inputs).filter(isFed);
  const seen = inputs.filter(({ is }) => is === "image");
  if (!inputs.some(({ is }) => is === "image" || is === "measurement"))
    wrong.push("no input is the image or the measurement");
  const parts = new Set(seen.map((input) => input.parts ?? "complex"));
  if (parts.size > 1)
    wrong.push(`its images are to have one kind of parts, not ${[...parts].join(" and ")}`);
  const own = [...parts][0];
  const like = own === (output.parts ?? "complex");
  if (output.residual && !like)
    wrong.push("a residual is of the image's own parts; make output's parts the image's");
  if (recipe.standardized && !like)
    wrong.push("standardized needs an image, and an output of the same parts");
  for (const [name, input] of Object.entries(recipe.inputs))
    if (
      input.is === "noiseLevel" &&
      (input as Feed).value === undefined &&
      noiseSigma === undefined
    )
      wrong.push(`inputs ${quoted(name)} lacks its value: the noise level that it is told`);
}
/** Throws one FormatError that lists every mismatch. */
function fit(model: OnnxModel, recipe: OnnxRecipe, size: Size | undefined): Fitted {
  const wrong: string[] = [];
  checkTogether(recipe, wrong);
  const asked = size ?? recipe.size;
  const known: Sizes = present({ H: asked?.[0], W: asked?.[1], K: recipe.coils });
  const feeds = feedsOf(model, recipe, known, wrong);
  const laid = model.inputs.flatMap((port) =>
    feeds[port.name] ? [[port, feeds[port.name].layout] as const] : [],
  );
  const { H = asked?.[0], W = asked?.[1] } = asked ? {} : declaredSize(laid);
  if (wrong.length === 0 && (H === undefined || W === undefined))
    wrong.push('the file leaves the size of its images open; give "size": [H, W], or --size N');
  const outputs = model.outputs;
  const from =
    recipe.output?.name === undefined
      ? outputs[0]
      : outputs.find((p) => p.name === recipe.output?.name);
  if (!from)
    wrong.push(`it has no output ${quoted(recipe.output?.name)}; it has ${listPorts(outputs)}`);
  refuse(model, wrong);
  const coils = recipe.coils ?? coilsOf(laid);
  const shapes = new Map(
    laid.map(([port, layout]) => {
      const C = partsCount(feeds[port.name].parts) ?? 1;
      return [port.name, shapeOf(layout, { N: 1, K: coils ?? 1, C, H: H!, W: W! })];
    }),
  );
  const { name: _, ...output } = recipe.output ?? {};
  const shape = outputShape(model, shapes, from!.name);
  const C = partsCount(output.parts) ?? 1;
  const { layout, fault } = layoutOfOutput(from!.name, shape, output.layout, { C, H: H!, W: W! });
  if (fault !== undefined)
    wrong.push(`its output ${quoted(from!.name)} is ${formatShape(shape)} and ${fault}`);
  refuse(model, wrong);
  return { feeds, size: [H!, W!], output: present({ ...output, layout }), from: from!, coils };
}
function refuse({ name }: OnnxModel, wrong: readonly string[]): void {
  if (wrong.length === 0) return;
  const many = wrong.length === 1 ? "one mismatch" : `${wrong.length} mismatches`;
  throw new FormatError(
    `${name}: the recipe does not fit it, ${many}: ${withoutControls(wrong.join("; "))} (${ADVICE})`,
    { name, wrong },
  );
}
function coilsOf(laid: readonly (readonly [Port, string])[]): number | undefined {
  for (const [{ shape }, layout] of laid) {
    const size = shape?.[layout.indexOf("K")];
    if (layout.includes("K") && typeof size === "number") return size;
  }
  return undefined;
}

interface Block {
  readonly layer: OnnxBlock;
  readonly tensors: ReadonlyMap<string, Parameter>;
}
function blockOf(model: OnnxModel, bytes: Uint8Array, recipe: OnnxRecipe, fitted: Fitted): Block {
  const { kept, tensors } = keptGraph(model, fitted.from);
  const { standardized, clamp, noiseSigma } = recipe;
  const inputs = Object.fromEntries(
    Object.entries(fitted.feeds).map(([name, feed]) => [
      name,
      feed.is === "noiseLevel" ? { ...feed, value: feed.value ?? noiseSigma! } : feed,
    ]),
  );
  const { output, coils } = fitted;
  const facts = present({ coils, standardized: standardized || undefined, clamp });
  return {
    layer: { kind: "onnxBlock", ...kept, sha256: sha256Of(bytes), inputs, output, ...facts },
    tensors,
  };
}

/** The layers of one block or several, and their numbers. */
function joined(
  blocks: readonly Block[],
  { unrolled, steps, dataConsistency }: OnnxRecipe,
): Pick<Network, "parameters"> & { layers: nn.Layer[] } {
  const parameters = new Map<string, Parameter>();
  const keep = (prefix: string, { tensors }: Block): void => {
    for (const [tensor, parameter] of tensors)
      parameters.set(`${prefix}.onnxBlock.${tensor}`, parameter);
  };
  if (unrolled === "kspace") {
    blocks.forEach((block, k) => {
      keep(`0.kSpaceCascades.${k}.0`, block);
      parameters.set(`0.kSpaceCascades.${k}.step`, {
        shape: [],
        data: Float32Array.of(steps?.[k] ?? 1),
      });
    });
    return {
      layers: [nn.kSpaceCascades({ cascades: blocks.map(({ layer }) => [layer]) })],
      parameters,
    };
  }
  const level = typeof dataConsistency === "object" ? dataConsistency.noiseLevel : undefined;
  const between = nn.dataConsistency(level === undefined ? {} : { step: level / (1 + level) });
  blocks.forEach((block, k) => {
    keep(`${2 * k}`, block);
  });
  return {
    layers: blocks.flatMap(({ layer }, k) => (k === 0 ? [layer] : [between, layer])),
    parameters,
  };
}
function checkBlocks(
  { blocks = [], steps, iterations = 1, unrolled }: OnnxRecipe,
  model: OnnxModel,
): void {
  const wrong: string[] = [];
  const count = blocks.length + 1;
  if (steps && steps.length !== count)
    wrong.push(`it has ${steps.length} steps for ${count} blocks`);
  if (unrolled === "kspace" && iterations > 1)
    wrong.push('iterations do not go with "unrolled": "kspace"; name the file in blocks as often');
  refuse(model, wrong);
}

/**
 * The reconstruction network in an ONNX file. Without a recipe, that of a file with one complex
 * image or one magnitude in and the same out. Throws FormatError that lists every mismatch of the
 * recipe, ConfigError where a recipe is needed, and what importOnnx throws.
 */
export function importedNetwork(options: ImportedOptions): Imported {
  const { bytes, name, size, readBeside } = options;
  const model = openedOnnx(options, options.recipe);
  const recipe = options.recipe ?? guess(model, size);
  checkBlocks(recipe, model);
  const fitted = fit(model, recipe, size);
  const first = blockOf(model, bytes, recipe, fitted);
  const others = (recipe.blocks ?? []).map((path) => {
    const own = readBeside?.(path);
    if (!own)
      throw new ConfigError(
        `${name}: its recipe's block ${quoted(path)} is not in its folder; put it there`,
        { path },
      );
    const next = openedOnnx({ ...options, bytes: own, name: path }, recipe);
    return blockOf(next, own, recipe, fit(next, recipe, fitted.size));
  });
  const { layers, parameters } = joined([first, ...others], recipe);
  const {
    dataConsistency = "none",
    iterations = 1,
    scale = "rms",
    operator,
    noiseSigma,
    images,
  } = recipe;
  const noiseLevel = typeof dataConsistency === "object" ? dataConsistency.noiseLevel : undefined;
  const form = present({
    input: "image" as const,
    iterations,
    dataConsistency: dataConsistency !== "none",
    scale,
    noiseLevel,
  });
  const { source, licence } = recipe;
  const network: Network = {
    architecture: { input: [2, ...fitted.size], layers },
    parameters,
    provenance: present({
      onnx: name.replace(/^.*[/\\]/, ""),
      sha256: first.layer.sha256,
      producer: model.file.producer,
      source,
      licence,
    }),
    name: recipe.name ?? `ONNX network ${first.layer.sha256!.slice(0, 6)}`,
    trained: present({ form, operator, noiseSigma, images }),
  };
  const inputs = { ...recipe.inputs, ...fitted.feeds };
  const output = present({ name: recipe.output?.name, ...fitted.output });
  return { network, recipe: { ...recipe, size: fitted.size, inputs, output }, notes: model.notes };
}
