// The images of `train reconstructor`: generated ones, slices of files, or what fully measured
// k-space shows; and those that are held out.
import { ConfigError, openBackend, type Backend } from "../engine/index.ts";
import {
  analyticEllipses,
  brainPhantoms,
  imagesFrom,
  prepareImage,
  reconstruct,
  zeroFilled,
  type ImageSet,
} from "../imaging/index.ts";
import type { Network } from "../learning/index.ts";
import { HELD_OUT_SEED, loadImages } from "./inputs.ts";
import { combined, fromKspace, type Scans } from "./measured.ts";
import type { Model } from "./models.ts";
import type { ReconstructorSettings as Settings } from "./reconstructor-options.ts";
import { phantomKinds, type Training } from "./reconstructor-recipes.ts";
import type { Terminal } from "./terminal.ts";

/** Phantoms that a network is tried on after every epoch. */
const PHANTOMS_HELD_OUT = 12;
/** Share of one's own images that is held out, and how many there must be for it. */
const [SHARE_HELD_OUT, LEAST_TO_DIVIDE] = [0.1, 10];
/** Less of k-space is not all of it: partial Fourier leaves out more. */
const WHOLE = 0.9;

/** Images to train on, and others that no training sees. */
export interface TrainingImages {
  readonly images: ImageSet;
  readonly heldOut: ImageSet;
  /** What those held out are: "phantoms" or "images". */
  readonly kind: string;
}

/** The slices of image files. */
async function slicesOfFiles(
  settings: Settings,
  { shape }: Model,
  backend: Backend,
  terminal: Terminal,
): Promise<ImageSet> {
  const { images, slices = "all" as const, fill, seed } = settings;
  // no phantoms are asked for
  const unused = { count: 1, phantoms: "brain", variable: undefined } as const;
  const given = { ...unused, images, slices, fill, seed };
  return (await loadImages(given, shape, backend, terminal)).set;
}

/** k-space as a file has it, slice by slice: every coil by itself. */
async function openMeasured(settings: Settings, path: string, model: Model): Promise<Scans> {
  const { slices = "all" as const } = settings;
  const asItIs = {
    mask: undefined,
    maskThreshold: undefined,
    sampling: undefined,
    acceleration: undefined,
    centerFraction: undefined,
    coils: undefined,
    operator: "single-coil",
  } as const;
  const unused = { images: [], fill: undefined, count: 1, phantoms: "brain" } as const;
  const asked = { ...settings, ...asItIs, ...unused, variable: undefined, slices };
  return fromKspace(asked, path, model, false);
}

/** Images of measured k-space: of one coil complex, of several the root of their squares' sum. */
async function imagesOfKspace(
  settings: Settings,
  model: Model,
  backend: Backend,
  terminal: Terminal,
): Promise<ImageSet> {
  const { shape } = model;
  const images: Float32Array[] = [];
  const said: string[] = [];
  for (const path of settings.kspace) {
    const { operator, sampling, scans, image: size } = await openMeasured(settings, path, model);
    said.push(...sampling.notes);
    const share = operator.measured.reduce((n, v) => n + v, 0) / operator.measured.length;
    if (share < WHOLE)
      throw new ConfigError(
        `${path}: ${(100 * share).toFixed(0)} % of its k-space is measured; a network learns from images whose k-space was measured whole`,
        { share },
      );
    const [, H, W] = operator.domain;
    for (const { label, y } of scans) {
      const coils: Float64Array[] = [];
      for (const one of y) coils.push(await reconstruct(zeroFilled(), one, operator, backend));
      const whole = combined(coils, [H, W], size);
      const how = { from: size, to: shape, complex: true, backend, name: `${path}, ${label}` };
      images.push((await prepareImage(whole, how)).image);
    }
  }
  // bad input is one line, and nothing else
  for (const line of said) terminal.note(line);
  return imagesFrom(images, shape);
}

/** `count` images from the one numbered `first`. */
const part = (set: ImageSet, first: number, count: number): ImageSet =>
  imagesFrom(
    Array.from({ length: count }, (_, i) => set.image(first + i)),
    set.shape,
  );

/** How many of so many images are held out: of a share at least one, and never all. */
function countHeldOut(all: number, share: number | undefined): number {
  if (share === undefined) return all < LEAST_TO_DIVIDE ? 0 : Math.round(SHARE_HELD_OUT * all);
  return share === 0 ? 0 : Math.min(all - 1, Math.max(1, Math.round(share * all)));
}

/** Throws ConfigError for an option that has no use for what is trained on. */
function checkOptions({ images, kspace, slices, fill, heldOut, lowestFrequency }: Settings): void {
  const [files, measured] = [images.length > 0, kspace.length > 0];
  if (files && measured)
    throw new ConfigError("--images and --kspace cannot both be given; train on one of them", {});
  if (!files && !measured && heldOut !== undefined)
    throw new ConfigError(
      "--held-out is a share of your own images; of generated ones others are drawn",
      { heldOut },
    );
  const unused = [
    ["--slices", slices !== undefined && !files && !measured, "--images or --kspace"],
    ["--fill", fill !== undefined && !files, "--images"],
    ["--lowest-frequency", lowestFrequency !== undefined && !measured, "--kspace"],
  ] as const;
  for (const [flag, isUnused, of] of unused)
    if (isUnused) throw new ConfigError(`${flag} is for ${of}; give it too, or leave it out`, {});
}

/**
 * What `train reconstructor` trains on, and what it holds out: a share of one's own images, or
 * phantoms. Throws ConfigError for options that do not go together, and as the files' readers do.
 */
export async function trainingImages(
  settings: Settings,
  { training, network }: { readonly training: Training; readonly network: Network },
  terminal: Terminal,
): Promise<TrainingImages> {
  const { size, seed, images: files, kspace, heldOut } = settings;
  const { phantoms = training.phantoms } = settings;
  const shape = [size, size] as const;
  checkOptions(settings);
  const drawn = { shape, count: PHANTOMS_HELD_OUT, seed: HELD_OUT_SEED + seed };
  if (files.length + kspace.length === 0) {
    const images = phantomKinds[phantoms]({ shape, count: settings.count ?? training.count, seed });
    // formulas are tried on formulas
    const others = images.measurement ? analyticEllipses(drawn) : brainPhantoms(drawn);
    return { images, heldOut: others, kind: "phantoms" };
  }
  const backend = await openBackend("auto", { threads: 1 });
  const read = files.length > 0 ? slicesOfFiles : imagesOfKspace;
  const all = await read(settings, { network, shape, embedded: false }, backend, terminal);
  const count = countHeldOut(all.length, heldOut);
  if (count === 0) return { images: all, heldOut: brainPhantoms(drawn), kind: "phantoms" };
  // the last ones: neighbours in a volume are alike
  const kept = all.length - count;
  return { images: part(all, 0, kept), heldOut: part(all, kept, count), kind: "images" };
}
