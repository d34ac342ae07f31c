// Random objects of plain ellipses that bring their own measurement.
import { PI, random, sinCos } from "../../engine/index.ts";
import type { ImageSet } from "./brain.ts";
import { measureEllipses, rasterOf, type Ellipse } from "./continuous.ts";

/** A body, and 6 to 16 ellipses within; the sum of the values is 1 at most. */
function drawn(seed: number, at: number, [H, W]: readonly [number, number]): Ellipse[] {
  const rng = random(seed).fork(at);
  const between = (least: number, most: number): number => least + (most - least) * rng.uniform();
  const size = Math.min(H, W);
  const middle = { row: (H - 1) / 2 + between(-2, 2), column: (W - 1) / 2 + between(-2, 2) };
  const [a, b] = [size * between(0.3, 0.4), size * between(0.34, 0.44)];
  const ellipses: Ellipse[] = [{ ...middle, a, b, turned: [0, 1], value: 0.3 }];
  for (let k = 6 + rng.integer(11); k > 0; k--) {
    const [sin, cos] = sinCos(2 * PI * rng.uniform());
    const away = 0.7 * Math.sqrt(rng.uniform());
    ellipses.push({
      row: middle.row + b * away * sin,
      column: middle.column + a * away * cos,
      a: size * between(0.015, 0.12),
      b: size * between(0.015, 0.12),
      turned: sinCos(PI * rng.uniform()),
      value: between(0.05, 0.35),
    });
  }
  return ellipses;
}

/**
 * `count` images [2,H,W] of a body with ellipses in it, real, from 0 to 1; image i depends on the
 * seed and i alone. The pixels are means over their squares, and what an operator measures is
 * computed from the ellipses, not from the pixels (`measurement`): no inverse crime is committed.
 */
export function analyticEllipses(options: {
  readonly shape: readonly [number, number];
  readonly count: number;
  readonly seed: number;
}): Required<ImageSet> {
  const { shape, count, seed } = options;
  const [H, W] = shape;
  const made = new Map<number, { ellipses: Ellipse[]; pixels: Float64Array }>();
  const get = (at: number): { ellipses: Ellipse[]; pixels: Float64Array } => {
    const known = made.get(at);
    if (known) return known;
    const plain = drawn(seed, at, shape);
    const raster = rasterOf(plain, shape);
    const top = raster.reduce((p, q) => Math.max(p, q), 0);
    const ellipses = plain.map((e) => ({ ...e, value: e.value / top }));
    const both = { ellipses, pixels: raster.map((v) => v / top) };
    made.set(at, both);
    return both;
  };
  return {
    length: count,
    shape,
    description: { kind: "analyticEllipses", height: H, width: W, count, seed },
    image(at) {
      const image = new Float32Array(2 * H * W);
      image.set(get(at).pixels);
      return image;
    },
    measurement: (at, operator) => measureEllipses(get(at).ellipses, operator),
  };
}
