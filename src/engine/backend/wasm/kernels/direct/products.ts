// Sums of a strip's taps for all maps: tiles of outputs that stay in registers while the taps go
// by.
import { address, i32, v, type Local, type Operand } from "../../encoder/instructions.ts";
import { countOf, type Pass, type Place } from "../../kernel.ts";
import { tapsOf, type Geometry } from "./strips.ts";

/** What the sums of one strip are made of, and where they go. */
export interface Products {
  readonly g: Geometry;
  /** Address of the taps' offsets. */
  readonly table: number;
  /** Packed weights of the group. */
  readonly weights: Local;
  /** The maps that are summed: so many from `first` on. */
  readonly maps: { readonly first: Operand; readonly count: number };
  /** Where tiles are copied to: `roomOf` bytes. */
  readonly room: Local;
  /** Bytes from a row of the outputs to the next, and from a map to the next. */
  readonly row: number;
  readonly plane: number;
  /** Writes a vector of outputs; `channel` is the map's number times 4. */
  write(value: Local, place: Place & { readonly channel: Operand }): void;
}
/** A strip's first tap, its outputs' first number in map 0, and bytes between the strip's rows. */
export interface Rows {
  readonly base: Local;
  readonly map: Local;
  readonly rows: Local;
  readonly pitch: number;
}

/**
 * Whether it pays to copy what a tile reads side by side before it is multiplied: it is read for
 * every four maps, and would come from far apart each time.
 */
const isPacked = (g: Geometry): boolean => g.K >= 16 && tapsOf(g) >= 64;
/** Bytes that are copied before they are multiplied. */
const PANEL_BYTES = 64 * 1024;
/**
 * More taps than these are summed in parts: a part's weights of four maps stay in the first-level
 * cache, and those of all maps are read for every panel, not for every tile.
 */
const MOST_TAPS = 1024;
const PART = 256;
const PARTS_PANEL_BYTES = 128 * 1024;
/** Of the sums of a tile. */
const SUMS_BYTES = 128;

/** So many rows, and tiles of eight columns of each, are copied together, so many taps of them. */
interface Panel {
  readonly taps: number;
  readonly rows: number;
  readonly tiles: number;
  readonly bytes: number;
}
function panelOf(g: Geometry): Panel {
  if (!isPacked(g)) return { taps: tapsOf(g), rows: 0, tiles: 0, bytes: 0 };
  const isParted = tapsOf(g) > MOST_TAPS;
  const taps = isParted ? PART : tapsOf(g);
  const tile = taps * 32;
  const most = Math.max(1, Math.floor((isParted ? PARTS_PANEL_BYTES : PANEL_BYTES) / tile));
  const wide = Math.ceil(g.Q / 8);
  const tiles = Math.min(wide, most);
  const rows = Math.min(g.P, tiles === wide ? Math.floor(most / tiles) : 1);
  return { taps, rows, tiles, bytes: rows * tiles * tile };
}
/** Bytes of sums that wait for their next part. */
const sumsOf = (g: Geometry, { taps, rows, tiles }: Panel): number =>
  taps < tapsOf(g) ? Math.ceil(g.K / 4) * rows * tiles * SUMS_BYTES : 0;
export function roomOf(g: Geometry): number {
  const panel = panelOf(g);
  return panel.bytes + sumsOf(g, panel);
}

/** The sums of a strip's rows. */
export function multiplyStrip(p: Pass, products: Products, rows: Rows): void {
  const { f } = p;
  if (isPacked(products.g)) {
    packedRows(p, products, rows);
    return;
  }
  inPlace(p, products, (body) => {
    const [row, at] = [f.i32(rows.base), f.i32(rows.map)];
    f.range(0, rows.rows, 1, () => {
      body(row, at);
      f.advance(row, rows.pitch);
      f.advance(at, products.row);
    });
  });
}

/** A tile of `lanes` columns, for `height` maps from `map0`. */
interface Tile {
  /** Where its first number lies in map 0. */
  readonly at: Operand;
  readonly lanes: number;
  readonly map0: Operand;
  readonly height: number;
}
/** A part of the taps: from `begin` on so many, each 4 bytes of the table. */
interface Part {
  readonly begin: Local;
  readonly count: Local;
  /** Where the sums wait. */
  readonly sums: Local;
}

