// The direct form of the weights' gradient: every part of the images has its own sum, added up in
// order at the end.
import type { Shape } from "../../../../core/shape.ts";
import type { ConvAttributes } from "../../../../graph/catalogue.ts";
import { address, i32, s32, v, type Local, type Operand } from "../../encoder/instructions.ts";
import { countOf, unitsOf, up, type KernelContext, type Pass } from "../../kernel.ts";
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

/** At most so many partial sums, and bytes of them. */
const PARTS = 16;
const PARTS_BYTES = 2 ** 25;

type GradientPass = Pass<"x" | "dy">;
/** How the work is cut: strips of the images into parts, and where those are few, maps as well. */
interface Cut {
  readonly units: number;
  readonly perPart: number;
  readonly parts: number;
  readonly partBytes: number;
  readonly maps: number;
  readonly shares: number;
}
function cutOf(g: Geometry, strip: Strip, size: number): Cut {
  const units = g.N * strip.count;
  const products = productsOf(g);
  const most = Math.min(
    PARTS,
    units,
    Math.floor(PARTS_BYTES / (size * 4)),
    Math.floor(products / ALONE),
  );
  const perPart = Math.ceil(units / Math.max(1, most));
  const parts = Math.ceil(units / perPart);
  const blocks = Math.ceil(g.K / 4);
  const splits = products < ALONE ? 1 : Math.min(blocks, Math.ceil(8 / parts));
  const share = Math.ceil(blocks / splits);
  return {
    units,
    perPart,
    parts,
    partBytes: up(size * 4, 16),
    maps: share * 4,
    shares: Math.ceil(blocks / share),
  };
}

/** dw of x and dy, shape of w. */
export const directWeightGrad =
  (x: Shape, dy: Shape, attrs: ConvAttributes) =>
  (k: KernelContext<"x" | "dy">): void => {
    const g = geometryOf(x, k.out, dy, attrs);
    const size = k.out.reduce((a, b) => a * b, 1);
    const strip = stripOf(g, 1);
    const cut = cutOf(g, strip, size);
    k.shared(cut.parts * cut.partBytes);
    k.pass(cut.parts * cut.shares, (p) => sumPart(p, g, strip, cut));
    k.pass(1, (p) => addParts(p, size, cut));
  };

/** What the tiles of one strip are made of. */
interface StripContext {
  readonly g: Geometry;
  readonly strip: Strip;
  /** Address of the taps' offsets. */
  readonly table: number;
  readonly group: Local;
  /** The part's sums. */
  readonly sums: Local;
  readonly firstMap: Local;
  /** The strip in the image, and how many of its rows count. */
  readonly base: Local;
  readonly rows: Local;
  /** The strip in dy from `firstMap` on, bytes between maps, floats between rows. */
  readonly maps: Local;
  readonly plane: number;
  readonly pitch: number;
}

/** One part's strips, for one share of the maps. */
function sumPart(p: GradientPass, g: Geometry, strip: Strip, cut: Cut): void {
  const { f } = p;
  const { groups } = g.attrs;
  const taps = tapsOf(g);
  const part = f.i32(i32.remU(p.chunk, cut.parts));
  const sums = f.i32(address(p.shared, [part, cut.partBytes]));
  const table = p.table(strip.taps);
  const tailBytes = hasTail(g) ? cut.maps * strip.rows * up(g.Q, 4) * 4 + 64 : 0;
  const room = p.scratch(strip.bytes + tailBytes);
  const [firstUnit, lastUnit] = unitsOf(f, part, cut.units, cut.perPart);
  const [firstMap, lastMap] = unitsOf(f, f.i32(i32.divU(p.chunk, cut.parts)), g.K, cut.maps);
  // this call's maps of every group start at zero
  f.for(groups, (group) =>
    f.range(firstMap, lastMap, 1, (m) =>
      f.zero(address(sums, [i32.add(i32.mul(group, g.K), m), taps * 4]), taps * 4),
    ),
  );
  f.range(firstUnit, lastUnit, 1, (unit) =>
    f.for(groups, (group) => {
      const picture = f.i32(i32.add(i32.mul(i32.divU(unit, strip.count), groups), group));
      const first = f.i32(i32.mul(i32.remU(unit, strip.count), strip.rows));
      const image = f.i32(address(p.input.x, [picture, g.C * g.H * g.W * 4]));
      const base = copyStrip(f, g, strip, image, first, () => room);
      const rows = countOf(f, first, strip.rows, g.P);
      const begin = i32.add(i32.mul(picture, g.K * g.P * g.Q * 4), i32.mul(first, g.Q * 4));
      const dy = f.i32(i32.add(p.input.dy, begin));
      const maps = mapsOf(p, g, strip, { dy, rows, room, firstMap, lastMap });
      eachTile(p, { g, strip, table, group, sums, firstMap, base, rows, ...maps }, lastMap);
    }),
  );
}

