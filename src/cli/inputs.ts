// What the commands are given: a model, a sampling mask, and slices of image files.
import { ConfigError, FormatError, formatShape, openBackend, ShapeError, type Backend } from "../engine/index.ts";
import { readPicture, readVolume } from "../data/index.ts";
import { loadNetwork, summarize, type Network } from "../learning/index.ts";
import {
  brainPhantoms,
  equispacedMask,
  firenet,
  imagesFrom,
  maskFrom,
  maskFromDescription,
  prepareImage,
  radialMask,
  randomMask,
  type subsampledFourier,
  totalVariation,
  variableDensityMask,
  waveletSparsity,
  zeroFilled,
  type ImageSet,
  type Mask,
  type Reconstructor,
} from "../imaging/index.ts";
import { fileURLToPath } from "node:url";
import { readFile } from "./files.ts";
import type { Arguments, Options } from "./options.ts";
import type { Terminal } from "./terminal.ts";

/** Far from any seed used in training, so that no image is met twice. */
export const HELD_OUT_SEED = 20_000;
/** The U-Net that the package brings. */
export const DEFAULT_MODEL: string = fileURLToPath(new URL("../../weights/unet-128.safetensors", import.meta.url));

export const samplingOptions: Options = {
  mask: {
    value: "FILE",
    help: "sampling mask, an image or NPY array; everything that is not 0 is measured (the model's own)",
  },
  sampling: { value: "KIND", help: "instead: variable-density, random, equispaced-fraction or radial" },
  acceleration: { value: "R", help: "1/R of k-space is measured (4)" },
  "center-fraction": { value: "F", help: "share of the columns that is always measured (0.08)" },
  noise: { value: "SIGMA", help: "standard deviation of the measurement noise; images have maximum 1 (0.01)" },
};
export const imageOptions: Options = {
  images: { value: "FILE", multiple: true, help: "PNG, NIfTI, DICOM or NPY (generated brain phantoms)" },
  slices: { value: "LIST", help: "slices of every file, 120,128 or 100-110 (the middle one)" },
  count: { value: "N", default: "2", help: "how many phantoms, where no images are given" },
};

/**
 * The backend of --backend, --threads and --precision; what the host cannot give of that is noted.
 */
export async function chooseBackend(args: Arguments, terminal: Terminal): Promise<Backend> {
  const backend = await openBackend(args.choice("backend", ["auto", "wasm", "reference"]), {
    precision: args.choice("precision", ["reproducible", "fast"]),
    ...(args.has("threads") ? { threads: args.integer("threads", 1, 64) } : {}),
  });
  for (const note of backend.notes) terminal.note(note);
  return backend;
}

const noiseOf = (sigma?: number): { sigma?: number } => (sigma === undefined ? {} : { sigma });
const classical: Readonly<
  Record<string, (operator: ReturnType<typeof subsampledFourier>, args: Arguments, sigma?: number) => Reconstructor>
