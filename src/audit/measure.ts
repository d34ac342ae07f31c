// One perturbation, measured: what it does to the image, beside random noise that is measured as
// much, in figures and pictures.
import { ConfigError, log, present } from "../engine/index.ts";
import { magnitude, maximum, nmse, norm, psnr, ssim } from "../imaging/index.ts";
import { projected, type Ball } from "./attack/ascent.ts";
import type { Looking } from "./attack/objective.ts";
import type { Collected, View } from "./laboratory.ts";
import { greyPicture, whiteOf } from "./pictures.ts";
import type { Measurement, Score } from "./schema.ts";

/** Beside what was searched for, which is held to the worst of them. */
export const SEARCH_DRAWS = 8;
/** Beside what was drawn, where their mean is all that is shown: it hardly moves between draws. */
export const MEAN_DRAWS = 2;
/** A change is larger than noise's beyond float32's rounding. */
const MORE = 1.001;
/** A perturbation is enlarged until its bright cells are that much below white. */
const GAINED = 1.25;

/** Who is measured, where, and under which conditions. */
export interface Setting {
  readonly test: string;
  readonly method: string;
  readonly image: number;
  /** [H,W] */
  readonly shape: readonly [number, number];
  readonly view: View;
  /** f(y(0)) */
  readonly clean: Float64Array;
  readonly looking: Looking;
  /** ‖x‖ or ‖y‖, and the largest magnitude of x or y: what budgets refer to. */
  readonly reference: { readonly norm: number; readonly maximum: number };
  /** A proven Lipschitz constant of the method. */
  readonly bound?: number | undefined;
  /** Of f(y(0)), against the image. */
  readonly before: Quality;
  /** Draws of the noise beside a perturbation. */
  readonly draws: number;
  /** The perturbation is part of the object: x̂ is held against x + r. */
  readonly content: boolean;
  /** Gaussian perturbations in the row space of A, by a label of their own. */
  noise(label: string): () => Promise<Float64Array>;
  readonly collected: Collected;
}
export interface MeasureOptions {
  readonly label: string;
  /** Share of ‖x‖ or ‖y‖, in ℓ∞ of their largest magnitude, that r is clipped to. */
  readonly relativeBudget?: number;
  readonly ball?: Ball;
  readonly series?: string;
  readonly iteration?: number;
  readonly picture: boolean;
}

/** The perturbation inside its budget. */
export function clipped(
  setting: Setting,
  proposed: Float64Array,
  options: MeasureOptions,
): Float64Array {
  const { relativeBudget, ball = "l2" } = options;
  if (relativeBudget === undefined) return proposed;
  const { reference } = setting;
  return projected(
    proposed,
    relativeBudget * (ball === "l2" ? reference.norm : reference.maximum),
    ball,
  );
}

export interface Quality {
  readonly psnr: number;
  readonly ssim: number;
  readonly nmse: number;
}
/** Of |x̂| against a magnitude image of the view. */
export function qualityOf(
  { view: { range }, shape }: Pick<Setting, "view" | "shape">,
  x: Float64Array,
  against: Float64Array,
): Quality {
  const m = magnitude(x);
  return {
    psnr: psnr(against, m, range),
    ssim: ssim(against, m, shape, range),
    nmse: nmse(against, m),
  };
}
function sum(a: ArrayLike<number>, b: ArrayLike<number>): Float64Array {
  const out = new Float64Array(a.length);
  for (let k = 0; k < out.length; k++) out[k] = a[k] + b[k];
  return out;
}
function difference(a: ArrayLike<number>, b: ArrayLike<number>): Float64Array {
  const out = new Float64Array(a.length);
  for (let k = 0; k < out.length; k++) out[k] = a[k] - b[k];
  return out;
}

type Noise = Measurement["noise"] & { readonly worstPsnr: number };
/** Random noise that changes the measurement as much as the perturbation does: ‖Ae‖ = ‖Ar‖. */
async function besideNoise(setting: Setting, label: string, measuredNorm: number): Promise<Noise> {
  const { looking, view, clean, draws } = setting;
  const { scene, truth, range } = view;
  const draw = setting.noise(label);
  const drawn: Float64Array[] = [];
  for (let k = 0; k < draws; k++) {
    const e = await draw();
    const length = norm(await looking.measured(e));
    drawn.push(e.map((v) => (length > 0 ? (v * measuredNorm) / length : 0)));
  }
  const looks = (await looking.reconstructAll(scene, drawn)).map((x) => {
    const m = magnitude(x);
    return {
      change: norm(difference(x, clean)),
      psnr: psnr(truth, m, range),
      nmse: nmse(truth, m),
    };
  });
  const mean = (of: (look: (typeof looks)[number]) => number): number =>
    looks.reduce((total, look) => total + of(look), 0) / draws;
  return {
    draws,
    measuredNorm,
    meanOutputChange: mean((l) => l.change),
    maxOutputChange: Math.max(...looks.map((l) => l.change)),
    psnr: mean((l) => l.psnr),
    worstPsnr: Math.min(...looks.map((l) => l.psnr)),
    nmse: mean((l) => l.nmse),
  };
}

/**
 * By how much the error grows at most, in dB, where an answer is at most `bound` times its cause.
 */
function lossBound({ bound, clean, view }: Setting, measuredNorm: number): number | undefined {
  if (bound === undefined) return undefined;
  const error = norm(difference(magnitude(clean), view.truth));
  return (20 * log(1 + (bound * measuredNorm) / Math.max(error, 1e-30))) / log(10);
}

