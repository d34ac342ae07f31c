// The kinds of scripts/fuzz.mjs that are ONNX: files, read, checked, and added to a graph at the
// sizes that they declare; as blocks of unrolled networks and as classifiers, and the recipes that
// say so; and such networks as our checkpoints keep them, with any field changed.
import { readFileSync } from "node:fs";
import { unzipSync } from "fflate";
import { FiducialError, GraphBuilder, ops, parseJson } from "fiducial/engine";
import {
  importedClassifier,
  importedNetwork,
  networkReconstructor,
  subsampledFourier,
  variableDensityMask,
} from "fiducial/imaging";
import {
  applyNetwork,
  applyOnnx,
  importOnnx,
  networkFromOnnx,
  parameterShapes,
  parseOnnxRecipe,
} from "fiducial/learning";
import {
  blockNetwork,
  classNetwork,
  shapeNetwork,
  smallNetwork,
  vectorNetwork,
} from "../test/fixtures/onnx.mjs";
import { changed, written } from "./fuzz-own.mjs";
import { changedOnnx } from "./fuzz-protobuf.mjs";

/** As it is used: open sizes are 8, none is larger than 64. */
function applied(bytes) {
  const model = importOnnx(bytes, { name: "file" });
  const b = new GraphBuilder(ops);
  const sizes = (shape) => (shape ?? []).map((d) => (typeof d === "number" ? Math.min(d, 64) : 8));
  const inputs = Object.fromEntries(
    model.inputs.map(({ name, shape }, i) => [
      name,
      b.input(`input ${i}`, sizes(shape).slice(0, 6)),
    ]),
  );
  for (const y of applyOnnx(b, model, inputs).outputs) y.value();
}
/** Many need inputs to be known, and cannot be added without. */
function isOpen(bytes) {
  try {
    applied(bytes);
    return true;
  } catch (error) {
    if (error instanceof FiducialError) return false;
    throw error;
  }
}
const encode = (text) => new TextEncoder().encode(text);
const decode = (bytes) => new TextDecoder().decode(bytes);
const input = [2, 8, 8];
const layers = [smallNetwork(), shapeNetwork()].map((file) =>
  encode(JSON.stringify(networkFromOnnx(importOnnx(file), { input }).architecture.layers[0])),
);
/** One of every op and version: the sample of the conformance suite. */
const cases = Object.entries(
  unzipSync(readFileSync(new URL("../test/fixtures/onnx-cases.zip", import.meta.url))),
)
  .filter(([name]) => name.endsWith(".onnx"))
  .map(([, bytes]) => bytes)
  .filter(isOpen);

const own = subsampledFourier({
  mask: variableDensityMask({ shape: [8, 8], acceleration: 2, centerFraction: 0.2, seed: 1 }),
});
const common = { format: "fiducial-onnx-1", size: [8, 8] };
const several = {
  image: { is: "image" },
  kspace: {
    is: "measurement",
    layout: "NHWC",
    lowestFrequency: "corner",
    normalization: "unnormalised",
  },
  mask: { is: "mask", layout: "N1HW", lowestFrequency: "corner" },
  level: { is: "noiseLevel", layout: "1", value: 0.5 },
};
/** One for either file, whole and unrolled in both ways. */
const recipes = [
  {
    ...common,
    inputs: { x: { is: "image" } },
    output: { residual: true },
    iterations: 2,
    dataConsistency: "hard",
  },
  {
    ...common,
    inputs: { x: { is: "image" } },
    blocks: ["next.onnx"],
    unrolled: "kspace",
    steps: [1, 0.5],
  },
  {
    ...common,
    inputs: several,
    blocks: ["next.onnx"],
    dataConsistency: { noiseLevel: 0.1 },
    standardized: true,
  },
].map((recipe) => encode(JSON.stringify(recipe)));
const blocks = [smallNetwork(), blockNetwork()];
/** The reconstruction as an audit has it; throws what its parts do. */
function reconstructed(bytes, recipe) {
  const readBeside = () => bytes;
  const { network } = importedNetwork({ bytes, name: "file", recipe, readBeside });
  if (network.architecture.input.some((n) => n > 64)) return;
  const b = new GraphBuilder(ops);
  networkReconstructor({ network }).apply(b, b.input("y", [1, ...own.range]), own);
}
/** By each recipe, of which the first that fits is enough. */
function asBlock(bytes) {
  const refusals = [];
  for (const recipe of recipes)
    try {
      reconstructed(bytes, parseOnnxRecipe(recipe, "recipe"));
    } catch (error) {
      if (!(error instanceof FiducialError)) throw error;
      refusals.push(error);
    }
  if (refusals.length === recipes.length) throw refusals[0];
}
function byRecipe(bytes) {
  const recipe = parseOnnxRecipe(bytes, "recipe");
  if (recipe.size?.some((n) => n > 64)) return;
  reconstructed(blocks["kspace" in recipe.inputs ? 1 : 0], recipe);
}
function asClassifier(bytes) {
  const { network } = importedClassifier({ bytes, name: "file" });
  const b = new GraphBuilder(ops);
  applyNetwork(b, network, b.input("x", [1, ...network.architecture.input]));
}
const changedJson = (bytes, rng) => encode(written(changed(JSON.parse(decode(bytes)), rng)));
const blockLayers = recipes.map((recipe, i) => {
  const bytes = blocks[i === 2 ? 1 : 0];
  const given = parseOnnxRecipe(recipe, "recipe");
  const { network } = importedNetwork({
    bytes,
    name: "file",
    recipe: given,
    readBeside: () => bytes,
  });
  return encode(JSON.stringify(network.architecture.layers[0]));
});
const shapesOf = (size, kind) => (bytes) =>
  parameterShapes({ input: size, layers: [{ ...parseJson(bytes, "file", ""), ...kind }] });
/** Tables and indices of sizes that a file names: 2²³ numbers at most. */
const room = 64e6;
export const ofOnnx = {
  onnx: {
    files: [smallNetwork(), shapeNetwork(), vectorNetwork()],
    read: applied,
    inside: changedOnnx,
    holds: 1,
    room,
  },
  "onnx-ops": { files: cases, read: applied, inside: changedOnnx, holds: 1, room },
  "onnx-block": { files: blocks, read: asBlock, inside: changedOnnx, holds: 1, room },
  "onnx-classifier": {
    files: [classNetwork()],
    read: asClassifier,
    inside: changedOnnx,
    holds: 1,
    room,
  },
  "onnx-recipe": { files: recipes, read: byRecipe, inside: changedJson, holds: 8, room },
  "onnx-layer": {
    files: layers,
    read: shapesOf(input, { kind: "onnx" }),
    inside: changedJson,
    holds: 8,
    room,
  },
  "onnx-block-layer": {
    files: blockLayers,
    read: shapesOf(input, {}),
    inside: changedJson,
    holds: 8,
    room,
  },
};
