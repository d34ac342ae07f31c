// From images to transformed tiles: where windows lie, and their transform, four channels at a
// time.
import type { Shape } from "../../../../core/shape.ts";
import type { FunctionBuilder } from "../../encoder/function.ts";
import {
  address,
  i32,
  v,
  type Code,
  type Local,
  type Operand,
} from "../../encoder/instructions.ts";
import { passOver, up, type Common, type KernelContext } from "../../kernel.ts";
import { keep, transpose4 } from "../vectors.ts";
import { TILE } from "./transforms.ts";

export type Pair = readonly [number, number];

/** Tiles of TILE × TILE outputs: how many there are. */
export interface Tiles {
  readonly down: number;
  readonly across: number;
  readonly total: number;
}
export function tilesOf([images, , P, Q]: Shape): Tiles {
  const [down, across] = [Math.ceil(P / TILE), Math.ceil(Q / TILE)];
  return { down, across, total: images * down * across };
}
/** Images [·, channels, height, width] that windows are read from. */
export interface Source {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly padding: Pair;
}

/** Image and tile row and column of tile number `t`. */
export function placeOf(
  f: FunctionBuilder,
  t: Operand,
  { down, across }: Tiles,
): { image: Local; row: Local; column: Local } {
  const tile = f.i32(t);
  const image = f.i32(i32.divU(tile, down * across));
  const inside = f.i32(i32.remU(tile, down * across));
  return { image, row: f.i32(i32.divU(inside, across)), column: f.i32(i32.remU(inside, across)) };
}

/** What is noted of a tile: its window's byte offset, whether it lies inside, its top and left. */
const PLACE = { offset: 0, inside: 4, top: 8, left: 12, bytes: 16 };
/** Bytes of a row of a window that is copied because it crosses the image's border. */
const STAGE_ROW = 32;
const stageBytes = (size: number): number => 4 * size * STAGE_ROW;
/** Numbers in a line of the cache. */
const LINE = 16;
/** Room for `transformTiles` besides its result. */
export const transformBytes = (tiles: number, window: number): number =>
  tiles * PLACE.bytes + stageBytes(window) + window * window * 16;

export interface TileTransform {
  readonly common: Common;
  readonly tiles: Tiles;
  readonly source: Source;
  /** Where the source's images begin. */
  readonly image: Operand;
  /** What is read of a tile is size × size: a window, or TILE. */
  readonly size: number;
  readonly window: number;
  /** Transforms one axis: `size` vectors become `window`. */
  readonly axis: (f: FunctionBuilder, numbers: readonly Local[]) => Operand[];
  /** Tiles from … from + count − 1, at most `most`. */
  readonly from: Local;
  readonly count: Local;
  readonly most: number;
  /** Bytes of `transformBytes`. */
  readonly room: Operand;
  /**
   * Where the result goes: bytes between its tiles, between its positions, and a quarter of those
   * between groups of four channels, which lie together.
   */
  readonly to: Operand;
  readonly pitch: number;
  readonly channel: number;
  readonly position: number;
}

/**
 * Reads every tile's window, at the tile's corner − padding, and writes its transform.
 */
export function transformTiles(f: FunctionBuilder, t: TileTransform): void {
  const { channels } = t.source;
  const image = f.i32(t.image);
  const target = f.i32(t.to);
  const places = f.i32(t.room);
  const stage = f.i32(i32.add(places, t.most * PLACE.bytes));
  const half = f.i32(i32.add(stage, stageBytes(t.window)));
  notePlaces(f, t, places);
  const group = (number: Local, c: Operand, lanes: number): void => {
    const channel = f.i32(c);
    const at = address(places, [number, PLACE.bytes]);
    const { base, apart, row } = windowAt(f, t, { at, image, channel, lanes, stage });
    const to = address(target, [number, t.pitch], [channel, t.channel]);
    const { size, window, position } = t;
    const transform = t.common(`winograd tiles ${size} ${window} ${position} ${lanes}`, 5, (g) =>
      writeWindow(g, t, lanes),
    );
    transform([base, apart, row, half, to]);
  };
  // whole lines of the cache are written at a time where channels lie side by side
  const some = (first: Operand, count: number): void =>
    f.range(0, t.count, 1, (number) => {
      const whole = count - (count % 4);
      f.for(whole, (c) => group(number, i32.add(first, c), 4), 4);
      if (whole < count) group(number, i32.add(first, whole), count - whole);
    });
  const together = t.channel === 4 ? LINE : 4;
  const whole = channels - (channels % together);
  f.for(whole, (c) => some(c, together), together);
  if (whole < channels) some(whole, channels - whole);
}

