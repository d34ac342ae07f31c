// What the commands are given: a model, a sampling mask, and slices of image files.
import { ConfigError, FormatError, formatShape, openBackend, ShapeError, type Backend } from "../engine/index.ts";
import type { ImageRecord, ImageSpec } from "../audit/index.ts";
import { readPicture, readVolume } from "../data/index.ts";
import { loadNetwork, summarize, type Network } from "../learning/index.ts";
import {
  arrayHash,
  birdcageCoils,
  brainPhantoms,
  coilsFrom,
  equispacedMask,
  imagesFrom,
  maskFrom,
  multiCoilFourier,
  openMask,
  prepareImage,
  radialMask,
  randomMask,
  trainedOperator,
  subsampledFourier,
  variableDensityMask,
  type Arrays,
  type CartesianOperator,
  type Coils,
  type ImageSet,
  type Mask,
  type MethodSpec,
} from "../imaging/index.ts";
import { fileURLToPath } from "node:url";
import { readFile } from "./files.ts";
import { choice, flagOf, integer, number, option, text, texts, type computing, type Values } from "./options.ts";
import type { Terminal } from "./terminal.ts";

/** Far from any seed used in training, so that no image is met twice. */
export const HELD_OUT_SEED = 20_000;
/** The U-Net that the package brings. */
export const DEFAULT_MODEL: string = fileURLToPath(new URL("../../weights/unet-128.safetensors", import.meta.url));

export const samplingOptions = {
  mask: text({
    value: "FILE",
    help: "sampling mask, an image or NPY array; everything that is not 0 is measured (the model's own)",
  }),
  sampling: choice(["variable-density", "random", "equispaced-fraction", "radial"], {
    value: "KIND",
    help: "instead: variable-density, random, equispaced-fraction or radial",
  }),
  acceleration: number({ value: "R", from: 1, to: 64, help: "1/R of k-space is measured (4)" }),
  centerFraction: number({
    value: "F",
    from: 0,
    to: 1,
    help: "share of the columns that is always measured, about the centre (0.08)",
  }),
  operator: choice(["single-coil", "multi-coil"], {
    default: "single-coil",
    help: "how the object is measured: single-coil, or multi-coil Fourier sampling",
  }),
  coils: text({
    value: "N|FILE",
    help: "of multi-coil: how many, in a birdcage, or an NPY array of their maps, complex [coils,H,W] (4)",
  }),
  noise: number({
    value: "SIGMA",
    from: 0,
    to: 10,
    help: "standard deviation of the measurement noise; images have maximum 1 (0.01)",
  }),
} as const;
export const imageOptions = {
  images: texts({ value: "FILE", help: "PNG, NIfTI, DICOM or NPY (generated brain phantoms)" }),
  slices: option({
    value: "LIST",
    help: "slices of every file, 120,128 or 100-110 (the middle one)",
    read: slicesOf,
  }),
  count: integer({ default: 2, from: 1, to: 1000, help: "how many phantoms, where no images are given" }),
} as const;
export const lambdaOption = {
  lambda: number({ value: "L", from: 1e-9, to: 1e6, help: "weight of total variation (the tuned one)" }),
} as const;

/**
 * The backend of --backend, --threads and --precision; what the host cannot give of that is noted.
 */
export async function chooseBackend(
  { backend, threads, precision }: Values<typeof computing>,
  terminal: Terminal,
): Promise<Backend> {
  const opened = await openBackend(backend, { precision, ...(threads === undefined ? {} : { threads }) });
  for (const note of opened.notes) terminal.note(note);
  return opened;
}

