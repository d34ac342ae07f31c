// Winograd's form of the weights' gradient: images and maps are transformed, their products summed
// at every position, round by round of tiles, and the sums transformed back. Many rounds are
// shared out among the threads, each of which keeps its own tiles and sums in its own caches; of
// few, the threads share the tiles and the positions of each.
import type { Shape } from "../../../../core/shape.ts";
import type { FunctionBuilder } from "../../encoder/function.ts";
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
  type Tiles,
  type TileTransform,
} from "./tiles.ts";
import { inputAxis, mapAxis, spread, TILE, weightGradAxis, windowOf } from "./transforms.ts";

/**
 * Tiles whose products are summed behind each other, which bounds the rounding: windows of 8 × 8
 * amplify that of their sums three times as much as those of 6 × 6.
 */
const roundOf = (window: number): number => (window > 6 ? 64 : 256);
/** Calls that transform a round's tiles where the threads share it. */
const CALLS = 8;
/** Rounds from which on each is one thread's, */
const ROUNDS_APART = 4;
/** and bytes of one round's sums, and of all rounds', up to which. */
const SUMS_BYTES = 640 * 1024;
const ALL_SUMS_BYTES = 2 ** 24;
/** Where a round is one thread's: tiles that it works on at a time at least, and bytes at most. */
const LEAST = 32;
const OWN_BYTES = 320 * 1024;

type GradientPass = Pass<"x" | "dy">;
/** How images or maps become transformed tiles. */
interface Transformed extends Pick<TileTransform, "source" | "size" | "axis"> {
  readonly from: (p: GradientPass) => Operand;
}
interface Sizes {
  readonly tiles: Tiles;
  readonly window: number;
  /** Numbers in a window. */
  readonly positions: number;
  /** Channels of images and of maps, rounded up to whole tiles of sums. */
  readonly Cp: number;
  readonly Kp: number;
  readonly image: Transformed;
  readonly map: Transformed;
  /** Bytes of a round's sums, and between two positions of them. */
  readonly sums: { readonly bytes: number; readonly position: number };
  /** Where the kernel's shared room is free. */
  readonly free: number;
}

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
    const position = spread(Kp * Cp * 4);
    const sizes: Sizes = {
      ...{ tiles, window, positions, Cp, Kp },
      image: {
        ...{ source, size: window, axis: inputAxis },
        from: (p) => (source.copied ? p.shared : p.input.x),
      },
      map: {
        source: { channels: K, height: P, width: Q, padding: [0, 0] },
        ...{ size: TILE, axis: mapAxis(window) },
        from: (p) => p.input.dy,
      },
      sums: { bytes: positions * position, position },
      free: source.bytes,
    };
    const round = roundOf(window);
    const rounds = Math.ceil(tiles.total / round);
    const { bytes } = sizes.sums;
    const isApart =
      rounds >= ROUNDS_APART && bytes <= SUMS_BYTES && rounds * bytes <= ALL_SUMS_BYTES;
    const room = source.bytes + (isApart ? rounds * bytes : bytes + tilesFor(sizes, round).bytes);
    k.shared(room);
    if (source.copied) frame(k, x, source, padding);
    if (isApart) sumApart(k, sizes, rounds);
    else sumTogether(k, sizes, rounds);
    k.pass(Math.ceil(K / 4), (p) => {
      const half = p.scratch(window * kernel * 16);
      const [first, last] = unitsOf(p.f, p.chunk, K, 4);
      p.f.range(first, last, 1, (map) => gradientOfMap(p, sizes, { map, half, kernel }));
    });
  };

/**
 * Transformed tiles of so many windows: the images', and the maps' from `mapsAt` on. Four channels
 * lie together, tile by tile, `panel` bytes a channel: what is summed side by side is read in turn.
 */
interface TilesOf {
  readonly most: number;
  readonly panel: number;
  readonly imagePosition: number;
  readonly mapsAt: number;
  readonly mapPosition: number;
  readonly bytes: number;
}
function tilesFor({ positions, Cp, Kp }: Sizes, most: number): TilesOf {
  const panel = most * 4;
  const [imagePosition, mapPosition] = [spread(Cp * panel), spread(Kp * panel)];
  const mapsAt = positions * imagePosition;
  return {
    ...{ most, panel, imagePosition, mapsAt, mapPosition },
    bytes: mapsAt + positions * mapPosition,
  };
}