/** Where each tile's window begins, and whether it lies inside the image. */
function notePlaces(
  f: FunctionBuilder,
  { tiles, source, size, from, count }: TileTransform,
  places: Local,
): void {
  const { channels, height, width, padding } = source;
  const fits = height >= size && width >= size;
  f.range(0, count, 1, (t) => {
    const at = f.i32(address(places, [t, PLACE.bytes]));
    const place = placeOf(f, i32.add(from, t), tiles);
    const top = f.i32(i32.sub(i32.mul(place.row, TILE), padding[0]));
    const left = f.i32(i32.sub(i32.mul(place.column, TILE), padding[1]));
    const pixel = i32.add(
      i32.mul(place.image, channels * height * width),
      i32.add(i32.mul(top, width), left),
    );
    const inside = fits
      ? i32.and(i32.ltU(top, height - size + 1), i32.ltU(left, width - size + 1))
      : 0;
    f.do(i32.store(at, i32.mul(pixel, 4), PLACE.offset));
    f.do(i32.store(at, inside, PLACE.inside));
    f.do(i32.store(at, top, PLACE.top));
    f.do(i32.store(at, left, PLACE.left));
  });
}

/** Where a window begins in the first of its channels; bytes between channels and rows. */
interface Window {
  readonly base: Local;
  readonly apart: Local;
  readonly row: Local;
}
function windowAt(
  f: FunctionBuilder,
  { tiles, source, size }: TileTransform,
  options: { at: Code; image: Local; channel: Local; lanes: number; stage: Local },
): Window {
  const { height, width, padding } = source;
  const { image, channel, lanes, stage } = options;
  const plane = height * width * 4;
  const at = f.i32(options.at);
  const base = f.i32(address(i32.add(image, i32.load(at)), [channel, plane]));
  const [apart, row] = [f.i32(plane), f.i32(width * 4)];
  const alwaysInside =
    padding[0] === 0 &&
    padding[1] === 0 &&
    (tiles.down - 1) * TILE + size <= height &&
    (tiles.across - 1) * TILE + size <= width;
  if (alwaysInside) return { base, apart, row };
  f.if(i32.eqz(i32.load(at, PLACE.inside)), () => {
    f.zero(stage, stageBytes(size));
    const [top, left] = [f.i32(i32.load(at, PLACE.top)), f.i32(i32.load(at, PLACE.left))];
    f.for(lanes, (lane) => {
      const from = f.i32(address(base, [lane, plane]));
      const to = f.i32(address(stage, [lane, size * STAGE_ROW]));
      copyInside(f, { source, size, top, left, from, to });
    });
    f.set(base, stage);
    f.set(apart, size * STAGE_ROW);
    f.set(row, STAGE_ROW);
  });
  return { base, apart, row };
}
/** Copies those numbers of a window that lie inside the image. */
function copyInside(
  f: FunctionBuilder,
  w: {
    source: Source;
    size: number;
    top: Local;
    left: Local;
    from: Local;
    to: Local;
  },
): void {
  const { height, width } = w.source;
  f.for(w.size, (r) =>
    f.if(i32.ltU(i32.add(w.top, r), height), () =>
      f.for(w.size, (s) =>
        f.if(i32.ltU(i32.add(w.left, s), width), () => {
          const to = i32.add(w.to, i32.add(i32.mul(r, STAGE_ROW), i32.mul(s, 4)));
          const from = i32.add(w.from, i32.mul(i32.add(i32.mul(r, width), s), 4));
          f.do(i32.store(to, i32.load(from)));
        }),
      ),
    ),
  );
}

