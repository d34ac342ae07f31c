// A checkpoint is one safetensors file: parameters, and in its metadata the architecture, the
// provenance, how the network is used and a checksum. A training state holds the optimiser's
// values besides.
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { ConfigError, FormatError } from "../../engine/index.ts";
import { layerKinds } from "../nn/apply.ts";
import { sequential, type Architecture, type Network, type Parameter, type Provenance } from "../nn/network.ts";
import { readTensors, writeTensors } from "./safetensors.ts";
import { checkTrained, trainedOfProvenance } from "./trained.ts";

const FORMAT = "fiducial-network-2";
/** Says how it is used among its provenance; still read. */
const FIRST = "fiducial-network-1";
const STATE = "training.";

/** Everything that a training run needs to go on where it was. */
export interface TrainingState {
  /** Steps done. */
  readonly step: number;
  readonly network: Network;
  /** The optimiser's values by name. */
  readonly optimizer: ReadonlyMap<string, Parameter>;
  /**
   * What early stopping and plateau have seen: the lowest validation loss, epochs since then, and
   * the rate's factor.
   */
  readonly watched: {
    readonly best: number;
    readonly waited: number;
    readonly waitedForRate: number;
    readonly rate: number;
  };
  /** What the run was started with; a run with other settings cannot go on from it. */
  readonly settings: Readonly<Record<string, string | number>>;
}

function metadataOf(network: Network, more: Record<string, string>): (data: Uint8Array) => Record<string, string> {
  return (data) => ({
    format: FORMAT,
    architecture: JSON.stringify(network.architecture),
    provenance: JSON.stringify(network.provenance),
    ...(network.name === undefined ? {} : { name: network.name }),
    ...(network.trained === undefined ? {} : { trained: JSON.stringify(network.trained) }),
    ...more,
    sha256: bytesToHex(sha256(data)),
  });
}
/** The file's bytes. Equal networks give equal bytes. */
export function saveNetwork(network: Network): Uint8Array<ArrayBuffer> {
  return writeTensors(network.parameters, metadataOf(network, {}));
}
export function saveTraining({ step, network, optimizer, settings, watched }: TrainingState): Uint8Array<ArrayBuffer> {
  const tensors = new Map(network.parameters);
  for (const [name, p] of optimizer) tensors.set(STATE + name, p);
  return writeTensors(tensors, metadataOf(network, { training: JSON.stringify({ step, settings, watched }) }));
}

function load(
  bytes: Uint8Array,
  name: string,
): { network: Network; optimizer: Map<string, Parameter>; training?: string } {
  const fail = (what: string): never => {
    throw new FormatError(`${name}: ${what}`, { name });
  };
  const { tensors, metadata, data } = readTensors(bytes, name);
  if (metadata.format === undefined)
    fail(
      "it is a safetensors file without Fiducial's metadata; only networks saved by Fiducial carry their architecture",
    );
  if (metadata.format !== FORMAT && metadata.format !== FIRST)
    fail(
      `its format is "${metadata.format}" and this version reads "${FORMAT}" and "${FIRST}"; use the version of Fiducial that wrote it, or a later one`,
    );
  if (bytesToHex(sha256(data)) !== metadata.sha256)
    fail("its checksum does not match its weights: the file is damaged, fetch it again");
  const parameters = new Map<string, Parameter>();
  const optimizer = new Map<string, Parameter>();
  for (const [key, p] of tensors) {
    if (metadata.training !== undefined && key.startsWith(STATE)) optimizer.set(key.slice(STATE.length), p);
    else parameters.set(key, p);
  }
  let architecture: Architecture;
  let provenance: Provenance;
  let trained: unknown;
  try {
    architecture = JSON.parse(metadata.architecture);
    provenance = JSON.parse(metadata.provenance);
    trained = metadata.trained === undefined ? undefined : JSON.parse(metadata.trained);
  } catch {
    return fail("its architecture is not JSON: it is damaged");
  }
  const use =
    metadata.format === FIRST
      ? trainedOfProvenance(provenance)
      : trained === undefined
        ? undefined
        : checkTrained(trained, name);
  const unknown = architecture.layers?.find((l) => !layerKinds.includes(l.kind));
  if (unknown)
    fail(`it has a layer "${unknown.kind}" that this version does not know; it knows ${layerKinds.join(", ")}`);
  const fresh = sequential({ input: architecture.input, layers: architecture.layers, seed: 0 });
  for (const [key, p] of fresh.parameters) {
    const have = parameters.get(key);
    if (have?.shape.join() !== p.shape.join())
      fail(
        `its architecture needs "${key}" of ${p.shape.join("×")}, the file has ${have ? have.shape.join("×") : "none"}: weights of another architecture`,
      );
  }
  const extra = [...parameters.keys()].find((key) => !fresh.parameters.has(key));
  if (extra !== undefined)
    fail(`it has a tensor "${extra}" that its architecture does not use: weights of another architecture`);
  return {
    network: {
      architecture,
      parameters,
      provenance,
      ...(metadata.name === undefined ? {} : { name: metadata.name }),
      ...(use === undefined ? {} : { trained: use }),
    },
    optimizer,
    ...(metadata.training === undefined ? {} : { training: metadata.training }),
  };
}

/**
 * Reads a checkpoint. Throws FormatError that says what is wrong: not a safetensors file, cut
 * short, damaged, of a later version, or with parameters that its architecture does not have.
 * `name` is the file's, for the message.
 */
export function loadNetwork(bytes: Uint8Array, name = "checkpoint"): Network {
  return load(bytes, name).network;
}
/**
 * Reads a training state. Throws FormatError as loadNetwork does, and for a file that holds a
 * finished network only.
 */
export function loadTraining(bytes: Uint8Array, name = "training state"): TrainingState {
  const { network, optimizer, training } = load(bytes, name);
  if (training === undefined)
    throw new FormatError(`${name}: it is a finished network, not the state of a training run`, { name });
  const { step, settings, watched } = JSON.parse(training) as Pick<TrainingState, "step" | "settings" | "watched">;
  return { step, network, optimizer, settings, watched };
}
/** Throws ConfigError naming the first setting that differs. */
export function checkResumable(state: TrainingState, settings: TrainingState["settings"]): void {
  for (const key of new Set([...Object.keys(settings), ...Object.keys(state.settings)])) {
    if (state.settings[key] !== settings[key])
      throw new ConfigError(
        `resume: the run was started with ${key} ${state.settings[key] ?? "unset"} and should go on with ${settings[key] ?? "unset"}; use the same, or start anew`,
        { key },
      );
  }
}
