// A classifier of another maker in an ONNX file: pictures in, one number a class out.
import { ConfigError, FormatError, formatShape, present, type Shape } from "../../engine/index.ts";
import {
  keptGraph,
  nn,
  type Feed,
  type Network,
  type OnnxBlock,
  type OnnxGraph,
  type OnnxModel,
  type OnnxRecipe,
  type Parameter,
  type Port,
  type Preprocessing,
} from "../../learning/index.ts";
import { declaredSize, layoutOfInput, listPorts, shapeOf } from "./imported-ports.ts";
import {
  openedOnnx,
  outputShape,
  sha256Of,
  type Imported,
  type ImportedOptions,
} from "./imported.ts";

/** Before its last softmax: saliency asks what moves the answer, which probabilities hide. */
function beforeSoftmax(graph: OnnxGraph, output: Port): Port {
  const maker = graph.nodes.find((node) => node.outputs.includes(output.name));
  const isLast = maker !== undefined && ["Softmax", "LogSoftmax"].includes(maker.op);
  return isLast ? { name: maker.inputs[0] } : output;
}

/** Per channel, from 2·v − 1, which pictures come as, to what the network was trained on. */
function prepared(
  channels: number,
  pictures: OnnxRecipe["pictures"],
): { layer: nn.Layer; parameters: [string, Parameter][] } {
  const { range: [low, high] = [0, 1], mean = [0], deviation = [1] } = pictures ?? {};
  const at = (list: readonly number[], c: number): number => list[list.length === 1 ? 0 : c];
  const all = Array.from({ length: channels }, (_, c) => c);
  const weight = Float32Array.from(all, (c) => (high - low) / 2 / at(deviation, c));
  const bias = Float32Array.from(all, (c) => ((high + low) / 2 - at(mean, c)) / at(deviation, c));
  return {
    layer: nn.conv2d({ outChannels: channels, kernelSize: 1, groups: channels }),
    parameters: [
      ["0.conv2d.weight", { shape: [channels, 1, 1, 1], data: weight }],
      ["0.conv2d.bias", { shape: [channels, 1, 1], data: bias }],
    ],
  };
}
/** What is done to pictures before that; undefined where they are taken as they are. */
function placed({
  range: _,
  mean: __,
  deviation: ___,
  ...steps
}: Preprocessing = {}): Preprocessing | undefined {
  return Object.keys(steps).length > 0 ? { ...steps, range: [-1, 1] } : undefined;
}
interface Taken {
  readonly feed: Feed;
  readonly input: Shape;
}
/** Its one input, as pictures of one or three colours. */
function pictureOf(
  model: OnnxModel,
  recipe: OnnxRecipe | undefined,
  size: ImportedOptions["size"],
): Taken {
  const { name, inputs } = model;
  const [port] = inputs;
  if (inputs.length !== 1)
    throw new ConfigError(
      `${name}: it has ${inputs.length} inputs, ${listPorts(inputs)}; a classifier has one`,
      { name },
    );
  const given = recipe?.inputs[port.name] as Feed | undefined;
  const said = {
    is: "image" as const,
    parts: "channels" as const,
    ...present({ layout: given?.layout }),
  };
  const asked = size ?? recipe?.size;
  const sizes = present({ H: asked?.[0], W: asked?.[1] });
  const fits = [3, 1].map((C) => ({ C, ...layoutOfInput(port, said, { ...sizes, C }) }));
  const found = fits.find(({ layout }) => layout?.includes("C"));
  const where = found && declaredSize([[port, found.layout!]]);
  const [H, W] = asked ?? [where?.H, where?.W];
  if (!found || H === undefined || W === undefined)
    throw new ConfigError(
      `${name}: its input ${listPorts(inputs)} is no picture of 1 or 3 colours and a fixed size; say its layout in a recipe, and --size N`,
      { name },
    );
  return { feed: { ...said, layout: found.layout! }, input: [found.C, H, W] };
}

/** The recipe with what is said of pictures beside it. */
function withPictures({ recipe, pictures }: ImportedOptions): OnnxRecipe | undefined {
  if (!pictures) return recipe;
  return { inputs: {}, ...recipe, pictures: { ...recipe?.pictures, ...pictures } };
}

/**
 * The classifier in an ONNX file, whose pictures are from 0 to 1 unless a recipe says otherwise.
 * Throws ConfigError for a file that is none, FormatError for a recipe that does not fit.
 */
export function importedClassifier(options: ImportedOptions): Imported {
  const { bytes, name, size } = options;
  const recipe = withPictures(options);
  const model = openedOnnx(options, recipe);
  const { feed, input } = pictureOf(model, recipe, size);
  const [C, H, W] = input;
  const [port] = model.inputs;
  const given = shapeOf(feed.layout, { N: 1, C, H, W });
  const shape = outputShape(model, new Map([[port.name, given]]), model.outputs[0].name);
  const [batch, answers] = shape;
  if (shape.length !== 2 || batch !== 1)
    throw new ConfigError(
      `${name}: it maps ${formatShape(given)} to ${formatShape(shape)}; a classifier gives [N×classes]`,
      { name },
    );
  const { classes = Array.from({ length: answers }, (_, k) => `class ${k}`), pictures } =
    recipe ?? {};
  const wrong = [
    ...(classes.length === answers
      ? []
      : [`it names ${classes.length} classes, the file has ${answers}`]),
    ...[pictures?.mean, pictures?.deviation].flatMap((list) =>
      list === undefined || [1, C].includes(list.length)
        ? []
        : [`pictures has ${list.length} numbers for ${C} colours`],
    ),
  ];
  if (wrong.length > 0)
    throw new FormatError(`${name}: the recipe does not fit it: ${wrong.join("; ")}`, {
      name,
      wrong,
    });
  const { kept, tensors } = keptGraph(model, beforeSoftmax(model.file.graph, model.outputs[0]));
  const sha256 = sha256Of(bytes);
  const block: OnnxBlock = {
    kind: "onnxBlock",
    ...kept,
    sha256,
    inputs: { [port.name]: feed },
    output: {},
  };
  const { layer, parameters } = prepared(C, pictures);
  for (const [tensor, parameter] of tensors) parameters.push([`1.onnxBlock.${tensor}`, parameter]);
  const network: Network = {
    architecture: { input, layers: [layer, block] },
    parameters: new Map(parameters),
    provenance: { onnx: name.replace(/^.*[/\\]/, ""), sha256, producer: model.file.producer },
    name: recipe?.name ?? `ONNX classifier ${sha256.slice(0, 6)}`,
    trained: present({ classes, preprocessing: placed(pictures) }),
  };
  const filled: OnnxRecipe = {
    ...recipe,
    size: [H, W],
    inputs: { [port.name]: feed },
    classes,
    pictures: { range: [0, 1], ...pictures },
  };
  return { network, recipe: filled, notes: model.notes };
}