/** A window's transform of `lanes` channels, written to its positions. */
function writeWindow(f: FunctionBuilder, t: TileTransform, lanes: number): void {
  const [base, apart, row, half, to] = f.params;
  const bases = [f.i32(base)];
  // channels past the last repeat it: nobody reads them
  for (let lane = 1; lane < 4; lane++)
    bases.push(f.i32(lane < lanes ? i32.add(bases[lane - 1], apart) : bases[lane - 1]));
  transformRows(f, t, { bases, row, half });
  transformColumns(f, t, half, to);
}
/** The rows of what is read transformed, to a window of vectors each at `half`. */
function transformRows(
  f: FunctionBuilder,
  { size, window, axis }: TileTransform,
  { bases, row, half }: { bases: readonly Local[]; row: Local; half: Local },
): void {
  const line = f.i32(half);
  f.for(size, () => {
    const columns = fourColumns(f, bases, 0);
    if (size === 6) columns.push(...lastTwo(f, bases));
    if (size === 8) columns.push(...fourColumns(f, bases, 16));
    axis(f, columns).forEach((x, j) => f.do(v.store(line, x, j * 16)));
    f.advance(line, window * 16);
    for (const b of bases) f.set(b, i32.add(b, row));
  });
}
/** Four columns of four rows. */
const fourColumns = (f: FunctionBuilder, bases: readonly Local[], offset: number): Local[] =>
  transpose4(
    f,
    bases.map((b) => f.v128(v.load(b, offset))),
  );
/** Columns 4 and 5 of four rows. */
function lastTwo(f: FunctionBuilder, bases: readonly Local[]): Local[] {
  const pairs = bases.map((b) => f.v128(v.loadPair(b, 16)));
  const upper = v.shuffle(pairs[0], pairs[1], [0, 4, 1, 5]);
  const lower = v.shuffle(pairs[2], pairs[3], [0, 4, 1, 5]);
  const [p, q] = keep(f, [upper, lower]);
  return keep(f, [v.shuffle(p, q, [0, 1, 4, 5]), v.shuffle(p, q, [2, 3, 6, 7])]);
}
/** Their columns transformed, written to their positions. */
function transformColumns(
  f: FunctionBuilder,
  { size, window, axis, position }: TileTransform,
  half: Local,
  to: Local,
): void {
  const column = f.i32(half);
  const out = f.i32(to);
  f.for(window, () => {
    const numbers = f.loads(size, column, window * 16);
    axis(f, numbers).forEach((x, i) => f.do(v.store(out, x, i * window * position)));
    f.advance(column, 16);
    f.advance(out, position);
  });
}

/**
 * Where the image's windows are read from: the image itself, or where many windows cross its
 * border, a copy with zeros around it.
 */
export interface Framed extends Source {
  readonly copied: boolean;
  /** Of the copy. */
  readonly bytes: number;
}
export function framed(
  [N, C, H, W]: Shape,
  { tiles, window, padding }: { tiles: Tiles; window: number; padding: Pair },
): Framed {
  const height = (tiles.down - 1) * TILE + window;
  const width = (tiles.across - 1) * TILE + window;
  const inside = (n: number, count: number, pad: number): number => {
    const starts = Array.from({ length: count }, (_, i) => i * TILE - pad);
    return starts.filter((at) => at >= 0 && at + window <= n).length;
  };
  const windows = inside(H, tiles.down, padding[0]) * inside(W, tiles.across, padding[1]);
  const copied = windows < 0.75 * tiles.down * tiles.across;
  if (!copied) return { copied, channels: C, height: H, width: W, padding, bytes: 0 };
  const bytes = up(N * C * height * width * 4, 64) + 64;
  return { copied, channels: C, height, width, padding: [0, 0], bytes };
}
/** The pass that makes the copy of x, at the start of the kernel's shared room. */
export function frame<Inputs extends "x" | "u" | "dy">(
  k: KernelContext<Inputs>,
  [N, C, H, W]: Shape,
  { height, width }: Framed,
  [top, left]: Pair,
): void {
  // the windows may end before the image does
  const [rows, columns] = [Math.min(H, height - top), Math.min(W, width - left)];
  const whole = columns - (columns % 4);
  passOver(k, N * C, height * width, ({ f, input, shared }, first, last) => {
    f.range(first, last, 1, (plane) => {
      const to = f.i32(address(shared, [plane, height * width * 4]));
      f.zero(to, height * width * 4);
      const source = f.i32(address(input["x" as Inputs], [plane, H * W * 4]));
      f.advance(to, (top * width + left) * 4);
      f.for(rows, () => {
        f.for(whole * 4, (i) => f.do(v.store(i32.add(to, i), v.load(i32.add(source, i)))), 16);
        const rest = f.v128(v.load(source, whole * 4));
        for (let lane = 0; lane < columns % 4; lane++)
          f.do(v.storeLane(to, rest, lane, (whole + lane) * 4));
        f.advance(source, W * 4);
        f.advance(to, width * 4);
      });
    });
  });
}