/** Every round is one call's: its sums lie apart, and are added up in order. */
function sumApart(k: KernelContext<"x" | "dy">, sizes: Sizes, rounds: number): void {
  const { tiles, window, positions, sums, free } = sizes;
  const round = roundOf(window);
  let most = round;
  while (most > LEAST && tilesFor(sizes, most).bytes > OWN_BYTES) most /= 2;
  const lies = tilesFor(sizes, most);
  k.pass(rounds, (p) => {
    const { f } = p;
    const own = p.scratch(lies.bytes + transformBytes(most, window));
    const maps = f.i32(i32.add(own, lies.mapsAt));
    const room = i32.add(own, lies.bytes);
    const total = f.i32(address(i32.add(p.shared, free), [p.chunk, sums.bytes]));
    f.zero(total, sums.bytes);
    const begin = f.i32(i32.mul(p.chunk, round));
    const end = f.i32(i32.add(begin, countOf(f, begin, round, tiles.total)));
    f.range(begin, end, most, (from) => {
      const some = { from, count: countOf(f, from, most, tiles.total), lies, room };
      transform(p, sizes, sizes.image, { ...some, to: own, position: lies.imagePosition });
      transform(p, sizes, sizes.map, { ...some, to: maps, position: lies.mapPosition });
      const bytes = f.i32(i32.mul(some.count, 16));
      f.for(positions, (i) =>
        addProducts(f, sizes, {
          images: f.i32(address(own, [i, lies.imagePosition])),
          maps: f.i32(address(maps, [i, lies.mapPosition])),
          sums: f.i32(address(total, [i, sums.position])),
          panel: lies.panel,
          bytes,
        }),
      );
    });
  });
  k.pass(positions, (p) => addRounds(p, sizes, rounds));
}

/** One position's sums of all rounds, added up in order and in float64. */
function addRounds(
  { f, chunk, shared }: GradientPass,
  { Cp, Kp, sums, free }: Sizes,
  rounds: number,
): void {
  const to = f.i32(address(i32.add(shared, free), [chunk, sums.position]));
  const four = (offset: Local): void => {
    const at = f.i32(i32.add(to, offset));
    const [low, high] = [f.v128(0), f.v128(0)];
    f.for(rounds, () => {
      const x = f.v128(v.load(at));
      f.set(low, v.doubleAdd(low, v.lowDoubles(x)));
      f.set(high, v.doubleAdd(high, v.highDoubles(x)));
      f.advance(at, sums.bytes);
    });
    const total = v.shuffle(v.fromDoubles(low), v.fromDoubles(high), [0, 1, 4, 5]);
    f.do(v.store(i32.add(to, offset), total));
  };
  f.for(Kp * Cp * 4, four, 16);
}

/** All calls transform a round's tiles, and then sum up its positions. */
function sumTogether(k: KernelContext<"x" | "dy">, sizes: Sizes, rounds: number): void {
  const { tiles, window, positions, sums, free } = sizes;
  const round = roundOf(window);
  const lies = tilesFor(sizes, round);
  const tilesAt = free + sums.bytes;
  const call = round / CALLS;
  const transforming =
    (what: Transformed, at: number, position: number) =>
    (p: GradientPass): void => {
      const { f } = p;
      const from = f.i32(i32.mul(p.chunk, call));
      const to = address(i32.add(p.shared, at), [i32.remU(from, round), 16]);
      const count = countOf(f, from, call, tiles.total);
      const room = p.scratch(transformBytes(call, window));
      transform(p, sizes, what, { from, count, lies: { ...lies, most: call }, room, to, position });
    };
  const calls = { chunks: CALLS, total: Math.ceil(tiles.total / call) };
  k.rounds(rounds, [
    { ...calls, write: transforming(sizes.image, tilesAt, lies.imagePosition) },
    { ...calls, write: transforming(sizes.map, tilesAt + lies.mapsAt, lies.mapPosition) },
    {
      chunks: positions,
      total: positions * rounds,
      write: ({ f, chunk, shared }) => {
        const position = f.i32(i32.remU(chunk, positions));
        const begin = f.i32(i32.mul(i32.divU(chunk, positions), round));
        const at = (offset: number, bytes: number): Local =>
          f.i32(address(i32.add(shared, offset), [position, bytes]));
        addProducts(f, sizes, {
          images: at(tilesAt, lies.imagePosition),
          maps: at(tilesAt + lies.mapsAt, lies.mapPosition),
          sums: at(free, sums.position),
          panel: lies.panel,
          bytes: f.i32(i32.mul(countOf(f, begin, round, tiles.total), 16)),
          begin,
        });
      },
    },
  ]);
}