/** Every tile reads the strip. */
function inPlace(
  p: Pass,
  products: Products,
  eachRow: (body: (row: Local, at: Local) => void) => void,
): void {
  const { f } = p;
  const { g, table } = products;
  const tile = (row: Local, at: Local, column: Operand, shape: Omit<Tile, "at">): void => {
    const pixel = f.i32(i32.add(row, column));
    const right = (tap: Local): Local[] =>
      f.loads(Math.ceil(shape.lanes / 4), f.i32(i32.add(pixel, i32.load(tap, table))), 16);
    writeTile(p, products, { ...shape, at: i32.add(at, column) }, right);
  };
  // 8 sums in registers: 4 maps × 8 columns, 2 × 16, or 8 × 4 for what is left of a row
  const narrow = g.Q % 8 > 0 && g.Q % 8 <= 4 && g.K >= 8;
  eachBlock(p, products, 4, (map0, height) => {
    const width = height <= 2 ? 16 : 8;
    const rest = g.Q % width;
    const lanes = narrow && rest > 8 ? 8 : rest;
    const isLeft = rest > 0 && !(narrow && rest <= 4);
    eachRow((row, at) => {
      f.for(
        (g.Q - rest) * 4,
        (column) => tile(row, at, column, { lanes: width, map0, height }),
        width * 4,
      );
      if (isLeft) tile(row, at, (g.Q - rest) * 4, { lanes, map0, height });
    });
  });
  if (!narrow) return;
  const lanes = g.Q % 8;
  eachBlock(p, products, 8, (map0, height) =>
    eachRow((row, at) => tile(row, at, (g.Q - lanes) * 4, { lanes, map0, height })),
  );
}

/** A strip for all maps, a panel of tiles at a time. */
function packedRows(p: Pass, products: Products, { base, map, rows, pitch }: Rows): void {
  const { f } = p;
  const { g, row } = products;
  const panel = panelOf(g);
  const rest = g.Q % 8;
  const tiles = (g.Q - rest) / 8;
  f.range(0, rows, panel.rows, (first) => {
    const count = f.i32(i32.sub(rows, first));
    f.if(i32.geU(count, panel.rows), () => f.set(count, panel.rows));
    const some = (column: Operand, wide: Operand, lanes: number): void =>
      packedTiles(p, products, {
        base: f.i32(i32.add(address(base, [first, pitch]), column)),
        map: f.i32(i32.add(address(map, [first, row]), column)),
        ...{ rows: count, pitch, tiles: f.i32(wide), lanes },
      });
    f.for(
      tiles,
      (tile) => some(i32.mul(tile, 32), countOf(f, tile, panel.tiles, tiles), 8),
      panel.tiles,
    );
    if (rest > 0) some(tiles * 32, 1, rest);
  });
}

/** Tiles of `lanes` columns, so many in a row. */
interface Run extends Rows {
  readonly tiles: Local;
  readonly lanes: number;
}
function packedTiles(p: Pass, products: Products, run: Run): void {
  const { f } = p;
  const { g, room } = products;
  const taps = tapsOf(g);
  const panel = panelOf(g);
  if (panel.taps === taps) {
    copyTiles(p, products, run);
    multiplyTiles(p, products, run);
    return;
  }
  const sums = f.i32(i32.add(room, panel.bytes));
  f.for(
    taps * 4,
    (begin) => {
      const count = countOf(f, begin, panel.taps * 4, taps * 4);
      const part = { begin, count, sums };
      copyTiles(p, products, run, part);
      multiplyTiles(p, products, run, part);
    },
    panel.taps * 4,
  );
}

