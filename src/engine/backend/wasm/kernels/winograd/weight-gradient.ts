// Winograd's form of the weights' gradient: images and maps are transformed round by round, their
// products summed at every position, and the sums transformed back.
import type { Shape } from "../../../../core/shape.ts";
import { address, i32, v, type Local, type Operand } from "../../encoder/instructions.ts";
import { countOf, unitsOf, up, type KernelContext, type Pass } from "../../kernel.ts";
import { keep } from "../vectors.ts";
import {
  frame,
  framed,
  tilesOf,
  transformBytes,
  transformTiles,
  type Pair,
  type TileTransform,
} from "./tiles.ts";
import { inputAxis, mapAxis, spread, TILE, weightGradAxis, windowOf } from "./transforms.ts";

/**
 * Tiles transformed and summed in one round: what lies between the passes stays in the caches, and
 * sums of so many bound the rounding error as pairwise sums do.
 */
const ROUND = 256;
/**
 * Bytes of a round for one channel. Four channels lie together, tile by tile: what is summed side
 * by side is read in a row.
 */
const PANEL = ROUND * 4;
/** Tiles that one call transforms. */
const CALL = 32;

type GradientPass = Pass<"x" | "dy">;
/** One matrix per position, in the kernel's shared room. */
interface Matrices {
  /** Where they begin, and bytes between two positions'. */
  readonly at: number;
  readonly position: number;
}
interface Sizes {
  readonly tiles: number;
  /** Numbers in a window. */
  readonly positions: number;
  /** Channels of images and of maps, rounded up to whole tiles of sums. */
  readonly Cp: number;
  readonly Kp: number;
  readonly images: Matrices;
  readonly maps: Matrices;
  readonly sums: Matrices;
}
const matrices = (at: number, bytes: number): Matrices => ({ at, position: spread(bytes) });
const endOf = ({ at, position }: Matrices, positions: number): number => at + positions * position;

/** dw [K,C,R,R] of x [N,C,H,W] and dy [N,K,P,Q]; stride 1. */
export const winogradWeightGrad =
  ({ x, dy, kernel, padding }: { x: Shape; dy: Shape; kernel: number; padding: Pair }) =>
  (k: KernelContext<"x" | "dy">): void => {
    const [K, P, Q] = dy.slice(1);
    const window = windowOf(kernel);
    const positions = window * window;
    const tiles = tilesOf(dy);
    const [Cp, Kp] = [up(x[1], 8), up(K, 4)];
    const source = framed(x, { tiles, window, padding });
    const images = matrices(source.bytes, Cp * PANEL);
    const maps = matrices(endOf(images, positions), Kp * PANEL);
    const sums = matrices(endOf(maps, positions), Kp * Cp * 4);
    k.shared(endOf(sums, positions));
    if (source.copied) frame(k, x, source, padding);
    const sizes = { tiles: tiles.total, positions, Cp, Kp, images, maps, sums };
    const map = { channels: K, height: P, width: Q, padding: [0, 0] } as const;
    const rounds = Math.ceil(tiles.total / ROUND);
    const calls = { chunks: ROUND / CALL, total: Math.ceil(tiles.total / CALL) };
    k.rounds(rounds, [
      {
        ...calls,
        write: (p) =>
          transform(p, images, {
            ...{ tiles, source, size: window, window, axis: inputAxis },
            image: source.copied ? p.shared : p.input.x,
          }),
      },
      {
        ...calls,
        write: (p) =>
          transform(p, maps, {
            tiles,
            source: map,
            size: TILE,
            window,
            axis: mapAxis(window),
            image: p.input.dy,
          }),
      },
      { chunks: positions, total: positions * rounds, write: (p) => sumProducts(p, sizes) },
    ]);
    k.pass(Math.ceil(K / 4), (p) => {
      const half = p.scratch(window * kernel * 16);
      const [first, last] = unitsOf(p.f, p.chunk, K, 4);
      p.f.range(first, last, 1, (map) => gradientOfMap(p, sizes, { map, half, kernel }));
    });
  };

