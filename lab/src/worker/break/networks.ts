// The networks that are broken: those of the package, fetched when they are first needed, and one
// that the visitor has opened, which is kept in this worker's memory and nowhere else.
import { ConfigError, FormatError, formatShape } from "fiducial/engine";
import { atImageSize } from "fiducial/imaging";
import { loadNetwork, summarize, type Network } from "fiducial/learning";
import cascadeUrl from "../../../../weights/cascade-128.safetensors?url";
import unetUrl from "../../../../weights/unet-128.safetensors?url";
import { MOST_BYTES } from "../pictures.ts";
import type { NetworkName } from "./asked.ts";

const urls = { cascade: cascadeUrl, unet: unetUrl };
const fetched = new Map<string, Promise<Network>>();

async function fetchNetwork(name: keyof typeof urls): Promise<Network> {
  const answer = await fetch(new URL(urls[name], import.meta.url)).catch(() => undefined);
  if (!answer?.ok)
    throw new ConfigError(`The weights of the ${name} could not be had from the lab's own server; reload the page.`);
  return loadNetwork(new Uint8Array(await answer.arrayBuffer()), name);
}
function packaged(name: keyof typeof urls): Promise<Network> {
  const known = fetched.get(name) ?? fetchNetwork(name);
  fetched.set(name, known);
  // what failed is tried again
  known.catch(() => fetched.delete(name));
  return known;
}

let own: Network | undefined;
function ownNetwork(): Network {
  if (own) return own;
  throw new ConfigError("There is no network of yours in this tab: open it again. It is not kept anywhere.");
}

export interface OpenedNetwork {
  readonly name: string;
  readonly parameters: number;
  /** [2,H,W] */
  readonly input: readonly number[];
}
/**
 * Throws FormatError for a file that is no checkpoint, ConfigError for a network that reconstructs
 * no complex images.
 */
export function openOwnNetwork({ bytes, name }: { bytes: Uint8Array; name: string }): OpenedNetwork {
  if (bytes.length > MOST_BYTES)
    throw new FormatError(`${name} has ${Math.round(bytes.length / 1e6)} MB; open one of at most 64 MB`);
  const network = loadNetwork(bytes, name);
  const { input } = network.architecture;
  const output = summarize(network).layers.at(-1)?.shape ?? input;
  if (input.length !== 3 || input[0] !== 2 || output.join() !== input.join())
    throw new ConfigError(
      `${name} maps ${formatShape(input)} to ${formatShape(output)}; a reconstruction network maps complex images 2×H×W to images of the same size`,
    );
  own = network;
  const parameters = [...network.parameters.values()].reduce((n, p) => n + p.data.length, 0);
  return { name, parameters, input };
}

/** The network at an image size. Throws ConfigError where it cannot take that. */
export async function networkAt(name: NetworkName, size: number): Promise<Network> {
  return atImageSize(name === "own" ? ownNetwork() : await packaged(name), [size, size]);
}
