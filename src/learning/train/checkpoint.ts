// A checkpoint is one safetensors file: parameters, and in its metadata the architecture, the
// provenance, how the network is used and a checksum. A training state holds the optimiser's values
// besides.
import {
  ConfigError,
  FiducialError,
  FormatError,
  parseJson,
  present,
  quoted,
  withoutControls,
  type Bytes,
  type Shape,
} from "../../engine/index.ts";
import {
  parameterShapes,
  type Architecture,
  type Network,
  type Parameter,
  type Provenance,
} from "../nn/network.ts";
import type { Settings } from "./dataset.ts";
import { readTensors, writeTensors, type TensorFile } from "./safetensors.ts";
import { checkTrained, trainedOfProvenance } from "./trained.ts";
import { nothingWatched, type Watched } from "./watch.ts";

const FORMAT = "fiducial-network-3";
/** Its checksum covers the tensors alone; still read. */
const SECOND = "fiducial-network-2";
/** Likewise, and it says how it is used among its provenance; still read. */
const FIRST = "fiducial-network-1";
const STATE = "training.";
const BEST = "best.";

/** Everything that a training run needs to go on where it was. */
export interface TrainingState {
  /** Steps done. */
  readonly step: number;
  readonly network: Network;
  /** The optimiser's values by name. */
  readonly optimizer: ReadonlyMap<string, Parameter>;
  /** What early stopping and plateau have seen. */
  readonly watched: Watched;
  /** The parameters of the lowest validation loss so far, where early stopping wants them. */
  readonly best?: ReadonlyMap<string, Parameter> | undefined;
  /** What the run was started with; a run with other settings cannot go on from it. */
  readonly settings: Settings;
}

function metadataOf(network: Network): Record<string, string> {
  const { architecture, provenance, name, trained } = network;
  return present({
    format: FORMAT,
    architecture: JSON.stringify(architecture),
    provenance: JSON.stringify(provenance),
    name,
    trained: trained && JSON.stringify(trained),
  });
}
/** The file's bytes. Equal networks give equal bytes. */
export function saveNetwork(network: Network): Bytes {
  return writeTensors(network.parameters, metadataOf(network));
}
export function saveTraining(state: TrainingState): Bytes {
  const { step, network, optimizer, settings, watched, best = [] } = state;
  const tensors = new Map(network.parameters);
  for (const [name, p] of optimizer) tensors.set(STATE + name, p);
  for (const [name, p] of best) tensors.set(BEST + name, p);
  const training = JSON.stringify({ step, settings, watched });
  return writeTensors(tensors, { ...metadataOf(network), training });
}

const isObject = (v: unknown): v is Record<string, unknown> =>
  typeof v === "object" && v !== null && !Array.isArray(v);
const isCount = (v: unknown): boolean => Number.isSafeInteger(v) && (v as number) >= 1;
const REMEDY = "it is damaged, fetch it again";

/** Throws FormatError unless its checksum is that of its format. */
function checkSum({ metadata, dataHash, contentHash }: TensorFile, name: string): void {
  const { format } = metadata;
  const fail = (what: string): never => {
    throw new FormatError(`${name}: ${what}`, { name });
  };
  if (format === undefined)
    fail(
      "it is a safetensors file without Fiducial's metadata; only networks saved by Fiducial carry their architecture",
    );
  if (![FORMAT, SECOND, FIRST].includes(format))
    fail(
      `its format is ${quoted(format)} and this version reads "${FORMAT}", "${SECOND}" and "${FIRST}"; use the version of Fiducial that wrote it, or a later one`,
    );
  if (metadata.sha256 !== (format === FORMAT ? contentHash() : dataHash()))
    fail("its checksum does not match its content: the file is damaged, fetch it again");
}
/** Layers are held to their types where they become graph nodes. */
function readArchitecture(text: string | undefined, name: string): Architecture {
  const where = `${name}: its architecture`;
  const value = parseJson(text ?? "", where, REMEDY);
  const { input } = (isObject(value) ? value : {}) as Partial<Architecture>;
  if (!Array.isArray(input) || !input.every(isCount))
    throw new FormatError(`${where} takes an input of shape ${quoted(input)}; ${REMEDY}`, { name });
  return value as Architecture;
}
function readProvenance(text: string | undefined, name: string): Provenance {
  const where = `${name}: its provenance`;
  const value = parseJson(text ?? "", where, REMEDY);
  if (!isObject(value))
    throw new FormatError(`${where} is ${quoted(value)} and no object; ${REMEDY}`, { name });
  const plain = (v: unknown): boolean => ["string", "number", "boolean"].includes(typeof v);
  const strange = Object.entries(value).find(
    ([, v]) => !plain(v) && !(Array.isArray(v) && v.every(plain)),
  );
  if (strange)
    throw new FormatError(`${where} says ${quoted(strange[0])}: ${quoted(strange[1])}; ${REMEDY}`, {
      name,
    });
  return value as Provenance;
}
/** Throws FormatError unless the tensors are those of the architecture. Allocates none of them. */
function checkShapes(
  architecture: Architecture,
  parameters: ReadonlyMap<string, Parameter>,
  name: string,
): void {
  const fail = (what: string): never => {
    throw new FormatError(`${name}: ${what}`, { name });
  };
  let shapes: ReadonlyMap<string, Shape> = new Map();
  try {
    shapes = parameterShapes(architecture);
  } catch (error) {
    if (!(error instanceof FiducialError)) throw error;
    fail(`its architecture is none: ${withoutControls(error.message)}`);
  }
  for (const [key, shape] of shapes) {
    const have = parameters.get(key)?.shape;
    if (have?.join() !== shape.join())
      fail(
        `its architecture needs ${quoted(key)} of ${shape.join("×")}, the file has ${have ? have.join("×") : "none"}: weights of another architecture`,
      );
  }
  const extra = [...parameters.keys()].find((key) => !shapes.has(key));
  if (extra !== undefined)
    fail(
      `it has a tensor ${quoted(extra)} that its architecture does not use: weights of another architecture`,
    );
}

