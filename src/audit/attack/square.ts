// Square Attack: random search that moves what is left of the ball's radius into squares.
import type { Random } from "../../engine/index.ts";
import type { Reached, Asked } from "./queries.ts";

export interface SquareOptions {
  readonly queries: number;
  /** Proposals from one point, of which the best is taken if it gains. */
  readonly proposals: number;
  readonly shape: readonly [number, number];
  readonly rng: Random;
}
type Shape = SquareOptions["shape"];

/** The share of the image that a square covers at first, and when it is halved, of 10,000 steps. */
const FIRST_SHARE = 0.1;
const HALVED = [10, 50, 200, 1000, 2000, 4000, 6000, 8000];

/** The side of a square once `done` (0 to 1) of the queries were asked: at least 3, and odd. */
export function sideAt(done: number, [H, W]: Shape): number {
  const halvings = HALVED.filter((step) => 10_000 * done > step).length;
  const side = Math.round(Math.sqrt((FIRST_SHARE * H * W) / 2 ** halvings));
  const odd = side % 2 === 0 ? side + 1 : side;
  return Math.max(Math.min(3, H, W), Math.min(odd, H, W));
}

/** Two pyramids of opposite sign side by side, or one above the other: [h·h]. */
export function pattern(h: number, upright: boolean): Float64Array {
  const half = Math.floor(h / 2);
  const pyramid = (rows: number, columns: number, row: number, column: number): number => {
    const n = Math.floor(rows / 2);
    const rings = n - Math.max(Math.abs(row - n), Math.abs(column - Math.floor(columns / 2)));
    let sum = 0;
    for (let k = 0; k <= Math.max(0, rings); k++) sum += 1 / (n + 1 - k) ** 2;
    return sum;
  };
  return Float64Array.from({ length: h * h }, (_, k) => {
    const [i, j] = [Math.floor(k / h), k % h];
    const [along, across] = upright ? [j, i] : [i, j];
    return across < half
      ? pyramid(h, half, along, across)
      : -pyramid(h, h - half, along, across - half);
  });
}

const drawCorner = (h: number, [H, W]: Shape, rng: Random): [number, number] => [
  rng.integer(H - h + 1),
  rng.integer(W - h + 1),
];
/** The cells of a square in one plane of [2,H,W]. */
function cellsOf(
  plane: number,
  [top, left]: readonly [number, number],
  h: number,
  [H, W]: Shape,
): number[] {
  const start = plane * H * W;
  return Array.from(
    { length: h * h },
    (_, k) => start + (top + Math.floor(k / h)) * W + left + (k % h),
  );
}
const energy = (z: Float64Array, cells: Iterable<number>): number => {
  let sum = 0;
  for (const k of cells) sum += z[k] ** 2;
  return sum;
};

/** One move: a square is emptied, and another gets its energy, as what was there plus a pattern. */
export function moved(z: Float64Array, h: number, shape: Shape, rng: Random): Float64Array {
  const out = z.slice();
  const [to, from] = [drawCorner(h, shape, rng), drawCorner(h, shape, rng)];
  const shapeOf = pattern(h, rng.uniform() < 0.5);
  const size = Math.sqrt(energy(shapeOf, shapeOf.keys()));
  // what rounding and earlier moves left of the radius is shared by real and imaginary part
  const unused = Math.max(0, 1 - energy(z, z.keys())) / 2;
  for (const plane of [0, 1]) {
    const [own, other] = [cellsOf(plane, to, h, shape), cellsOf(plane, from, h, shape)];
    const available = Math.sqrt(energy(z, new Set([...own, ...other])) + unused);
    const there = Math.sqrt(energy(z, own));
    const sign = rng.uniform() < 0.5 ? -1 : 1;
    const next = own.map((k, i) => (sign * shapeOf[i]) / size + (there > 0 ? z[k] / there : 0));
    const length = Math.sqrt(next.reduce((sum, v) => sum + v * v, 0));
    for (const k of other) out[k] = 0;
    own.forEach((k, i) => {
      out[k] = length > 0 ? (next[i] * available) / length : 0;
    });
  }
  return out;
}

/** A grid of patterns of random signs, which is where the attack begins by itself. */
export function stripes(shape: Shape, rng: Random, tiles = 5): Float64Array {
  const [H, W] = shape;
  const out = new Float64Array(2 * H * W);
  const h = Math.max(1, Math.floor(Math.min(H, W) / tiles));
  for (const plane of [0, 1])
    for (let top = 0; top + h <= H; top += h)
      for (let left = 0; left + h <= W; left += h) {
        const sign = rng.uniform() < 0.5 ? -1 : 1;
        const own = pattern(h, rng.uniform() < 0.5);
        cellsOf(plane, [top, left], h, shape).forEach((k, i) => {
          out[k] = sign * own[i];
        });
      }
  return out;
}

/**
 * Random search from `start` along squares that shrink: a move is kept where it gains. Images are
 * of two planes, real and imaginary, and the ball is one of ‖r‖ whichever place r has: the search
 * moves in the image. Source: Andriushchenko, Croce, Flammarion, Hein, ECCV 2020 (arXiv
 * 1912.00049), algorithm 3.
 */
export async function squareAttack(
  asked: Asked,
  start: Reached,
  options: SquareOptions,
): Promise<Reached> {
  const { queries, proposals, shape, rng } = options;
  let here = start;
  for (let used = 0; used < queries; ) {
    const h = sideAt(used / queries, shape);
    const count = Math.min(proposals, queries - used);
    const zs = Array.from({ length: count }, () => moved(here.z, h, shape, rng));
    const answers = await asked.ask(zs);
    used += count;
    for (const answer of answers) if (asked.better(answer.value, here.value)) here = answer;
  }
  return here;
}