> = {
  "total-variation": (operator, args, sigma) =>
    totalVariation({
      operator,
      ...noiseOf(sigma),
      ...(args.has("lambda") ? { lambda: args.number("lambda", 1e-9, 1e6) } : {}),
    }),
  wavelet: (operator, _, sigma) => waveletSparsity({ operator, ...noiseOf(sigma) }),
  firenet: (operator, _, sigma) => firenet({ operator, ...noiseOf(sigma) }),
  "zero-filled": (operator) => zeroFilled({ operator }),
};
export const classicalNames: readonly string[] = Object.keys(classical);
/** The method of that name, tuned for noise of deviation sigma; --lambda is total variation's. */
export function classicalMethod(
  name: string,
  operator: ReturnType<typeof subsampledFourier>,
  args: Arguments,
  sigma?: number,
): Reconstructor {
  return classical[name](operator, args, sigma);
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
export function loadModel(path: string | undefined): Model {
  const network = loadNetwork(readFile(path ?? DEFAULT_MODEL), path ?? "the embedded model");
  const { input } = network.architecture;
  const output = summarize(network).layers.at(-1)?.shape ?? input;
  if (input.length !== 3 || input[0] !== 2 || output.join() !== input.join())
    throw new ConfigError(
      `${path}: it maps ${formatShape(input)} to ${formatShape(output)}; a reconstruction network maps complex images [2×H×W] to complex images of the same size`,
      { input, output },
    );
  return { network, shape: [input[1], input[2]], embedded: path === undefined };
}

/** The mask that the options ask for, or the one that the model was trained with. */
export function chooseMask(args: Arguments, model: Model, terminal: Terminal): Mask {
  const { shape } = model;
  const file = args.optional("mask");
  const named = ["sampling", "acceleration", "center-fraction"].filter((name) => args.has(name));
  if (file !== undefined) {
    if (named.length > 0)
      throw new ConfigError(`--mask and --${named[0]} cannot both be given; the file says what is measured`, { named });
    const image = readVolume(readFile(file), file);
    return maskFrom(image.slice(0).subarray(0, image.height * image.width), [image.height, image.width], shape);
  }
  const acceleration = args.has("acceleration") ? args.number("acceleration", 1, 64) : 4;
  if (named.length > 0) {
    const kind = args.has("sampling")
      ? args.choice("sampling", ["variable-density", "random", "equispaced-fraction", "radial"])
      : "variable-density";
    const columns = {
      shape,
      acceleration,
      centerFraction: args.has("center-fraction") ? args.number("center-fraction", 0, 1) : 0.08,
      seed: args.integer("seed", 0),
    };
    if (kind === "radial")
      return radialMask({ shape, spokes: Math.max(1, Math.round(Math.max(...shape) / acceleration)) });
    return kind === "random"
      ? randomMask(columns)
      : kind === "equispaced-fraction"
        ? equispacedMask({ ...columns, offset: 0 })
        : variableDensityMask(columns);
  }
  const { kind: _, samplingKind, ...rest } = trainedWith(model);
  const mask = maskFromDescription({ ...rest, kind: samplingKind }, shape);
  if (mask) return mask;
  terminal.note(
    "The model does not say which mask it was trained with: a variable-density mask, acceleration 4, is used (--mask, --sampling)",
  );
  return variableDensityMask({ shape, acceleration, centerFraction: 0.08, seed: 1 });
}
function trainedWith(model: Model): Record<string, unknown> {
  try {
    return JSON.parse(String(model.network.provenance.operator ?? "{}")) as Record<string, unknown>;
  } catch {
    return {};
  }
}

export function chooseNoise(args: Arguments, model: Model): number {
  return args.has("noise") ? args.number("noise", 0, 10) : Number(model.network.provenance.noiseSigma ?? 0.01);
}

/** "3,5-7" → 3, 5, 6, 7 */
function slicesOf(text: string): number[] {
  return text.split(",").flatMap((part) => {
    const [, from, to] = /^\s*(\d{1,9})(?:-(\d{1,9}))?\s*$/.exec(part) ?? [];
    if (from === undefined)
      throw new ConfigError(`--slices ${text}: give whole numbers, as in 120,128 or 100-110`, { text });
    const [first, last] = [Number(from), Number(to ?? from)];
    if (last < first || last - first >= 1000)
      throw new ConfigError(`--slices ${text}: ${part.trim()} is not a range of 1 to 1000 slices`, { text });
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}

export interface Images {
  readonly set: ImageSet;
  readonly records: readonly { label: string; preparation: string }[];
}
/**
 * The slices asked for, or phantoms that no training has seen. Labels never carry a file's name.
 */
export async function loadImages(
  args: Arguments,
  shape: readonly [number, number],
  backend: Backend,
  terminal: Terminal,
): Promise<Images> {
  const files = args.list("images");
  const wanted = args.has("slices") ? slicesOf(args.text("slices")) : undefined;
  if (files.length === 0) {
    if (wanted) throw new ConfigError("--slices: there are no files to take slices of; give --images too", {});
    const count = args.integer("count", 1, 1000);
    return {
      set: brainPhantoms({ shape, count, seed: HELD_OUT_SEED + args.integer("seed", 0) }),
      records: Array.from({ length: count }, (_, i) => ({ label: `generated phantom ${i + 1}`, preparation: "none" })),
    };
  }
  const images: Float32Array[] = [];
  const records: { label: string; preparation: string }[] = [];
  for (const [i, path] of files.entries()) {
    const volume = readVolume(readFile(path), path);
    const { slices, height, width, complex } = volume;
    if (slices > 1 && !wanted)
      terminal.note(`${path} has ${slices} slices: the middle one, ${Math.floor(slices / 2)}, is taken (--slices)`);
    for (const index of wanted ?? [Math.floor(slices / 2)]) {
      const label = `file ${i + 1}${slices > 1 ? `, slice ${index}` : ""}`;
      const { image, preparation } = await prepareImage(volume.slice(index), {
        from: [height, width],
        to: shape,
        complex,
        backend,
        name: `${path}${slices > 1 ? `, slice ${index}` : ""}`,
      });
      images.push(image);
      records.push({ label, preparation: `${volume.format}, ${preparation}` });
    }
  }
  const twice = records.find((r, i) => records.findIndex((other) => other.label === r.label) !== i);
  if (twice) throw new FormatError(`--slices: ${twice.label} is asked for twice`, { label: twice.label });
  return { set: imagesFrom(images, shape), records };
}

/**
 * A picture as a classifier's input [C,H,W], values 2·v − 1. Throws ShapeError for another size,
 * FormatError for colours that a grey network would lose.
 */
export function pictureInput(path: string, network: Network): Float32Array {
  const { input } = network.architecture;
  const [C, H, W] = input;
  if (input.length !== 3 || (C !== 1 && C !== 3))
    throw new ConfigError(
      `${path}: the network takes ${formatShape(input)}; pictures are for networks of grey or colour images`,
      { input },
    );
  const picture = readPicture(readFile(path), path);
  if (picture.height !== H || picture.width !== W)
    throw new ShapeError(
      `${path}: it is ${picture.height}×${picture.width}, the network takes ${formatShape(input)}; resize it`,
      { input },
    );
  const values = new Float32Array(C * H * W);
  for (let i = 0; i < H; i++)
    for (let j = 0; j < W; j++) {
      const colour = picture.pixel(i, j);
      if (C === 1 && !(colour[0] === colour[1] && colour[1] === colour[2]))
        throw new FormatError(`${path}: it is in colour, the network takes grey pictures; convert it`, { input });
      for (let c = 0; c < C; c++) values[(c * H + i) * W + j] = 2 * colour[c] - 1;
    }
  return values;
}