/** What every tile reads for the taps, or for a part of them, one after the other. */
function copyTiles(
  { f }: Pass,
  { g, table, room }: Products,
  { base, rows, tiles, pitch, lanes }: Run,
  part?: Part,
): void {
  const vectors = Math.ceil(lanes / 4);
  const place = f.i32(room);
  const line = f.i32(base);
  f.range(0, rows, 1, () => {
    const pixel = f.i32(line);
    f.range(0, tiles, 1, () => {
      const tap = (offset: Local): void => {
        const right = f.loads(vectors, f.i32(i32.add(pixel, i32.load(offset, table))), 16);
        right.forEach((x, j) => f.do(v.store(place, x, j * 16)));
        f.advance(place, vectors * 16);
      };
      if (part) f.range(part.begin, i32.add(part.begin, part.count), 4, tap);
      else f.for(tapsOf(g) * 4, tap, 4);
      f.advance(pixel, 32);
    });
    f.advance(line, pitch);
  });
}
function multiplyTiles(p: Pass, products: Products, run: Run, part?: Part): void {
  const { f } = p;
  const { lanes, rows, tiles } = run;
  const vectors = Math.ceil(lanes / 4);
  const sums = part && f.i32(part.sums);
  eachBlock(p, products, vectors === 1 ? 8 : 4, (map0, height) => {
    const [from, row] = [f.i32(products.room), f.i32(run.map)];
    f.range(0, rows, 1, () => {
      const at = f.i32(row);
      f.range(0, tiles, 1, () => {
        const right = (): Local[] => {
          const columns = f.loads(vectors, from, 16);
          f.advance(from, vectors * 16);
          return columns;
        };
        const tile = { at, lanes, map0, height };
        writeTile(p, products, tile, right, part && { ...part, sums: sums! });
        f.advance(at, 32);
        if (sums) f.advance(sums, SUMS_BYTES);
      });
      f.advance(row, products.row);
    });
  });
}

/** Maps in blocks of `size`, then what is left. */
function eachBlock(
  { f }: Pass,
  { maps: { first, count } }: Products,
  size: number,
  body: (map0: Operand, height: number) => void,
): void {
  const rest = count % size;
  const from = (map: Operand): Operand => f.i32(i32.add(first, map));
  f.for(count - rest, (m) => body(from(m), size), size);
  if (rest >= 4 && size > 4) body(from(count - rest), 4);
  if (rest % 4 > 0) body(from(count - (rest % 4)), rest % 4);
}

/** Sums a tile over the taps, whose numbers `right` gives in order, and writes it. */
function writeTile(
  p: Pass,
  { g, weights, plane, write }: Products,
  { at, lanes, map0, height }: Tile,
  right: (tap: Local) => Local[],
  part?: Part,
): void {
  const { f } = p;
  const taps = tapsOf(g);
  const weight = f.i32(address(weights, [map0, taps * 4]));
  if (part) f.set(weight, i32.add(weight, i32.mul(part.begin, 4)));
  const vectors = Math.ceil(lanes / 4);
  const sums = Array.from({ length: height }, () => f.zeros(vectors));
  const each = (body: (sum: Local, i: number, j: number) => void): void =>
    sums.forEach((sum, i) => sum.forEach((s, j) => body(s, i, j)));
  const tap = (offset: Local): void => {
    const columns = right(offset);
    sums.forEach((sum, i) => {
      const splat = f.v128(v.loadSplat(weight, Math.floor(i / 4) * taps * 16 + (i % 4) * 4));
      sum.forEach((s, j) => f.mulAdd(s, splat, columns[j]));
    });
    f.advance(weight, 16);
  };
  const put = (): void => {
    const to = f.i32(address(at, [map0, plane]));
    const channel = f.i32(i32.mul(map0, 4));
    each((s, i, j) =>
      write(s, {
        offset: i32.add(to, i * plane + j * 16),
        channel: i32.add(channel, i * 4),
        lanes: Math.min(4, lanes - j * 4),
      }),
    );
  };
  if (!part) {
    f.for(taps * 4, tap, 4);
    put();
    return;
  }
  const waiting = (i: number, j: number): number => (i * vectors + j) * 16;
  f.if(part.begin, () => each((s, i, j) => f.set(s, v.load(part.sums, waiting(i, j)))));
  f.range(0, part.count, 4, tap);
  const isLast = f.i32(i32.geU(i32.add(part.begin, part.count), taps * 4));
  f.if(isLast, put);
  f.if(i32.ne(isLast, 1), () => each((s, i, j) => f.do(v.store(part.sums, s, waiting(i, j)))));
}
