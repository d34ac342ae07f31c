// The direct form of a convolution: tiles of outputs that stay in registers while the taps go by.
import type { Shape } from "../../../../core/shape.ts";
import type { ConvAttributes } from "../../../../graph/catalogue.ts";
import { address, i32, v, type Local, type Operand } from "../../encoder/instructions.ts";
import { countOf, up, type KernelContext, type Pass } from "../../kernel.ts";
import {
  ALONE,
  copyStrip,
  geometryOf,
  productsOf,
  stripOf,
  tapsOf,
  type Geometry,
  type Strip,
} from "./strips.ts";

type DirectPass = Pass<"x" | "u">;

/** y of x and packed weights. */
export const directConvolution =
  (x: Shape, w: Shape, attrs: ConvAttributes) =>
  (k: KernelContext<"x" | "u">): void => {
    const g = geometryOf(x, w, k.out, attrs);
    const isAlone = productsOf(g) <= ALONE;
    const strip = stripOf(g, isAlone ? 1 : 16);
    const strips = g.N * attrs.groups * strip.count;
    k.pass(isAlone ? 1 : strips, (p) => {
      const table = p.table(strip.taps);
      if (isAlone) p.f.for(strips, (number) => convolveStrip(p, g, strip, { table, number }));
      else convolveStrip(p, g, strip, { table, number: p.chunk });
    });
  };

/**
 * Whether it pays to copy what a tile reads side by side before it is multiplied: it is read for
 * every four maps, and would come from far apart each time.
 */
const isPacked = (g: Geometry): boolean => g.K >= 16 && tapsOf(g) >= 64;
/** Bytes that are copied before they are multiplied. */
const PANEL_BYTES = 64 * 1024;
/** So many rows, and tiles of eight columns of each, are copied together. */
interface Panel {
  readonly rows: number;
  readonly tiles: number;
  readonly bytes: number;
}
function panelOf(g: Geometry): Panel {
  if (!isPacked(g)) return { rows: 0, tiles: 0, bytes: 0 };
  const tile = tapsOf(g) * 32;
  const most = Math.max(1, Math.floor(PANEL_BYTES / tile));
  const tiles = Math.min(Math.ceil(g.Q / 8), most);
  const rows = Math.min(g.P, tiles === Math.ceil(g.Q / 8) ? Math.floor(most / tiles) : 1);
  return { rows, tiles, bytes: rows * tiles * tile };
}

/** What a strip's tiles are made of. */
interface StripContext {
  readonly g: Geometry;
  /** Address of the taps' offsets. */
  readonly table: number;
  /** Packed weights and first channel of the group. */
  readonly weights: Local;
  readonly channel0: Local;
  /** Where tiles are copied to. */
  readonly panel: Local;
}
/** A tile of `lanes` columns, for `height` maps from `map0`. */
interface Tile {
  /** Where its first number lies in the first map. */
  readonly at: Operand;
  readonly lanes: number;
  readonly map0: Operand;
  readonly height: number;
}

function convolveStrip(
  p: DirectPass,
  g: Geometry,
  strip: Strip,
  { table, number }: { table: number; number: Local },
): void {
  const { f } = p;
  const { groups } = g.attrs;
  const picture = f.i32(i32.divU(number, strip.count));
  const first = f.i32(i32.mul(i32.remU(number, strip.count), strip.rows));
  const group = f.i32(i32.remU(picture, groups));
  const image = f.i32(address(p.input.x, [picture, g.C * g.H * g.W * 4]));
  const { bytes } = panelOf(g);
  const panel = p.scratch(bytes + strip.bytes);
  const room = f.i32(i32.add(panel, bytes));
  const base = copyStrip(f, g, strip, image, first, () => room);
  const rows = countOf(f, first, strip.rows, g.P);
  const weights = f.i32(address(p.input.u, [group, up(g.K, 4) * tapsOf(g) * 4]));
  const map = f.i32(i32.add(i32.mul(picture, g.K * g.P * g.Q * 4), i32.mul(first, g.Q * 4)));
  const context = { g, table, weights, channel0: f.i32(i32.mul(group, g.K * 4)), panel };
  if (isPacked(g)) {
    packedRows(p, context, { base, map, rows, pitch: strip.row });
    return;
  }
  inPlace(p, context, (body) => {
    const [row, at] = [f.i32(base), f.i32(map)];
    f.range(0, rows, 1, () => {
      body(row, at);
      f.advance(row, strip.row);
      f.advance(at, g.Q * 4);
    });
  });
}

