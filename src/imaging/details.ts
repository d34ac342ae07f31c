// Small details to be put into an image: tumour-like discs and annuli, arrows, letters, card suits,
// as masks with soft edges.
import type { Random } from "../engine/index.ts";

/** Whether a point of the square [−1, 1]² belongs to the shape. */
export type Inside = (row: number, column: number) => boolean;
const inBars =
  (bars: readonly (readonly [number, number, number, number])[]): Inside =>
  (r, c) =>
    bars.some(([r0, r1, c0, c1]) => r >= r0 && r <= r1 && c >= c0 && c <= c1);

export type DetailShape = "disc" | "annulus" | "arrow" | "letter E" | "diamond" | "heart";
export const detailShapes: Readonly<Record<DetailShape, Inside>> = {
  disc: (r, c) => r * r + c * c <= 1,
  annulus: (r, c) => r * r + c * c <= 1 && r * r + c * c >= 0.25,
  arrow: (r, c) => (c <= 0 && Math.abs(r) <= 0.25) || (c > 0 && Math.abs(r) <= 1 - c),
  "letter E": inBars([
    [-1, 1, -0.75, -0.35],
    [-1, -0.65, -0.75, 0.75],
    [-0.18, 0.18, -0.75, 0.5],
    [0.65, 1, -0.75, 0.75],
  ]),
  diamond: (r, c) => Math.abs(r) + 1.4 * Math.abs(c) <= 1,
  heart: (r, c) =>
    r < -0.1
      ? (Math.abs(c) - 0.5) ** 2 + (r + 0.3) ** 2 <= 0.25
      : Math.abs(c) <= 0.98 * (1 - (r + 0.1) / 1.1),
};

/**
 * One detail: what is added to the image [2,H,W], the box [top, left, height, width] around it, and
 * the share of its disc that lies on tissue (a tenth of the image's maximum).
 */
export interface Detail {
  readonly shape: DetailShape;
  readonly z: Float64Array;
  readonly box: readonly [number, number, number, number];
  readonly tissue: number;
}
/** Sizes in pixels; `contrast` is a share of the image's maximum. */
export interface DetailKind {
  readonly shape: DetailShape;
  readonly radius: number;
  readonly contrast: number;
}
/** [row, column] */
export type Place = readonly [number, number];

function largest(x: ArrayLike<number>, size: number): number {
  let top = 0;
  for (let k = 0; k < size; k++) top = Math.max(top, x[k] ** 2 + x[size + k] ** 2);
  return Math.sqrt(top);
}
function tissueAt(
  x: ArrayLike<number>,
  [H, W]: readonly [number, number],
  top: number,
  radius: number,
  [row, column]: Place,
): number {
  const reach = Math.ceil(radius) + 1;
  let [all, on] = [0, 0];
  for (let r = -reach; r <= reach; r++)
    for (let c = -reach; c <= reach; c++) {
      const i = row + r;
      const j = column + c;
      const inImage = i >= 0 && i < H && j >= 0 && j < W;
      if (!inImage || r * r + c * c > radius * radius) continue;
      all++;
      const k = i * W + j;
      if (x[k] ** 2 + x[H * W + k] ** 2 >= (0.1 * top) ** 2) on++;
    }
  return all === 0 ? 0 : on / all;
}

/**
 * A place for a detail, drawn from those where all of it lies on tissue; of 200 places that do not
 * fit, the one with most tissue.
 */
export function drawPlace(
  x: ArrayLike<number>,
  [H, W]: readonly [number, number],
  radius: number,
  rng: Random,
): Place {
  const top = largest(x, H * W);
  const reach = Math.ceil(radius) + 1;
  let best: { place: Place; tissue: number } | undefined;
  for (let tries = 0; tries < 200 && (best?.tissue ?? 0) < 1; tries++) {
    const row = reach + rng.integer(Math.max(1, H - 2 * reach));
    const column = reach + rng.integer(Math.max(1, W - 2 * reach));
    const tissue = tissueAt(x, [H, W], top, radius, [row, column]);
    if (!best || tissue > best.tissue) best = { place: [row, column], tissue };
  }
  return best!.place;
}

/** A detail about a place, in phase with the image, with soft edges. */
export function detailAt(
  x: ArrayLike<number>,
  [H, W]: readonly [number, number],
  { shape, radius, contrast }: DetailKind,
  [row, column]: Place,
): Detail {
  const size = H * W;
  const top = largest(x, size);
  const reach = Math.ceil(radius) + 1;
  const z = new Float64Array(2 * size);
  const box = [Math.max(0, row - reach - 3), Math.max(0, column - reach - 3)] as const;
  const end = [Math.min(H, row + reach + 4), Math.min(W, column + reach + 4)] as const;
  const inside = detailShapes[shape];
  for (let r = box[0]; r < end[0]; r++)
    for (let c = box[1]; c < end[1]; c++) {
      // sixteen points of the pixel, so that edges are soft
      let share = 0;
      for (let i = 0; i < 4; i++)
        for (let j = 0; j < 4; j++)
          if (inside((r - row + (i - 1.5) / 4) / radius, (c - column + (j - 1.5) / 4) / radius))
            share += 1 / 16;
      if (share === 0) continue;
      const k = r * W + c;
      const m = Math.sqrt(x[k] ** 2 + x[size + k] ** 2);
      const [re, im] = m > 1e-9 * top ? [x[k] / m, x[size + k] / m] : [1, 0];
      z[k] = share * contrast * top * re;
      z[size + k] = share * contrast * top * im;
    }
  return {
    shape,
    z,
    box: [box[0], box[1], end[0] - box[0], end[1] - box[1]],
    tissue: tissueAt(x, [H, W], top, radius, [row, column]),
  };
}

/** A detail at a place that is drawn. */
export function placeDetail(
  x: ArrayLike<number>,
  shape: readonly [number, number],
  { rng, ...kind }: DetailKind & { readonly rng: Random },
): Detail {
  return detailAt(x, shape, kind, drawPlace(x, shape, kind.radius, rng));
}