type Lambda = Values<typeof lambdaOption>;
const classical: Readonly<Record<string, (options: Lambda) => MethodSpec>> = {
  "total-variation": ({ lambda }) => ({ kind: "totalVariation", ...(lambda === undefined ? {} : { lambda }) }),
  wavelet: () => ({ kind: "waveletSparsity" }),
  firenet: () => ({ kind: "firenet" }),
  "conjugate-gradient": () => ({ kind: "conjugateGradient" }),
  "zero-filled": () => ({ kind: "zeroFilled" }),
};
export const classicalNames: readonly string[] = Object.keys(classical);
/** The method of that name; --lambda is total variation's. */
export function classicalMethod(name: string, options: Lambda): MethodSpec {
  return classical[name](options);
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
export function chooseMask(
  options: Values<typeof samplingOptions> & { readonly seed: number },
  model: Model,
  terminal: Terminal,
): Mask {
  const { shape } = model;
  const { mask: file, sampling, acceleration = 4, centerFraction = 0.08, seed } = options;
  const named = (["sampling", "acceleration", "centerFraction"] as const).filter((name) => options[name] !== undefined);
  if (file !== undefined) {
    if (named.length > 0)
      throw new ConfigError(`--mask and ${flagOf(named[0])} cannot both be given; the file says what is measured`, {
        named,
      });
    const image = readVolume(readFile(file), file);
    return maskFrom(image.slice(0).subarray(0, image.height * image.width), [image.height, image.width], shape);
  }
  if (named.length > 0) {
    const columns = { shape, acceleration, centerFraction, seed };
    if (sampling === "radial")
      return radialMask({ shape, spokes: Math.max(1, Math.round(Math.max(...shape) / acceleration)) });
    if (sampling === "random") return randomMask(columns);
    if (sampling === "equispaced-fraction") return equispacedMask({ ...columns, offset: 0 });
    return variableDensityMask(columns);
  }
  const trained = trainedOperator(model.network, "the model");
  if (trained) return openMask(trained.mask);
  terminal.note(
    "The model does not say which mask it was trained with: a variable-density mask, acceleration 4, is used (--mask, --sampling)",
  );
  return variableDensityMask({ shape, acceleration: 4, centerFraction: 0.08, seed: 1 });
}
/** The operator that the options ask for, and the arrays that its spec names. */
export function chooseOperator(
  { operator, coils }: Values<typeof samplingOptions>,
  mask: Mask,
): { readonly operator: CartesianOperator; readonly arrays: Arrays } {
  const arrays = new Map<string, Mask | Coils>();
  if (mask.spec.kind === "file") arrays.set(mask.spec.sha256, mask);
  if (operator === "multi-coil") {
    const chosen = chooseCoils(coils, mask.shape);
    if (chosen.spec.kind === "maps") arrays.set(chosen.spec.sha256, chosen);
    return { operator: multiCoilFourier({ mask, coils: chosen }), arrays };
  }
  if (coils !== undefined)
    throw new ConfigError("--coils: give --operator multi-coil too; a single coil has no maps", {});
  return { operator: subsampledFourier({ mask }), arrays };
}
/** A number of coils, not a file of their maps. */
export const isCount = (coils: string): boolean => /^\d+$/.test(coils);
function chooseCoils(given: string | undefined, shape: Mask["shape"]): Coils {
  if (given === undefined || isCount(given)) {
    const coils = Number(given ?? 4);
    if (coils >= 1 && coils <= 64) return birdcageCoils({ shape, coils });
    throw new ConfigError(`--coils ${given}: give a number between 1 and 64, or a file`, { coils });
  }
  const { slices, height, width, complex, slice } = readVolume(readFile(given), given);
  if (!complex || height !== shape[0] || width !== shape[1])
    throw new ShapeError(
      `${given}: its maps are ${complex ? "complex" : "real"}, ${height}×${width}; give complex ones of ${shape.join("×")}, [coils,H,W]`,
      { height, width },
    );
  const maps = Array.from({ length: slices }, (_, c) => slice(c));
  return coilsFrom(Float32Array.from(maps.flatMap((map) => [...map])), [slices, 2, height, width]);
}
export function chooseNoise({ noise }: Values<typeof samplingOptions>, model: Model): number {
  return noise ?? model.network.trained?.noiseSigma ?? 0.01;
}

/** "3,5-7" → 3, 5, 6, 7 */
function slicesOf(given: string, flag: string): readonly number[] {
  return given.split(",").flatMap((part) => {
    const [, from, to] = /^\s*(\d{1,9})(?:-(\d{1,9}))?\s*$/.exec(part) ?? [];
    if (from === undefined)
      throw new ConfigError(`${flag} ${given}: give whole numbers, as in 120,128 or 100-110`, { given });
    const [first, last] = [Number(from), Number(to ?? from)];
    if (last < first || last - first >= 1000)
      throw new ConfigError(`${flag} ${given}: ${part.trim()} is not a range of 1 to 1000 slices`, { given });
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}

export interface Images {
  readonly set: ImageSet;
  readonly spec: ImageSpec;
  /** The images that the spec names by their hash. */
  readonly arrays: Arrays;
  readonly labels: readonly string[];
}
/**
 * The slices asked for, or phantoms that no training has seen. Labels never carry a file's name.
 */
export async function loadImages(
  options: Values<typeof imageOptions> & { readonly seed: number },
  shape: readonly [number, number],
  backend: Backend,
  terminal: Terminal,
): Promise<Images> {
  const { images: files, slices: wanted, count, seed } = options;
  if (files.length === 0) {
    if (wanted) throw new ConfigError("--slices: there are no files to take slices of; give --images too", {});
    const generated = { shape, count, seed: HELD_OUT_SEED + seed };
    return {
      set: brainPhantoms(generated),
      spec: { kind: "brainPhantoms", ...generated },
      arrays: new Map(),
      labels: Array.from({ length: count }, (_, i) => `generated phantom ${i + 1}`),
    };
  }
  const images: Float32Array[] = [];
  const records: ImageRecord[] = [];
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
      records.push({ label, sha256: arrayHash(image), preparation: `${volume.format}, ${preparation}` });
    }
  }
  const twice = records.find((r, i) => records.findIndex((other) => other.label === r.label) !== i);
  if (twice) throw new FormatError(`--slices: ${twice.label} is asked for twice`, { label: twice.label });
  return {
    set: imagesFrom(images, shape),
    spec: { kind: "given", shape, images: records },
    arrays: new Map(images.map((data, i) => [records[i].sha256, { shape: [2, ...shape], data }])),
    labels: records.map((r) => r.label),
  };
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