interface Loaded {
  readonly network: Network;
  readonly optimizer: Map<string, Parameter>;
  readonly best: Map<string, Parameter>;
  readonly training?: string;
}
function load(bytes: Uint8Array, name: string): Loaded {
  const file = readTensors(bytes, name);
  checkSum(file, name);
  const { metadata } = file;
  const [parameters, optimizer, best] = [new Map(), new Map(), new Map()] as Map<
    string,
    Parameter
  >[];
  for (const [key, p] of file.tensors) {
    if (metadata.training !== undefined && key.startsWith(STATE))
      optimizer.set(key.slice(STATE.length), p);
    else if (metadata.training !== undefined && key.startsWith(BEST))
      best.set(key.slice(BEST.length), p);
    else parameters.set(key, p);
  }
  const architecture = readArchitecture(metadata.architecture, name);
  const provenance = readProvenance(metadata.provenance, name);
  checkShapes(architecture, parameters, name);
  const said =
    metadata.trained === undefined
      ? undefined
      : checkTrained(parseJson(metadata.trained, `${name}: what it was trained for`, REMEDY), name);
  const trained = metadata.format === FIRST ? trainedOfProvenance(provenance) : said;
  const network = present({ architecture, parameters, provenance, name: metadata.name, trained });
  return present({ network, optimizer, best, training: metadata.training });
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
  const { network, optimizer, best, training } = load(bytes, name);
  if (training === undefined)
    throw new FormatError(`${name}: it is a finished network, not the state of a training run`, {
      name,
    });
  const { step, settings, watched } = readTraining(training, name);
  return present({
    step,
    network,
    optimizer,
    settings,
    watched,
    best: best.size > 0 ? best : undefined,
  });
}
function readTraining(
  text: string,
  name: string,
): Pick<TrainingState, "step" | "settings" | "watched"> {
  const value = parseJson(text, `${name}: its training state`, REMEDY);
  const { step, settings, watched } = isObject(value) ? value : {};
  const plain = (v: unknown): boolean => typeof v === "string" || typeof v === "number";
  const seen = isObject(watched) ? watched : {};
  const right =
    Number.isSafeInteger(step) &&
    isObject(settings) &&
    Object.values(settings).every(plain) &&
    Object.keys(nothingWatched).every((key) => typeof seen[key] === "number");
  if (!right)
    throw new FormatError(`${name}: its training state lacks what a run goes on from; ${REMEDY}`, {
      name,
    });
  return value as Pick<TrainingState, "step" | "settings" | "watched">;
}
/** Throws ConfigError naming every setting that differs, or another architecture. */
export function checkResumable(state: TrainingState, network: Network, settings: Settings): void {
  if (JSON.stringify(state.network.architecture) !== JSON.stringify(network.architecture))
    throw new ConfigError(
      "resume: it is the state of another architecture; use the same, or start anew",
      {},
    );
  const keys = [...new Set([...Object.keys(settings), ...Object.keys(state.settings)])];
  const other = keys.filter((key) => state.settings[key] !== settings[key]);
  if (other.length === 0) return;
  const said = other.map(
    (key) =>
      `${key} ${state.settings[key] ?? "unset"} and should go on with ${settings[key] ?? "unset"}`,
  );
  throw new ConfigError(
    `resume: the run was started with ${said.join(", with ")}; use the same, or start anew`,
    { keys: other },
  );
}
