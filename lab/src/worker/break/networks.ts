// The networks that are broken: those of the package, fetched when they are first needed, and one
// that the visitor has opened, which is kept in this worker's memory and nowhere else.
import { ConfigError, FormatError, formatShape } from "fiducial/engine";
import { atImageSize } from "fiducial/imaging";
import { loadNetwork, summarize, type Network } from "fiducial/learning";
import cascadeUrl from "../../../../weights/lab-cascade.safetensors?url";
import unetUrl from "../../../../weights/lab-unet.safetensors?url";
import { fetchBytes } from "../fetched.ts";
import { MOST_BYTES } from "../pictures.ts";
import type { NetworkName } from "./asked.ts";
import type { importedFrom } from "./own-onnx.ts";

const urls = { cascade: cascadeUrl, unet: unetUrl };
const fetched = new Map<string, Promise<Network>>();

async function fetchNetwork(name: keyof typeof urls): Promise<Network> {
  return loadNetwork(await fetchBytes(urls[name], name), name);
}
function packaged(name: keyof typeof urls): Promise<Network> {
  const known = fetched.get(name) ?? fetchNetwork(name);
  fetched.set(name, known);
  // what failed is tried again
  known.catch(() => fetched.delete(name));
  return known;
}

/** The visitor's network, at any image size that it takes. */
interface Own {
  readonly name: string;
  at(size: number): Network;
}
let own: Own | undefined;
function ownNetwork(): Own {
  if (own) return own;
  throw new ConfigError(
    "There is no network of yours in this tab: open it again. It is not kept anywhere.",
  );
}

export interface OpenedNetwork {
  readonly name: string;
  readonly parameters: number;
  /** [2,H,W] */
  readonly input: readonly number[];
  /** What was made of a file of another maker. */
  readonly notes: readonly string[];
}
function checkComplex(name: string, network: Network): void {
  const { input } = network.architecture;
  const output = summarize(network).layers.at(-1)?.shape ?? input;
  if (input.length === 3 && input[0] === 2 && output.join() === input.join()) return;
  throw new ConfigError(
    `${name} maps ${formatShape(input)} to ${formatShape(output)}; a reconstruction network maps complex images 2×H×W to images of the same size`,
  );
}
/** By its name or its first field; a checkpoint's ninth byte is a brace. */
const isOnnx = (name: string, bytes: Uint8Array): boolean =>
  /\.onnx$/i.test(name) || (bytes[0] === 0x08 && bytes[8] !== 0x7b);

/** A checkpoint of ours, which fits images of any size that its layers take. */
function ofOurs(
  bytes: Uint8Array,
  name: string,
): { own: Own; first: Network; notes: readonly string[] } {
  const network = loadNetwork(bytes, name);
  checkComplex(name, network);
  return {
    own: { name, at: (size) => atImageSize(network, [size, size]) },
    first: network,
    notes: [],
  };
}
/** Another maker's file, imported anew at every size, as the command line does. */
async function ofOthers(
  bytes: Uint8Array,
  name: string,
  size: number,
): ReturnType<typeof importedFrom> {
  const { importedFrom } = await import("./own-onnx.ts");
  return importedFrom(bytes, name, size);
}

/**
 * Throws FormatError for a file that is no checkpoint and no ONNX file, ConfigError for a network
 * that reconstructs no complex images, UnsupportedOpError for one with ops that are not read.
 */
export async function openOwnNetwork(asked: {
  bytes: Uint8Array;
  name: string;
  size: number;
}): Promise<OpenedNetwork> {
  const { bytes, name, size } = asked;
  if (bytes.length > MOST_BYTES)
    throw new FormatError(
      `${name} has ${Math.round(bytes.length / 1e6)} MB; open one of at most 64 MB`,
    );
  const opened = isOnnx(name, bytes) ? await ofOthers(bytes, name, size) : ofOurs(bytes, name);
  own = opened.own;
  const { architecture, parameters } = opened.first;
  const count = [...parameters.values()].reduce((n, p) => n + p.data.length, 0);
  return { name, parameters: count, input: architecture.input, notes: opened.notes };
}

/** The network at an image size. Throws ConfigError where it cannot take that. */
export async function networkAt(name: NetworkName, size: number): Promise<Network> {
  return name === "own" ? ownNetwork().at(size) : atImageSize(await packaged(name), [size, size]);
}
