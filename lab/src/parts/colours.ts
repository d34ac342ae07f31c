// Colour scales: linear grey for images, diverging about 0 for signed values, viridis after a ReLU,
// magma for errors.
import { interpolateMagma, interpolateRdBu, interpolateViridis } from "d3-scale-chromatic";

export type Scale = "grey" | "signed" | "viridis" | "magma";
type Rgb = readonly [number, number, number];

/** Every scale's colours from its lowest to its highest value. */
const STEPS = 256;
const parse = (css: string): Rgb => {
  if (css.startsWith("#"))
    return [1, 3, 5].map((i) => Number.parseInt(css.slice(i, i + 2), 16)) as unknown as Rgb;
  return (css.match(/[\d.]+/g) ?? []).slice(0, 3).map(Number) as unknown as Rgb;
};
const tableOf = (interpolate: (t: number) => string): Rgb[] =>
  Array.from({ length: STEPS }, (_, i) => parse(interpolate(i / (STEPS - 1))));
const makers: Readonly<Record<Scale, (t: number) => string>> = {
  grey: (t) => `rgb(${255 * t},${255 * t},${255 * t})`,
  // positive red, negative blue; not quite to the ends, so that black numbers can be read
  signed: (t) => interpolateRdBu(0.92 - 0.84 * t),
  viridis: interpolateViridis,
  magma: interpolateMagma,
};
const tables = new Map<Scale, Rgb[]>();
function table(scale: Scale): Rgb[] {
  const known = tables.get(scale) ?? tableOf(makers[scale]);
  tables.set(scale, known);
  return known;
}

/** The values at the two ends of a scale. */
export type Span = readonly [number, number];
/** From the lowest to the highest value; symmetric about 0 where signs count. */
export function spanOf(scale: Scale, ...all: readonly ArrayLike<number>[]): Span {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const values of all)
    for (let i = 0; i < values.length; i++) {
      low = Math.min(low, values[i]);
      high = Math.max(high, values[i]);
    }
  if (scale !== "signed") return [Math.min(0, low), high];
  const most = Math.max(Math.abs(low), Math.abs(high));
  return [-most, most];
}
/** A value's place in the table of its scale. */
function placeIn(scale: Scale, value: number, [low, high]: Span): number {
  const share = high > low ? (value - low) / (high - low) : scale === "signed" ? 0.5 : 0;
  return Math.max(0, Math.min(STEPS - 1, Math.round(share * (STEPS - 1))));
}
export const colourAt = (scale: Scale, value: number, span: Span): Rgb =>
  table(scale)[placeIn(scale, value, span)];

/** Red, green, blue and opaque in the bytes of a number, as a canvas has them. */
function packed([r, g, b]: Rgb): number {
  return new Uint32Array(new Uint8ClampedArray([r, g, b, 255]).buffer)[0];
}
const packedTables = new Map<Scale, Uint32Array>();
/** Colours of a plane, as the bytes of an image. */
export function paintPlane(
  pixels: Uint8ClampedArray,
  values: ArrayLike<number>,
  scale: Scale,
  span: Span,
): void {
  const colours = packedTables.get(scale) ?? Uint32Array.from(table(scale), packed);
  packedTables.set(scale, colours);
  const cells = new Uint32Array(pixels.buffer);
  for (let i = 0; i < cells.length; i++) cells[i] = colours[placeIn(scale, values[i], span)];
}
/** The ink that can be read on a colour: its contrast is at least 4.5. */
export function inkOn([r, g, b]: Rgb): string {
  const linear = [r, g, b].map((v) =>
    v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4,
  );
  return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] > 0.18 ? "#000" : "#fff";
}
export const css = ([r, g, b]: Rgb): string => `rgb(${r},${g},${b})`;
