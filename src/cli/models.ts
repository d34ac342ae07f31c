// Networks by the names of their files: Fiducial's own checkpoints, and weights of other makers
// with a recipe that says what they are.
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { ConfigError, formatShape } from "../engine/index.ts";
import { loadTensors } from "../data/index.ts";
import { atImageSize } from "../imaging/index.ts";
import {
  loadNetwork,
  networkFromRecipe,
  parseRecipe,
  summarize,
  type Network,
} from "../learning/index.ts";
import { fileExists, readFile } from "./files.ts";
import { isOnnx, openOnnxNetwork, type OnnxFacts } from "./onnx-models.ts";
import { integer, text, type Values } from "./options.ts";

const weights = (name: string): string =>
  fileURLToPath(new URL(`../../weights/${name}.safetensors`, import.meta.url));
/** The network that the package brings: a deep cascade. */
export const DEFAULT_MODEL: string = weights("cascade-128");
/** What is audited beside it: a U-Net that works on the zero-filled image. */
export const OTHER_MODELS: readonly string[] = [weights("unet-128")];

/** The small ones of the lab, which a page can wait for. */
const LAB_MODELS: readonly string[] = [weights("lab-cascade"), weights("lab-unet")];
/** All that the package brings, by name. */
export const brought: ReadonlyMap<string, string> = new Map(
  [DEFAULT_MODEL, ...OTHER_MODELS, ...LAB_MODELS].map((path) => [
    basename(path, ".safetensors"),
    path,
  ]),
);

export const modelOptions = {
  as: text({
    value: "RECIPE",
    help: "what the weights of another maker are (PyTorch, NPZ, MATLAB, HDF5, safetensors), docs/published-weights.md, or what an ONNX file's inputs and output are, docs/bring-your-own.md: a small JSON file",
  }),
  writeRecipe: text({
    value: "FILE",
    help: "write the recipe that an ONNX file was taken by, to be edited",
  }),
  size: integer({ value: "N", from: 8, to: 4096, help: "images of N×N (the network's own size)" }),
} as const;
type ModelValues = Values<typeof modelOptions>;

/** A network, and what was made of an ONNX file. */
interface Opened {
  readonly network: Network;
  readonly onnx?: OnnxFacts;
}
async function opened(
  given: string | undefined,
  { as, size }: Partial<ModelValues>,
): Promise<Opened> {
  const path = given === undefined || fileExists(given) ? given : (brought.get(given) ?? given);
  if (path === undefined && as !== undefined)
    throw new ConfigError(
      "--as: give the weights that it describes too (--model FILE; inspect FILE)",
      { as },
    );
  const bytes = readFile(path ?? DEFAULT_MODEL);
  if (path !== undefined && isOnnx(path, bytes)) {
    const { network, ...onnx } = openOnnxNetwork(path, bytes, { as, size });
    return { network, onnx };
  }
  if (as === undefined) return { network: loadNetwork(bytes, path ?? "the embedded model") };
  const recipe = parseRecipe(readFile(as), as);
  return { network: networkFromRecipe(recipe, await loadTensors(bytes, path!), path!) };
}

/** At the image size asked for. */
async function openedAtSize(
  path: string | undefined,
  values: Partial<ModelValues>,
): Promise<Opened> {
  const { network, ...facts } = await opened(path, values);
  const { size } = values;
  if (size === undefined) return { network, ...facts };
  try {
    return { network: atImageSize(network, [size, size]), ...facts };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(`--size ${size}: ${error.message}`, { size });
  }
}
/**
 * Any network, at the image size asked for. Throws FormatError for a file that is damaged, or a
 * recipe that does not fit it, ConfigError for a size that the network cannot take.
 */
export async function openNetwork(
  path: string | undefined,
  values: Partial<ModelValues>,
): Promise<Network> {
  return (await openedAtSize(path, values)).network;
}

export interface Model {
  readonly network: Network;
  readonly shape: readonly [number, number];
  readonly embedded: boolean;
  /** What was made of it, where it is an ONNX file. */
  readonly onnx?: OnnxFacts;
}
/** Throws ConfigError for a network that is not one from complex images to complex images. */
function checkReconstructs(network: Network, name: string): void {
  const { input } = network.architecture;
  const output = summarize(network).layers.at(-1)?.shape ?? input;
  if (input.length === 3 && input[0] === 2 && output.join() === input.join()) return;
  throw new ConfigError(
    `${name}: it maps ${formatShape(input)} to ${formatShape(output)}; a reconstruction network maps complex images [2×H×W] to complex images of the same size`,
    { input, output },
  );
}
/** Throws ConfigError where a reconstruction network cannot take images of n×n as well. */
export function checkOtherSize(network: Network, n: number, flag: string): void {
  try {
    checkReconstructs(atImageSize(network, [n, n]), "the network");
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(`${flag} ${n}: ${error.message}`, { size: n });
  }
}
/**
 * The network to audit. Throws ConfigError when it is not one from complex images to complex
 * images.
 */
export async function loadModel(
  options: Partial<ModelValues> & { readonly model?: string | undefined },
): Promise<Model> {
  const { model: path } = options;
  const { network, ...facts } = await openedAtSize(path, options);
  checkReconstructs(network, `${path}`);
  const { input } = network.architecture;
  return { network, shape: [input[1], input[2]], embedded: path === undefined, ...facts };
}
