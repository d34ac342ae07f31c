// SPSA: a gradient that is guessed from pairs of queries along random directions.
import type { Random } from "../../engine/index.ts";
import { unit, type Reached, type Asked } from "./queries.ts";

export interface SpsaOptions {
  readonly queries: number;
  /** Of opposite queries, for one step. */
  readonly pairs: number;
  readonly rng: Random;
  readonly shape: readonly [number, number];
  /** Side of the tiles that a random direction is constant on. */
  readonly tile: number;
}
/** How far apart a pair is, and the first step, in units of the direction's norm. */
const [APART, STEP] = [0.2, 0.3];
/** Adam's averages of the slope and of its square. */
const [MEAN, SQUARE] = [0.9, 0.99];

/** ±1 on every tile of real and imaginary part, of norm 1. */
function direction({ shape: [H, W], tile, rng }: SpsaOptions): Float64Array {
  const [rows, columns] = [Math.ceil(H / tile), Math.ceil(W / tile)];
  const signs = Float64Array.from({ length: 2 * rows * columns }, () =>
    rng.uniform() < 0.5 ? -1 : 1,
  );
  const [down, right] = [rng.integer(tile), rng.integer(tile)];
  return unit(
    Float64Array.from({ length: 2 * H * W }, (_, k) => {
      const [plane, cell] = [Math.floor(k / (H * W)), k % (H * W)];
      const row = Math.floor(((Math.floor(cell / W) + down) % H) / tile);
      const column = Math.floor((((cell % W) + right) % W) / tile);
      return signs[(plane * rows + row) * columns + column];
    }),
  );
}

/**
 * Steps along Adam's average of simultaneous perturbations' slopes, on the ball's surface: each
 * from the best point so far, and of a length that falls to nothing.
 * Sources: Spall, IEEE TAC 1992; Uesato et al., ICML 2018 (arXiv 1802.05666).
 */
export async function spsa(asked: Asked, start: Reached, options: SpsaOptions): Promise<Reached> {
  const { queries, pairs } = options;
  const sign = asked.better(1, 0) ? 1 : -1;
  const size = start.z.length;
  const [mean, square] = [new Float64Array(size), new Float64Array(size)];
  let best = start;
  for (let used = 0, step = 1; used + 2 * pairs + 1 <= queries; step++) {
    const { z } = best;
    const directions = Array.from({ length: pairs }, () => direction(options));
    const both = directions.flatMap((v) =>
      [1, -1].map((s) => z.map((a, i) => a + s * APART * v[i])),
    );
    const answers = await asked.ask(both);
    const slope = new Float64Array(size);
    directions.forEach((v, k) => {
      const rise = (sign * (answers[2 * k].value - answers[2 * k + 1].value)) / (2 * APART * pairs);
      for (let i = 0; i < size; i++) slope[i] += rise * v[i];
    });
    const along = new Float64Array(size);
    for (let i = 0; i < size; i++) {
      mean[i] = MEAN * mean[i] + (1 - MEAN) * slope[i];
      square[i] = SQUARE * square[i] + (1 - SQUARE) * slope[i] ** 2;
      const [m, s] = [mean[i] / (1 - MEAN ** step), square[i] / (1 - SQUARE ** step)];
      along[i] = s > 0 ? m / Math.sqrt(s) : 0;
    }
    const length = STEP * (1 - used / queries);
    const next = unit(along);
    const [there] = await asked.ask([z.map((a, i) => a + length * next[i])]);
    used += 2 * pairs + 1;
    for (const answer of [...answers, there])
      if (asked.better(answer.value, best.value)) best = answer;
  }
  return best;
}
