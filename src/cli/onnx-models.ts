// Networks of other makers in ONNX files: the recipe that is given or guessed, and files beside the
// model.
import { existsSync, realpathSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { ConfigError, present } from "../engine/index.ts";
import {
  describeRecipe,
  importedClassifier,
  importedNetwork,
  type Imported,
  type ImportedOptions,
} from "../imaging/index.ts";
import {
  parseOnnxRecipe,
  writeOnnxRecipe,
  type OnnxRecipe,
  type Preprocessing,
} from "../learning/index.ts";
import { readFile, writeFiles } from "./files.ts";
import type { Terminal } from "./terminal.ts";

/** By its name or its first field, its form's version; a checkpoint's ninth byte is a brace. */
export function isOnnx(path: string, bytes: Uint8Array): boolean {
  return /\.onnx$/i.test(path) || (bytes[0] === 0x08 && bytes[8] !== 0x7b);
}

/** A file in the model's folder, and nowhere else, whatever links say. */
function beside(model: string): (path: string) => Uint8Array | undefined {
  const folder = realpathSync(dirname(model));
  return (path) => {
    const there = join(folder, path);
    if (!existsSync(there)) return undefined;
    return realpathSync(there).startsWith(folder + sep) ? readFile(there) : undefined;
  };
}
export interface OnnxChoice {
  readonly as: string | undefined;
  readonly size: number | undefined;
  /** What is done to pictures, beside what the recipe says. */
  readonly pictures?: Preprocessing | undefined;
}
/** What a file and its options come to. */
export function onnxOptions(
  path: string,
  bytes: Uint8Array,
  { as, size, pictures }: OnnxChoice,
): ImportedOptions {
  const recipe = as === undefined ? undefined : parseOnnxRecipe(readFile(as), as);
  const square = size === undefined ? undefined : ([size, size] as const);
  return {
    bytes,
    name: path,
    readBeside: beside(path),
    ...present({ recipe, size: square, pictures }),
  };
}
/** The classifier. Throws what importedClassifier and parseOnnxRecipe throw. */
export function openOnnxClassifier(
  path: string,
  bytes: Uint8Array,
  choice: OnnxChoice,
): OpenedOnnx {
  const { network, recipe, notes } = importedClassifier(onnxOptions(path, bytes, choice));
  const { range = [0, 1] } = recipe.pictures ?? {};
  const { mean, deviation = [1] } = recipe.pictures ?? {};
  const said = `${path}: ${choice.as === undefined ? "taken without a recipe" : "by the recipe"}: pictures of ${network.architecture.input.join("×")}, black ${range[0]} and white ${range[1]}, ${mean ? `less ${mean.join(", ")} over ${deviation.join(", ")}` : "no mean taken off"}`;
  return { network, recipe, notes: [said, ...notes.map((note) => `${path}: ${note}`)] };
}

/** What was made of a file, for people and for --write-recipe. */
export interface OnnxFacts {
  readonly recipe: OnnxRecipe;
  readonly notes: readonly string[];
}
export interface OpenedOnnx extends OnnxFacts {
  readonly network: Imported["network"];
}
/** The reconstruction network. Throws what importedNetwork and parseOnnxRecipe throw. */
export function openOnnxNetwork(path: string, bytes: Uint8Array, choice: OnnxChoice): OpenedOnnx {
  const { network, recipe, notes } = importedNetwork(onnxOptions(path, bytes, choice));
  const how = choice.as === undefined ? "taken without a recipe" : "by the recipe";
  const advice =
    choice.as === undefined ? " (to change it: --write-recipe FILE, edit, --as FILE)" : "";
  const said = `${path}: ${how}: ${describeRecipe(recipe)}${advice}`;
  return { network, recipe, notes: [said, ...notes.map((note) => `${path}: ${note}`)] };
}

/** Once all input is known to be good: what was made of a file; its recipe, where it is wanted. */
export function tellOnnx(
  facts: OnnxFacts | undefined,
  writeRecipe: string | undefined,
  terminal: Terminal,
): void {
  for (const note of facts?.notes ?? []) terminal.note(note);
  if (writeRecipe === undefined) return;
  if (!facts)
    throw new ConfigError(
      "--write-recipe: the model is no ONNX file; recipes of those are written",
      {},
    );
  writeFiles([
    { path: writeRecipe, content: new TextEncoder().encode(writeOnnxRecipe(facts.recipe)) },
  ]);
  terminal.note(`recipe: ${writeRecipe}`);
}