/** Tiles `from` … from + count − 1 transformed, the first at `to`. */
function transform(
  p: GradientPass,
  { tiles, window }: Sizes,
  { source, size, axis, from: image }: Transformed,
  some: {
    readonly from: Local;
    readonly count: Local;
    readonly lies: TilesOf;
    readonly room: Operand;
    readonly to: Operand;
    readonly position: number;
  },
): void {
  const { from, count, lies, room, to, position } = some;
  transformTiles(p.f, {
    ...{ tiles, source, size, window, axis, from, count, most: lies.most },
    image: image(p),
    common: p.common,
    ...{ room, to, pitch: 16, channel: lies.panel, position },
  });
}

/**
 * Of one position and some tiles: Σ_t map[t][k]·image[t][c], four maps by eight channels at a time.
 * Goes on from the sums that are there; or, where the round's begin is given, sums up by itself and
 * adds that to what earlier rounds left.
 */
function addProducts(
  f: FunctionBuilder,
  { Cp, Kp }: Sizes,
  one: {
    readonly images: Local;
    readonly maps: Local;
    readonly sums: Local;
    readonly panel: number;
    /** Of the tiles of four channels. */
    readonly bytes: Local;
    readonly begin?: Local;
  },
): void {
  const { images, maps, sums, panel, bytes, begin } = one;
  const end = f.i32();
  const offsets = [0, 1, 2, 3].map((r) => [0, 1].map((j) => r * Cp * 4 + j * 16));
  const block = (k: Local, c: Local): void => {
    const to = f.i32(i32.add(address(sums, [k, Cp]), c));
    const own = offsets.map((row) =>
      row.map((at) => f.v128(begin === undefined ? v.load(to, at) : 0)),
    );
    const left = f.i32(address(maps, [k, panel / 4]));
    const right = f.i32(address(images, [c, panel / 4]));
    f.set(end, i32.add(right, bytes));
    f.range(right, end, 16, (at) => {
      const columns = f.loads(2, at, 4 * panel);
      own.forEach((row, r) => {
        const splat = f.v128(v.loadSplat(left, r * 4));
        row.forEach((sum, j) => f.mulAdd(sum, splat, columns[j]));
      });
      f.advance(left, 16);
    });
    const put = (value: (sum: Local, at: number) => Operand): void =>
      own.forEach((row, r) =>
        row.forEach((sum, j) => f.do(v.store(to, value(sum, offsets[r][j]), offsets[r][j]))),
      );
    if (begin === undefined) {
      put((sum) => sum);
      return;
    }
    f.if(begin, () => put((sum, at) => v.add(v.load(to, at), sum)));
    f.if(i32.eqz(begin), () => put((sum) => sum));
  };
  f.for(Kp * 4, (k) => f.for(Cp * 4, (c) => block(k, c), 32), 16);
}

/** From the sums of one map to its gradients, four channels at a time. */
function gradientOfMap(
  { f, out: shape, y, shared }: GradientPass,
  { sums, free, Cp, window }: Sizes,
  { map, half, kernel }: { map: Local; half: Local; kernel: number },
): void {
  const C = shape[1];
  const area = kernel * kernel;
  const source = f.i32(address(i32.add(shared, free), [map, Cp * 4]));
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
