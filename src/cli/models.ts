// Networks by the names of their files: Fiducial's own checkpoints, and weights of other makers
// with a recipe that says what they are.
import { fileURLToPath } from "node:url";
import { ConfigError, formatShape } from "../engine/index.ts";
import { loadTensors } from "../data/index.ts";
import { atImageSize } from "../imaging/index.ts";
import { loadNetwork, networkFromRecipe, parseRecipe, summarize, type Network } from "../learning/index.ts";
import { readFile } from "./files.ts";
import { integer, text, type Values } from "./options.ts";

const weights = (name: string): string => fileURLToPath(new URL(`../../weights/${name}.safetensors`, import.meta.url));
/** The network that the package brings: a deep cascade. */
export const DEFAULT_MODEL: string = weights("cascade-128");
/** What is audited beside it: a U-Net that works on the zero-filled image. */
export const OTHER_MODELS: readonly string[] = [weights("unet-128")];

export const modelOptions = {
  as: text({
    value: "RECIPE",
    help: "what the weights of another maker are (PyTorch, NPZ, MATLAB, HDF5, safetensors): a small JSON file, docs/published-weights.md",
  }),
  size: integer({ value: "N", from: 8, to: 4096, help: "images of N×N (the network's own size)" }),
} as const;
type ModelValues = Values<typeof modelOptions>;

async function opened(path: string | undefined, as: string | undefined): Promise<Network> {
  if (as === undefined) return loadNetwork(readFile(path ?? DEFAULT_MODEL), path ?? "the embedded model");
  if (path === undefined)
    throw new ConfigError("--as: give the weights that it describes too (--model FILE; inspect FILE)", { as });
  const recipe = parseRecipe(readFile(as), as);
  return networkFromRecipe(recipe, await loadTensors(readFile(path), path), path);
}

/**
 * Any network, at the image size asked for. Throws FormatError for a file that is damaged, or a
 * recipe that does not fit it, ConfigError for a size that the network cannot take.
 */
export async function openNetwork(path: string | undefined, { as, size }: ModelValues): Promise<Network> {
  const network = await opened(path, as);
  if (size === undefined) return network;
  try {
    return atImageSize(network, [size, size]);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(`--size ${size}: ${error.message}`, { size });
  }
}

export interface Model {
  readonly network: Network;
  readonly shape: readonly [number, number];
  readonly embedded: boolean;
}
/**
 * The network to audit. Throws ConfigError when it is not one from complex images to complex
 * images.
 */
export async function loadModel(options: ModelValues & { readonly model?: string | undefined }): Promise<Model> {
  const { model: path } = options;
  const network = await openNetwork(path, options);
  const { input } = network.architecture;
  const output = summarize(network).layers.at(-1)?.shape ?? input;
  if (input.length !== 3 || input[0] !== 2 || output.join() !== input.join())
    throw new ConfigError(
      `${path}: it maps ${formatShape(input)} to ${formatShape(output)}; a reconstruction network maps complex images [2×H×W] to complex images of the same size`,
      { input, output },
    );
  return { network, shape: [input[1], input[2]], embedded: path === undefined };
}
