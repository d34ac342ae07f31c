// What the commands are given: a model, a sampling mask, and slices of image files.
import {
  ConfigError,
  DtypeError,
  FormatError,
  openBackend,
  present,
  type Backend,
} from "../engine/index.ts";
import type { ImageRecord, ImageSpec } from "../audit/index.ts";
import { formatNames, loadPicture } from "../data/index.ts";
import { pixelsOf, preprocessed, type Network } from "../learning/index.ts";
import {
  analyticEllipses,
  arrayHash,
  brainPhantoms,
  describeMask,
  equispacedMask,
  imagesFrom,
  maskFrom,
  openMask,
  prepareImage,
  radialMask,
  randomMask,
  trainedOperator,
  variableDensityMask,
  type Arrays,
  type ImageSet,
  type Mask,
  type MethodSpec,
  type SamplingFacts,
  type SamplingOptions,
} from "../imaging/index.ts";
import { readFile } from "./files.ts";
import type { Model } from "./models.ts";
import {
  chooseCartesian,
  chooseOther,
  describeOperator,
  operatorOptions,
  usesMask,
  type Chosen,
} from "./operator-inputs.ts";
import {
  choice,
  flagOf,
  integer,
  number,
  option,
  text,
  texts,
  type computing,
  type Values,
} from "./options.ts";
import type { Terminal } from "./terminal.ts";
import { describeVolume, openCellValues, openVolume, slicesOf } from "./volumes.ts";