/**
 * Pictures of the perturbation as it is and enlarged, of the perturbed image, and of what comes of
 * it.
 */
async function pictured(
  setting: Setting,
  id: string,
  r: Float64Array,
  x: Float64Array,
): Promise<Shown> {
  const { looking, view, shape, content, clean } = setting;
  const { pictures, errors, changes } = setting.collected;
  const { scene, white } = view;
  const added = await looking.asImage(r);
  const perturbation = magnitude(added);
  const gain = niceGain(white / (GAINED * whiteOf(perturbation)));
  const error = magnitude(difference(x, content ? sum(scene.x, r) : scene.x));
  const shown = {
    perturbation: `${id}: r`,
    perturbationGained: `${id}: r, gained`,
    perturbedImage: `${id}: x + r`,
    reconstruction: `${id}: x̂`,
    error: `${id}: error`,
    change: `${id}: change`,
    gain,
    maxError: maximum(error),
  };
  errors[shown.error] = error;
  changes[shown.change] = magnitude(difference(x, clean));
  pictures[shown.perturbation] = greyPicture(perturbation, shape, white);
  pictures[shown.perturbationGained] = greyPicture(
    perturbation.map((v) => v * gain),
    shape,
    white,
  );
  pictures[shown.perturbedImage] = greyPicture(magnitude(sum(added, scene.x)), shape, white);
  pictures[shown.reconstruction] = greyPicture(magnitude(x), shape, white);
  return shown;
}
type Shown = NonNullable<Measurement["pictures"]>;

/**
 * Clips a proposed perturbation to its budget and measures what it does. Throws ConfigError where
 * the reconstruction is not finite.
 */
export async function measurePerturbation(
  setting: Setting,
  proposed: Float64Array,
  options: MeasureOptions,
): Promise<Measurement> {
  const { test, method, image, view, clean, looking, content, reference, before } = setting;
  const { label, relativeBudget, series, iteration, picture } = options;
  const r = clipped(setting, proposed, options);
  const x = await looking.reconstruct(view.scene, r);
  if (!x.every(Number.isFinite))
    throw new ConfigError(
      `its reconstruction of image ${image + 1} is not finite under ${label}`,
      {},
    );
  const length = norm(r);
  const measuredNorm = norm(await looking.measured(r));
  const noise = await besideNoise(
    setting,
    `noise ${test} ${method} ${image} ${label}`,
    measuredNorm,
  );
  const after = qualityOf(setting, x, content ? magnitude(sum(view.scene.x, r)) : view.truth);
  const outputChange = norm(difference(x, clean));
  const id = `${test} ${image} ${method} ${series === undefined ? "" : `${series} `}${label}`;
  const both = (of: keyof Quality): { before: number; after: number } => ({
    before: before[of],
    after: after[of],
  });
  return present({
    method,
    image,
    label,
    relativeBudget,
    norm: length,
    relativeNorm: length / reference.norm,
    measuredNorm,
    outputChange,
    amplification: length > 0 ? outputChange / length : 0,
    noise,
    lossBound: lossBound(setting, measuredNorm),
    changeBound: setting.bound === undefined ? undefined : setting.bound * measuredNorm,
    strongerThanNoise: after.psnr < noise.worstPsnr && outputChange > noise.maxOutputChange * MORE,
    psnr: both("psnr"),
    ssim: both("ssim"),
    nmse: both("nmse"),
    series,
    iteration,
    pictures: picture ? await pictured(setting, id, r, x) : undefined,
  });
}

/** What a perturbation changes, where there is no truth to hold it to. */
export async function measureChange(
  setting: Setting,
  r: Float64Array,
  { label, picture }: Pick<MeasureOptions, "label" | "picture">,
): Promise<Score> {
  const { test, method, image, view, clean, looking, shape, collected } = setting;
  const x = await looking.reconstruct(view.scene, r);
  if (!x.every(Number.isFinite))
    throw new ConfigError(
      `its reconstruction of measurement ${image + 1} is not finite under ${label}`,
      {},
    );
  const measured = norm(await looking.measured(r));
  const noise = await besideNoise(setting, `noise ${test} ${method} ${image} ${label}`, measured);
  const changed = difference(x, clean);
  const [change, size] = [norm(changed), Math.max(norm(clean), 1e-30)];
  const figures = {
    change: change / size,
    noise: noise.meanOutputChange / size,
    timesNoise: change / Math.max(noise.meanOutputChange, 1e-30),
    lipschitz: change / Math.max(measured, 1e-30),
  };
  if (!picture) return { method, image, label, figures };
  const id = `${test} ${image} ${method} ${label}`;
  const pictures = { reconstruction: `${id}: x̂`, change: `${id}: change` };
  collected.pictures[pictures.reconstruction] = greyPicture(magnitude(x), shape, view.white);
  collected.changes[pictures.change] = magnitude(changed);
  return { method, image, label, figures, pictures };
}

/** 1, 2 or 5 times a power of ten, at most x, at least 1. */
function niceGain(x: number): number {
  let gain = 1;
  for (const step of [2, 2.5, 2, 2, 2.5, 2, 2, 2.5, 2, 2, 2.5, 2]) {
    if (gain * step > x) break;
    gain *= step;
  }
  return gain;
}
