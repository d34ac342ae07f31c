// Images changed at random, anew every epoch: cropped, moved, recoloured, cut out, noisy, in this
// order. What each does: moved.ts, cropped.ts, recoloured.ts.
import { ConfigError, quoted, random, type Shape } from "../../../engine/index.ts";
import { near } from "../../nn/option-types.ts";
import type { Dataset, Settings } from "../dataset.ts";
import { checkCrop, cropped, type RandomCrop } from "./cropped.ts";
import { moved } from "./moved.ts";
import { checkColours, cutOut, recoloured, type Colours } from "./recoloured.ts";

export interface Augmentation extends Colours {
  /**
   * A part of the image, of random size, place and proportions, made the image (RandomResizedCrop).
   */
  readonly crop?: RandomCrop;
  /** Largest shift each way, pixels: a random crop of the image whose edges are repeated. */
  readonly shift?: number;
  /** Mirrors left to right half of the time. */
  readonly flip?: boolean;
  /** Largest turn each way, degrees. */
  readonly rotate?: number;
  /** Sizes between 1/(1 + scale) and 1 + scale. */
  readonly scale?: number;
  /** Standard deviation of added Gaussian noise. */
  readonly noise?: number;
  /**
   * Side in pixels of a square that is set to the middle of `range`, about a random pixel, cut off
   * at the edges. Source: DeVries & Taylor 2017.
   */
  readonly cutout?: number;
  /** Values of black and white, which colours are reckoned in; [−1, 1] unless given. */
  readonly range?: readonly [number, number];
}

const names: { readonly [K in keyof Required<Augmentation> | "seed"]: true } = {
  crop: true,
  shift: true,
  flip: true,
  rotate: true,
  scale: true,
  noise: true,
  brightness: true,
  contrast: true,
  saturation: true,
  hue: true,
  cutout: true,
  range: true,
  seed: true,
};
function check(options: Augmentation, shape: Shape): void {
  const known = Object.keys(names);
  const other = Object.keys(options).find((name) => !Object.hasOwn(names, name));
  if (other !== undefined)
    throw new ConfigError(
      `augmented: there is no ${quoted(other)}: ${near(other, known)}there are ${known.join(", ")}`,
      { name: other },
    );
  if (shape.length !== 3)
    throw new ConfigError(
      `augmented: it takes images [channels, height, width], not [${shape.join(", ")}]`,
      { shape },
    );
  const {
    shift = 0,
    rotate = 0,
    scale = 0,
    noise = 0,
    cutout = 0,
    range: [black, white] = [-1, 1],
  } = options;
  for (const [name, value] of Object.entries({ rotate, scale, noise }))
    if (!(value >= 0 && Number.isFinite(value)))
      throw new ConfigError(`augmented: ${name} ${value} must be a number from 0 up`, {
        [name]: value,
      });
  for (const [name, value] of Object.entries({ shift, cutout }))
    if (!(Number.isInteger(value) && value >= 0))
      throw new ConfigError(`augmented: ${name} ${value} must be a whole number from 0 up`, {
        [name]: value,
      });
  if (!(white > black))
    throw new ConfigError(`augmented: range [${black}, ${white}] must rise`, {});
  if (options.crop) checkCrop(options.crop);
  checkColours(options, shape[0]);
}
/** What makes its bits, by names of old for those that are old. */
function settingsOf(options: Augmentation & { seed: number }): Settings {
  const { shift = 0, flip = false, rotate = 0, scale = 0, noise = 0, seed, ...others } = options;
  const more = Object.entries(others).filter(([, value]) => value !== undefined);
  const further = Object.fromEntries(more.map(([name, value]) => [name, JSON.stringify(value)]));
  return {
    shift,
    flip: Number(flip),
    rotate,
    scale,
    jitter: noise,
    augmentationSeed: seed,
    ...further,
  };
}

/**
 * Images [C,H,W] changed at random, anew every epoch: cropped, shifted, mirrored, turned and scaled
 * (bilinear, edges repeated), noisy, recoloured, a square cut out. What happens to image i in an
 * epoch depends on the seed, the epoch and i alone. Throws ConfigError for what cannot be done.
 */
export function augmented(data: Dataset, options: Augmentation & { seed: number }): Dataset {
  check(options, data.inputShape);
  const { seed, crop, cutout = 0, range = [-1, 1] } = options;
  const [C, H, W] = data.inputShape;
  const [h, w] = crop?.size ?? [H, W];
  const own = { C, H: h, W: w };
  const [whole, part] = [new Float32Array(C * H * W), new Float32Array(C * h * w)];
  return {
    ...data,
    inputShape: [C, h, w],
    varied: { from: data, by: settingsOf(options) },
    read(i, input, target, epoch = 0) {
      data.read(i, whole, target, epoch);
      const rng = random(seed).fork(`epoch ${epoch}`).fork(i);
      if (crop) cropped(whole, { C, H, W }, part, own, crop, rng.fork("crop"));
      moved(crop ? part : whole, own, input, options, rng);
      recoloured(input, own, options, range, rng.fork("colours"));
      if (cutout > 0) cutOut(input, own, cutout, (range[0] + range[1]) / 2, rng.fork("cutout"));
    },
  };
}
