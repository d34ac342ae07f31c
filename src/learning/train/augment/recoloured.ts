// Brighter or darker, with more or less contrast, saturation and another hue; and a square cut out.
import { ConfigError, type Random } from "../../../engine/index.ts";
import { clampTo, type Size } from "./moved.ts";

export interface Colours {
  /** Values are multiplied by between 1 − b and 1 + b; b from 0 to 1. */
  readonly brightness?: number;
  /** Differences from the image's mean grey are multiplied by between 1 − c and 1 + c. */
  readonly contrast?: number;
  /** Differences from each pixel's own grey are multiplied by between 1 − s and 1 + s. */
  readonly saturation?: number;
  /** Hues are turned by up to so many turns each way; from 0 to 0.5. */
  readonly hue?: number;
}
export function checkColours(options: Colours, channels: number): void {
  const { brightness = 0, contrast = 0, saturation = 0, hue = 0 } = options;
  for (const [name, value] of Object.entries({ brightness, contrast, saturation }))
    if (!(value >= 0 && value <= 1))
      throw new ConfigError(`augmented: ${name} ${value} must be from 0 to 1`, { [name]: value });
  if (!(hue >= 0 && hue <= 0.5))
    throw new ConfigError(`augmented: hue ${hue} must be from 0 to 0.5`, { hue });
  if ((saturation > 0 || hue > 0) && channels !== 3)
    throw new ConfigError(
      `augmented: saturation and hue are of 3 channels, the images have ${channels}`,
      { channels },
    );
}
const within = (v: number): number => Math.max(0, Math.min(1, v));
const greyOf = (r: number, g: number, b: number): number => 0.299 * r + 0.587 * g + 0.114 * b;

/**
 * Changes an image in place: brightness, contrast, saturation, hue, in this order, each cut off at
 * black and white (torchvision's ColorJitter, which draws the order).
 */
export function recoloured(
  image: Float32Array,
  size: Size,
  options: Colours,
  [black, white]: readonly [number, number],
  rng: Random,
): void {
  const { brightness = 0, contrast = 0, saturation = 0, hue = 0 } = options;
  if (brightness + contrast + saturation + hue === 0) return;
  const factor = (by: number): number => 1 + by * (2 * rng.uniform() - 1);
  const [lighter, sharper, fuller] = [factor(brightness), factor(contrast), factor(saturation)];
  const turn = hue * (2 * rng.uniform() - 1);
  const pixels = size.H * size.W;
  for (let k = 0; k < image.length; k++)
    image[k] = within(((image[k] - black) / (white - black)) * lighter);
  const at = (c: number, k: number): number => image[c * pixels + k];
  const grey = (k: number): number =>
    size.C === 3 ? greyOf(at(0, k), at(1, k), at(2, k)) : at(0, k);
  if (contrast > 0) {
    let mean = 0;
    for (let k = 0; k < pixels; k++) mean += grey(k) / pixels;
    for (let k = 0; k < image.length; k++) image[k] = within(mean + sharper * (image[k] - mean));
  }
  for (let k = 0; k < pixels && (saturation > 0 || hue > 0); k++) {
    const own = grey(k);
    const rgb = [0, 1, 2].map((c) => within(own + fuller * (at(c, k) - own)));
    const turned = hue > 0 ? hueTurned(rgb, turn) : rgb;
    for (let c = 0; c < 3; c++) image[c * pixels + k] = turned[c];
  }
  for (let k = 0; k < image.length; k++) image[k] = black + (white - black) * image[k];
}
/** A colour whose hue, in turns, is another; its value and chroma stay (HSV). */
function hueTurned([r, g, b]: readonly number[], turn: number): number[] {
  const [top, low] = [Math.max(r, g, b), Math.min(r, g, b)];
  const chroma = top - low;
  if (chroma === 0) return [r, g, b];
  const sixth =
    top === r ? (g - b) / chroma : top === g ? 2 + (b - r) / chroma : 4 + (r - g) / chroma;
  const at = sixth + 6 * turn;
  const channel = (offset: number): number => {
    const k = (((offset + at) % 6) + 6) % 6;
    return top - chroma * Math.max(0, Math.min(k, 4 - k, 1));
  };
  return [channel(5), channel(3), channel(1)];
}

/** Sets a square about a random pixel to a value. */
export function cutOut(
  image: Float32Array,
  { C, H, W }: Size,
  side: number,
  value: number,
  rng: Random,
): void {
  const [y, x] = [rng.integer(H) - (side >> 1), rng.integer(W) - (side >> 1)];
  const [top, bottom] = [Math.max(0, y), clampTo(y + side - 1, H)];
  const [left, right] = [Math.max(0, x), clampTo(x + side - 1, W)];
  for (let c = 0; c < C; c++)
    for (let r = top; r <= bottom; r++)
      image.fill(value, (c * H + r) * W + left, (c * H + r) * W + right + 1);
}
