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

/** What a strip's tiles are made of. */
interface StripContext {
  readonly g: Geometry;
  /** Address of the taps' offsets. */
  readonly table: number;
  /** Packed weights and first channel of the group. */
  readonly weights: Local;
  readonly channel0: Local;
}
/** A tile: columns from `column` (bytes) of which `lanes` count, for `height` maps from `map0`. */
interface Tile {
  /** The row in the strip and in the first map. */
  readonly row: Local;
  readonly at: Local;
  readonly column: Operand;
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
  const base = copyStrip(f, g, strip, image, first, () => p.scratch(strip.bytes));
  const rows = countOf(f, first, strip.rows, g.P);
  const weights = f.i32(address(p.input.u, [group, up(g.K, 4) * tapsOf(g) * 4]));
  const map = f.i32(i32.add(i32.mul(picture, g.K * g.P * g.Q * 4), i32.mul(first, g.Q * 4)));
  const context = { g, table, weights, channel0: f.i32(i32.mul(group, g.K * 4)) };
  const eachRow = (body: (row: Local, at: Local) => void): void => {
    const [row, at] = [f.i32(base), f.i32(map)];
    f.range(0, rows, 1, () => {
      body(row, at);
      f.advance(row, strip.row);
      f.advance(at, g.Q * 4);
    });
  };
  // 8 sums in registers: 4 maps × 8 columns, 2 × 16, or 8 × 4 for what is left of a row
  const narrow = g.Q % 8 > 0 && g.Q % 8 <= 4 && g.K >= 8;
  eachBlock(p, g.K, 4, (map0, height) => {
    const width = height <= 2 ? 16 : 8;
    const rest = g.Q % width;
    const lanes = narrow && rest > 8 ? 8 : rest;
    const isLeft = rest > 0 && !(narrow && rest <= 4);
    eachRow((row, at) => {
      const tile = (column: Operand, count: number): void =>
        writeTile(p, context, { row, at, column, lanes: count, map0, height });
      f.for((g.Q - rest) * 4, (column) => tile(column, width), width * 4);
      if (isLeft) tile((g.Q - rest) * 4, lanes);
    });
  });
  if (!narrow) return;
  const lanes = g.Q % 8;
  eachBlock(p, g.K, 8, (map0, height) =>
    eachRow((row, at) =>
      writeTile(p, context, { row, at, column: (g.Q - lanes) * 4, lanes, map0, height }),
    ),
  );
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

function writeTile(p: DirectPass, { g, table, weights, channel0 }: StripContext, tile: Tile): void {
  const { f } = p;
  const { row, at, column, lanes, map0, height } = tile;
  const taps = tapsOf(g);
  const plane = g.P * g.Q * 4;
  const vectors = Math.ceil(lanes / 4);
  const pixel = f.i32(i32.add(row, column));
  const weight = f.i32(address(weights, [map0, taps * 4]));
  const sums = Array.from({ length: height }, () => f.zeros(vectors));
  const tap = (offset: Local): void => {
    const place = f.i32(i32.add(pixel, i32.load(offset, table)));
    const right = f.loads(vectors, place, 16);
    sums.forEach((sum, i) => {
      const splat = f.v128(v.loadSplat(weight, Math.floor(i / 4) * taps * 16 + (i % 4) * 4));
      sum.forEach((s, j) => f.mulAdd(s, splat, right[j]));
    });
    f.advance(weight, 16);
  };
  f.for(taps * 4, tap, 4);
  const to = f.i32(address(i32.add(at, column), [map0, plane]));
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