/** Every tile reads the strip. */
function inPlace(
  p: DirectPass,
  context: StripContext,
  eachRow: (body: (row: Local, at: Local) => void) => void,
): void {
  const { f } = p;
  const { g, table } = context;
  const tile = (row: Local, at: Local, column: Operand, shape: Omit<Tile, "at">): void => {
    const pixel = f.i32(i32.add(row, column));
    const right = (tap: Local): Local[] =>
      f.loads(Math.ceil(shape.lanes / 4), f.i32(i32.add(pixel, i32.load(tap, table))), 16);
    writeTile(p, context, { ...shape, at: i32.add(at, column) }, right);
  };
  // 8 sums in registers: 4 maps × 8 columns, 2 × 16, or 8 × 4 for what is left of a row
  const narrow = g.Q % 8 > 0 && g.Q % 8 <= 4 && g.K >= 8;
  eachBlock(p, g.K, 4, (map0, height) => {
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
  eachBlock(p, g.K, 8, (map0, height) =>
    eachRow((row, at) => tile(row, at, (g.Q - lanes) * 4, { lanes, map0, height })),
  );
}

/** Rows of a strip and of the first map; bytes between the strip's. */
interface Rows {
  readonly base: Local;
  readonly map: Local;
  readonly rows: Local;
  readonly pitch: number;
}
/** A strip for all maps, a panel of tiles at a time. */
function packedRows(p: DirectPass, context: StripContext, { base, map, rows, pitch }: Rows): void {
  const { f } = p;
  const { g } = context;
  const panel = panelOf(g);
  const rest = g.Q % 8;
  const tiles = (g.Q - rest) / 8;
  f.range(0, rows, panel.rows, (first) => {
    const count = f.i32(i32.sub(rows, first));
    f.if(i32.geU(count, panel.rows), () => f.set(count, panel.rows));
    const some = (column: Operand, wide: Operand, lanes: number): void =>
      packedTiles(p, context, {
        base: f.i32(i32.add(address(base, [first, pitch]), column)),
        map: f.i32(i32.add(address(map, [first, g.Q * 4]), column)),
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
function packedTiles(
  p: DirectPass,
  context: StripContext,
  run: Rows & { readonly tiles: Local; readonly lanes: number },
): void {
  const { f } = p;
  const { g, table, panel } = context;
  const { lanes, rows, tiles, pitch } = run;
  const vectors = Math.ceil(lanes / 4);
  const place = f.i32(panel);
  const line = f.i32(run.base);
  f.range(0, rows, 1, () => {
    const pixel = f.i32(line);
    f.range(0, tiles, 1, () => {
      const tap = (offset: Local): void => {
        const right = f.loads(vectors, f.i32(i32.add(pixel, i32.load(offset, table))), 16);
        right.forEach((x, j) => f.do(v.store(place, x, j * 16)));
        f.advance(place, vectors * 16);
      };
      f.for(tapsOf(g) * 4, tap, 4);
      f.advance(pixel, 32);
    });
    f.advance(line, pitch);
  });
  eachBlock(p, g.K, vectors === 1 ? 8 : 4, (map0, height) => {
    const [from, row] = [f.i32(panel), f.i32(run.map)];
    f.range(0, rows, 1, () => {
      const at = f.i32(row);
      f.range(0, tiles, 1, () => {
        const right = (): Local[] => {
          const columns = f.loads(vectors, from, 16);
          f.advance(from, vectors * 16);
          return columns;
        };
        writeTile(p, context, { at, lanes, map0, height }, right);
        f.advance(at, 32);
      });
      f.advance(row, g.Q * 4);
    });
  });
}

/** Maps in blocks of `size`, then what is left. */
function eachBlock(
  { f }: DirectPass,
  maps: number,
  size: number,
  body: (map0: Operand, height: number) => void,
): void {
  const rest = maps % size;
  f.for(maps - rest, (m) => body(m, size), size);
  if (rest >= 4 && size > 4) body(maps - rest, 4);
  if (rest % 4 > 0) body(maps - (rest % 4), rest % 4);
}

/** Sums a tile over the taps, whose numbers `right` gives in order, and writes it. */
function writeTile(
  p: DirectPass,
  { g, weights, channel0 }: StripContext,
  { at, lanes, map0, height }: Tile,
  right: (tap: Local) => Local[],
): void {
  const { f } = p;
  const taps = tapsOf(g);
  const plane = g.P * g.Q * 4;
  const weight = f.i32(address(weights, [map0, taps * 4]));
  const sums = Array.from({ length: height }, () => f.zeros(Math.ceil(lanes / 4)));
  const tap = (offset: Local): void => {
    const columns = right(offset);
    sums.forEach((sum, i) => {
      const splat = f.v128(v.loadSplat(weight, Math.floor(i / 4) * taps * 16 + (i % 4) * 4));
      sum.forEach((s, j) => f.mulAdd(s, splat, columns[j]));
    });
    f.advance(weight, 16);
  };
  f.for(taps * 4, tap, 4);
  const to = f.i32(address(at, [map0, plane]));
  const channel = f.i32(address(channel0, [map0, 4]));
  sums.forEach((sum, i) =>
    sum.forEach((s, j) =>
      p.store(s, {
        offset: i32.add(to, i * plane + j * 16),
        channel: i32.add(channel, i * 4),
        lanes: Math.min(4, lanes - j * 4),
      }),
    ),
  );
}