/** Whether rows of dy end within a vector. */
const hasTail = (g: Geometry): boolean => g.Q % 4 > 0;
/**
 * dy's rows from `firstMap` on, copied where they need zeros behind them for a vector to run over.
 */
function mapsOf(
  { f }: GradientPass,
  g: Geometry,
  strip: Strip,
  from: { dy: Local; rows: Local; room: Local; firstMap: Local; lastMap: Local },
): Pick<StripContext, "maps" | "plane" | "pitch"> {
  const plane = g.P * g.Q * 4;
  const own = f.i32(address(from.dy, [from.firstMap, plane]));
  if (!hasTail(g)) return { maps: own, plane, pitch: g.Q };
  const pitch = up(g.Q, 4);
  const copied = strip.rows * pitch * 4;
  const source = f.i32(own);
  const maps = f.i32(i32.add(from.room, strip.bytes));
  const to = f.i32(maps);
  f.range(from.firstMap, from.lastMap, 1, () => {
    const [row, line] = [f.i32(source), f.i32(to)];
    f.range(0, from.rows, 1, () => {
      f.do(v.store(line, 0, (pitch - 4) * 4));
      f.copy(line, row, g.Q * 4);
      f.advance(row, g.Q * 4);
      f.advance(line, pitch * 4);
    });
    f.advance(source, plane);
    f.advance(to, copied);
  });
  return { maps, plane: copied, pitch };
}

/** Four maps by two taps at a time, and what is left. */
function eachTile(p: GradientPass, context: StripContext, lastMap: Local): void {
  const { f } = p;
  const { g, firstMap } = context;
  const taps = tapsOf(g);
  const tapPairs = (map: Local, height: number): void => {
    f.for((taps - (taps % 2)) * 4, (tap) => addTile(p, context, { map, height, tap, width: 2 }), 8);
    if (taps % 2 > 0) addTile(p, context, { map, height, tap: (taps - 1) * 4, width: 1 });
  };
  const rest = g.K % 4;
  const wholeEnd =
    rest === 0 ? lastMap : f.i32(i32.sub(lastMap, i32.mul(i32.geU(lastMap, g.K), rest)));
  f.range(firstMap, wholeEnd, 4, (map) => tapPairs(map, 4));
  if (rest > 0) f.if(i32.ne(wholeEnd, lastMap), () => tapPairs(wholeEnd, rest));
}

function addTile(
  { f }: GradientPass,
  context: StripContext,
  { map, height, tap, width }: { map: Local; height: number; tap: Operand; width: number },
): void {
  const { g, strip, table, group, sums, firstMap, base, rows, maps, plane, pitch } = context;
  const taps = tapsOf(g);
  const pixels = Array.from({ length: width }, (_, j) =>
    f.i32(i32.add(base, i32.load(tap, table + j * 4))),
  );
  const line = f.i32(address(maps, [i32.sub(map, firstMap), plane]));
  const own = Array.from({ length: height }, () => f.zeros(width));
  const four = (column: Local): void => {
    const right = pixels.map((pixel) => f.v128(v.load(i32.add(pixel, column))));
    own.forEach((row, i) => {
      const left = f.v128(v.load(i32.add(line, column), i * plane));
      row.forEach((sum, j) => f.mulAdd(sum, left, right[j]));
    });
  };
  f.range(0, rows, 1, () => {
    f.for(pitch * 4, four, 16);
    for (const pixel of pixels) f.advance(pixel, strip.row);
    f.advance(line, pitch * 4);
  });
  const place = i32.add(i32.mul(i32.add(i32.mul(group, g.K), map), taps * 4), tap);
  const to = f.i32(i32.add(sums, place));
  own.forEach((row, i) =>
    row.forEach((sum, j) => {
      const offset = i * taps * 4 + j * 4;
      const total = s32.add(
        s32.add(v.lane(sum, 0), v.lane(sum, 1)),
        s32.add(v.lane(sum, 2), v.lane(sum, 3)),
      );
      f.do(s32.store(to, s32.add(s32.load(to, offset), total), offset));
    }),
  );
}

function addParts({ f, y, shared }: GradientPass, size: number, { parts, partBytes }: Cut): void {
  const four = (i: Local): void => {
    const total = f.v128(v.load(i32.add(shared, i)));
    const at = f.i32(i32.add(shared, i));
    f.for(parts - 1, () => {
      f.advance(at, partBytes);
      f.set(total, v.add(total, v.load(at)));
    });
    f.do(v.store(i32.add(y, i), total));
  };
  f.for(size * 4, four, 16);
}