/** Far from any seed used in training, so that no image is met twice. */
export const HELD_OUT_SEED = 20_000;
export const samplingOptions = {
  mask: text({
    value: "FILE",
    help: "sampling mask, an image or NPY array: what is not 0 is measured; one row stands for every line (the model's own)",
  }),
  maskThreshold: number({
    value: "T",
    from: 0,
    help: "values of a mask, or magnitudes of k-space, above T are measured (judged from the values)",
  }),
  lowestFrequency: choice(["centre", "corner"], {
    value: "WHERE",
    help: "of mask and k-space files: centre (⌊N/2⌋) or corner, whatever they look like (the centre, if that is plausible)",
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
  ...operatorOptions,
  noise: number({
    value: "SIGMA",
    from: 0,
    to: 10,
    help: "standard deviation of the measurement noise; images have maximum 1 (0.01)",
  }),
} as const;
export const imageOptions = {
  images: texts({
    value: "FILE",
    help: `${formatNames.join(", ")}, or a folder of DICOM files (generated brain phantoms)`,
  }),
  variable: text({
    value: "NAME",
    help: "the array to take of a file of several (the largest picture)",
  }),
  fill: number({
    value: "V",
    help: "what stands for values that are not finite, as in a NaN background (they are refused)",
  }),
  slices: option({
    value: "LIST",
    help: "slices of every file, 120,128 or 100-110 (the middle one)",
    read: numbersOf,
  }),
  count: integer({
    default: 2,
    from: 1,
    to: 1000,
    help: "how many phantoms, where no images are given",
  }),
  phantoms: choice(["brain", "ellipses"], {
    default: "brain",
    help: "what they are: brain, measured from their pixels, or ellipses, measured from their formulas (no inverse crime)",
  }),
} as const;
export const lambdaOption = {
  lambda: number({
    value: "L",
    from: 1e-9,
    to: 1e6,
    help: "weight of total variation (the tuned one)",
  }),
} as const;

/**
 * The backend of --backend, --threads and --precision; what the host cannot give of that is noted.
 */
export async function chooseBackend(
  { backend, threads, precision }: Values<typeof computing>,
  terminal: Terminal,
): Promise<Backend> {
  const opened = await openBackend(backend, {
    precision,
    ...(threads === undefined ? {} : { threads }),
  });
  for (const note of opened.notes) terminal.note(note);
  return opened;
}

type Lambda = Values<typeof lambdaOption>;
const classical: Readonly<Record<string, (options: Lambda, sigma?: number) => MethodSpec>> = {
  "total-variation": ({ lambda }, sigma) => ({
    kind: "totalVariation",
    ...present({ lambda, sigma }),
  }),
  wavelet: (_, sigma) => ({ kind: "waveletSparsity", ...present({ sigma }) }),
  firenet: (_, sigma) => ({ kind: "firenet", ...present({ sigma }) }),
  "conjugate-gradient": () => ({ kind: "conjugateGradient" }),
  "filtered-back-projection": () => ({ kind: "filteredBackProjection" }),
  "zero-filled": () => ({ kind: "zeroFilled" }),
};
export const classicalNames: readonly string[] = Object.keys(classical);
/** The method of that name, tuned for noise of deviation sigma; --lambda is total variation's. */
export function classicalMethod(name: string, options: Lambda, sigma?: number): MethodSpec {
  return classical[name](options, sigma);
}

type MaskOptions = Values<typeof samplingOptions> & { readonly seed: number };

/** How files of masks and k-space are to be taken. */
export function samplingFrom(options: MaskOptions): SamplingOptions {
  const { lowestFrequency: lowest = "judge", maskThreshold: threshold } = options;
  return { lowest, ...present({ threshold }) };
}
/** What a file was taken for, in one line. */
export function describeSampling(what: string, facts: SamplingFacts): string {
  const { measuredFraction, floor, seemsAt, takenFor, lowestMeasured } = facts;
  return [
    `${what}: ${(100 * measuredFraction).toFixed(1)} % is measured`,
    floor > 0
      ? `values up to ${floor.toPrecision(3)} are taken for not measured`
      : "what is 0 is not",
    `the lowest frequency seems to be at row ${seemsAt[0]}, column ${seemsAt[1]}`,
    `the ${takenFor} is taken for it and is ${lowestMeasured ? "" : "not "}measured`,
  ].join("; ");
}

/** What is to be said of a measurement once all input is known to be good. */
export interface Noted {
  readonly mask?: Mask;
  readonly notes: readonly string[];
}
export interface Sampled extends Noted {
  readonly mask: Mask;
}
/** What says how a mask is made. */
const making = ["sampling", "acceleration", "centerFraction"] as const;
const ofMasks = ["mask", "maskThreshold", "lowestFrequency", ...making] as const;

/** The mask that the options ask for, or the one that the model was trained with. */
export async function chooseMask(options: MaskOptions, model: Model): Promise<Sampled> {
  const { mask: file } = options;
  return file === undefined ? generatedMask(options, model) : maskFromFile(file, options, model);
}
const shareOf = (mask: Mask): number => Number(describeMask(mask).sampledFraction);
/** For when all input is known to be good: bad input is one line, and nothing else. */
export function noteSampling({ mask, notes }: Noted, terminal: Terminal): void {
  for (const note of notes) terminal.note(note);
  if (!mask) return;
  const [H, W] = mask.shape;
  const share = (100 * shareOf(mask)).toFixed(1);
  terminal.note(
    `sampling: ${mask.spec.kind}, ${share} % of k-space is measured, its lowest frequency at row ${Math.floor(H / 2)}, column ${Math.floor(W / 2)}`,
  );
}

async function maskFromFile(
  file: string,
  options: MaskOptions,
  { shape }: Model,
): Promise<Sampled> {
  const other = making.find((name) => options[name] !== undefined);
  if (other !== undefined)
    throw new ConfigError(
      `--mask and ${flagOf(other)} cannot both be given; the file says what is measured`,
      { other },
    );
  const cells = await openCellValues(file);
  const name = `${file} as mask`;
  const { facts, ...mask } = maskFrom(cells.values, cells.shape, shape, {
    ...samplingFrom(options),
    name,
  });
  return { mask, notes: [describeSampling(name, facts)] };
}

function generatedMask(options: MaskOptions, model: Model): Sampled {
  if (making.some((name) => options[name] !== undefined))
    return { mask: madeMask(options, model), notes: [] };
  const trained = trainedOperator(model.network, "the model");
  if (trained && "mask" in trained) return { mask: openMask(trained.mask), notes: [] };
  const { shape } = model;
  return {
    mask: variableDensityMask({ shape, acceleration: 4, centerFraction: 0.08, seed: 1 }),
    notes: [
      "The model does not say which mask it was trained with: a variable-density mask, acceleration 4, is used (--mask, --sampling)",
    ],
  };
}
/** Spokes that measure nearest to 1/R: they cross, so that R times fewer measure more than that. */
function radialOf(shape: Mask["shape"], acceleration: number): Mask {
  const most = 4 * Math.max(...shape);
  const over = (spokes: number): number =>
    shareOf(radialMask({ shape, spokes })) - 1 / acceleration;
  let [few, enough] = [0, most];
  while (enough - few > 1) {
    const spokes = Math.floor((few + enough) / 2);
    if (over(spokes) < 0) few = spokes;
    else enough = spokes;
  }
  // more spokes may cross more often and measure less
  const about = Array.from({ length: 9 }, (_, k) => enough - 4 + k).filter(
    (n) => n >= 1 && n <= most,
  );
  const distance = about.map((n) => Math.abs(over(n)));
  return radialMask({ shape, spokes: about[distance.indexOf(Math.min(...distance))] });
}
function madeMask(
  { sampling, acceleration = 4, centerFraction = 0.08, seed }: MaskOptions,
  { shape }: Model,
): Mask {
  const columns = { shape, acceleration, centerFraction, seed };
  if (sampling === "radial") return radialOf(shape, acceleration);
  if (sampling === "random") return randomMask(columns);
  if (sampling === "equispaced-fraction") return equispacedMask({ ...columns, offset: 0 });
  return variableDensityMask(columns);
}
/** How the object is measured, as the options ask for it, and what is to be said of that. */
export async function chooseMeasuring(
  options: MaskOptions,
  model: Model,
): Promise<Chosen & { readonly sampling: Noted }> {
  if (usesMask(options)) {
    const sampling = await chooseMask(options, model);
    return { ...(await chooseCartesian(options, sampling.mask)), sampling };
  }
  const given = ofMasks.find((name) => options[name] !== undefined);
  if (given !== undefined)
    throw new ConfigError(
      `${flagOf(given)} is for a mask of k-space, and --operator ${options.operator} has none`,
      { given },
    );
  const chosen = await chooseOther(options, model.shape);
  return { ...chosen, sampling: { notes: [describeOperator(chosen.operator)] } };
}
export function chooseNoise({ noise }: Values<typeof samplingOptions>, model: Model): number {
  return noise ?? model.network.trained?.noiseSigma ?? 0.01;
}

/** "3,5-7" → 3, 5, 6, 7 */
export function numbersOf(given: string, flag: string): readonly number[] {
  return given.split(",").flatMap((part) => {
    const [, from, to] = /^\s*(\d{1,9})(?:-(\d{1,9}))?\s*$/.exec(part) ?? [];
    if (from === undefined)
      throw new ConfigError(`${flag} ${given}: give whole numbers, as in 120,128 or 100-110`, {
        given,
      });
    const [first, last] = [Number(from), Number(to ?? from)];
    if (last < first || last - first >= 1000)
      throw new ConfigError(`${flag} ${given}: ${part.trim()} is not a range of 1 to 1000 slices`, {
        given,
      });
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
  options: Omit<Values<typeof imageOptions>, "slices"> & {
    readonly slices: readonly number[] | "all" | undefined;
    readonly seed: number;
  },
  shape: readonly [number, number],
  backend: Backend,
  terminal: Terminal,
): Promise<Images> {
  const { images: files, slices: wanted, variable, fill, count, seed } = options;
  if (files.length === 0) {
    if (wanted)
      throw new ConfigError(
        "--slices: there are no files to take slices of; give --images too",
        {},
      );
    const generated = { shape, count, seed: HELD_OUT_SEED + seed };
    const ellipses = options.phantoms === "ellipses";
    return {
      set: ellipses ? analyticEllipses(generated) : brainPhantoms(generated),
      spec: { kind: ellipses ? "analyticEllipses" : "brainPhantoms", ...generated },
      arrays: new Map(),
      labels: Array.from({ length: count }, (_, i) => `generated phantom ${i + 1}`),
    };
  }
  const images: Float32Array[] = [];
  const records: ImageRecord[] = [];
  const said: string[] = [];
  for (const [i, path] of files.entries()) {
    const volume = await openVolume(path, present({ variable }));
    const { height, width, complex } = volume;
    said.push(describeVolume(path, volume));
    for (const { values, which, done } of slicesOf(volume, { path, fill, terminal, wanted })) {
      const from = [height, width] as const;
      const { image, preparation } = await prepareImage(values, {
        from,
        to: shape,
        complex,
        backend,
        name: `${path}${which}`,
      });
      images.push(image);
      records.push({
        label: `file ${i + 1}${which}`,
        sha256: arrayHash(image),
        preparation: `${volume.format}, ${done}${preparation}`,
      });
    }
  }
  if (images.length === 0)
    throw new DtypeError("--slices: every slice is blank; choose others", { wanted });
  const twice = records.find((r, i) => records.findIndex((other) => other.label === r.label) !== i);
  if (twice)
    throw new FormatError(`--slices: ${twice.label} is asked for twice`, { label: twice.label });
  // bad input is one line, and nothing else
  for (const line of said) terminal.note(line);
  return {
    set: imagesFrom(images, shape),
    spec: { kind: "given", shape, images: records },
    arrays: new Map(images.map((data, i) => [records[i].sha256, { shape: [2, ...shape], data }])),
    labels: records.map((r) => r.label),
  };
}

/**
 * A picture as a network's input [C,H,W], by its own preprocessing; without one, values 2·v − 1 of
 * a picture of its size. Throws ShapeError for another size, FormatError for colours that a grey
 * network would lose.
 */
export const pictureInput = async (path: string, network: Network): Promise<Float32Array> =>
  preprocessed(network, pixelsOf(await loadPicture(readFile(path), path)), path);