/** A call's tiles transformed into their place in the round. */
function transform(
  p: GradientPass,
  to: Matrices,
  what: Pick<TileTransform, "tiles" | "source" | "image" | "size" | "window" | "axis">,
): void {
  const { f } = p;
  const from = f.i32(i32.mul(p.chunk, CALL));
  const count = countOf(f, from, CALL, what.tiles.total);
  transformTiles(f, {
    ...what,
    ...{ from, count, most: CALL },
    room: p.scratch(transformBytes(CALL, what.window)),
    to: address(i32.add(p.shared, to.at), [i32.remU(from, ROUND), 16]),
    ...{ pitch: 16, channel: PANEL, position: to.position },
  });
}

/** One position's sums over a round's tiles: [map][channel] += Σ_t map[t][k]·image[t][c]. */
function sumProducts(p: GradientPass, { tiles, positions, Cp, Kp, ...matrix }: Sizes): void {
  const { f } = p;
  const position = f.i32(i32.remU(p.chunk, positions));
  const begin = f.i32(i32.mul(i32.divU(p.chunk, positions), ROUND));
  const matrixOf = ({ at, position: bytes }: Matrices): Local =>
    f.i32(address(i32.add(p.shared, at), [position, bytes]));
  const [images, maps, sums] = [matrix.images, matrix.maps, matrix.sums].map(matrixOf);
  const bytes = f.i32(i32.mul(countOf(f, begin, ROUND, tiles), 16));
  const end = f.i32();
  const block = (k: Local, c: Local): void => {
    const own = [0, 1, 2, 3].map(() => f.zeros(2));
    const left = f.i32(address(maps, [k, PANEL / 4]));
    const right = f.i32(address(images, [c, PANEL / 4]));
    f.set(end, i32.add(right, bytes));
    f.range(right, end, 16, (at) => {
      const columns = f.loads(2, at, 4 * PANEL);
      own.forEach((row, r) => {
        const splat = f.v128(v.loadSplat(left, r * 4));
        row.forEach((sum, j) => f.mulAdd(sum, splat, columns[j]));
      });
      f.advance(left, 16);
    });
    const to = f.i32(i32.add(address(sums, [k, Cp]), c));
    const put = (value: (sum: Local, at: number) => Operand): void =>
      own.forEach((row, r) =>
        row.forEach((sum, j) =>
          f.do(v.store(to, value(sum, r * Cp * 4 + j * 16), r * Cp * 4 + j * 16)),
        ),
      );
    if (tiles > ROUND) f.if(begin, () => put((sum, at) => v.add(v.load(to, at), sum)));
    f.if(i32.eqz(begin), () => put((sum) => sum));
  };
  f.for(Kp * 4, (k) => f.for(Cp * 4, (c) => block(k, c), 32), 16);
}

/** From the sums of one map to its gradients, four channels at a time. */
function gradientOfMap(
  { f, out: shape, y, shared }: GradientPass,
  { sums, Cp }: Pick<Sizes, "sums" | "Cp">,
  { map, half, kernel }: { map: Local; half: Local; kernel: number },
): void {
  const C = shape[1];
  const area = kernel * kernel;
  const window = windowOf(kernel);
  const source = f.i32(address(i32.add(shared, sums.at), [map, Cp * 4]));
  const target = f.i32(address(y, [map, C * area * 4]));
  const group = (lanes: number): void => {
    const [column, line] = [f.i32(source), f.i32(half)];
    f.for(window, () => {
      const numbers = f.loads(window, column, window * sums.position);
      weightGradAxis(f, numbers, kernel).forEach((o, i) => f.do(v.store(line, o, i * window * 16)));
      f.advance(column, sums.position);
      f.advance(line, 16);
    });
    const [row, out] = [f.i32(half), f.i32(target)];
    f.for(kernel, () => {
      const numbers = f.loads(window, row, 16);
      keep(f, weightGradAxis(f, numbers, kernel)).forEach((o, j) => {
        for (let lane = 0; lane < lanes; lane++)
          f.do(v.storeLane(out, o, lane, lane * area * 4 + j * 4));
      });
      f.advance(row, window * 16);
      f.advance(out, kernel * 4);
    });
    f.advance(source, 16);
    f.advance(target, 16 * area);
  };
  f.for(C - (C % 4), () => group(4), 4);
  if (C % 4 > 0) group(C % 4);
}
