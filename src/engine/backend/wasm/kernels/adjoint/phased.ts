// The adjoint of a strided convolution: a strip's outputs of every remainder modulo the stride, as
// convolutions of step 1, put between each other.
import type { Shape } from "../../../../core/shape.ts";
import type { ConvAttributes } from "../../../../graph/catalogue.ts";
import { address, i32, v, type Local, type Operand } from "../../encoder/instructions.ts";
import { countOf, up, type KernelContext, type Pass } from "../../kernel.ts";
import { multiplyStrip, roomOf, type Products } from "../direct/products.ts";
import {
  ALONE,
  copyStrip,
  pieceOf,
  productsOf,
  sharesOf,
  stripOf,
  type Geometry,
  type Strip,
} from "../direct/strips.ts";
import { partsOf, phasesOf, type Part } from "./phases.ts";

type PhasedPass = Pass<"x" | "u">;

/** What all remainders have in common. */
interface Plan {
  /** Windows that hold those of all parts; the outputs of one remainder. */
  readonly g: Geometry;
  readonly strip: Strip;
  readonly shares: number;
  readonly parts: readonly Part[];
  /** Bytes in which the sums of any part are made. */
  readonly room: number;
  readonly stride: readonly [number, number];
  /** Rows and columns of the image that is made. */
  readonly H: number;
  readonly W: number;
  /** Floats of a row of one remainder's outputs, and bytes of all of them for every column's. */
  readonly pitch: number;
  readonly bytes: number;
}
function planOf(x: Shape, w: Shape, [, , H, W]: Shape, attrs: ConvAttributes): Plan {
  const { stride, padding, groups } = attrs;
  const [rows, columns] = [0, 1].map((axis) => {
    const phases = phasesOf(w[axis + 2], stride[axis], padding[axis]);
    const met = phases.filter(({ taps }) => taps.length > 0);
    const first = Math.min(...met.map((phase) => phase.first));
    return { first, span: Math.max(...met.map((p) => p.first + p.taps.length)) - first };
  });
  const g: Geometry = {
    ...{ N: x[0], C: w[0] / groups, H: x[2], W: x[3] },
    ...{ K: w[1], R: rows.span, S: columns.span },
    ...{ P: Math.ceil(H / stride[0]), Q: Math.ceil(W / stride[1]) },
    attrs: { stride: [1, 1], dilation: [1, 1], padding: [-rows.first, -columns.first], groups },
  };
  const isAlone = productsOf(g) <= ALONE;
  const strip = stripOf(g, isAlone ? 1 : 16);
  const shares = isAlone ? 1 : sharesOf(g, g.N * groups * strip.count);
  const pitch = up(g.Q, 8);
  const bytes = (g.K / shares) * strip.rows * pitch * 4;
  const parts = partsOf(w, attrs);
  const room = Math.max(...parts.map((part) => roomOf(windowOf(g, part))));
  return { g, strip, shares, parts, room, stride: [stride[0], stride[1]], H, W, pitch, bytes };
}
const windowOf = (g: Geometry, { rows, columns }: Part): Geometry => ({
  ...g,
  R: rows.taps.length,
  S: columns.taps.length,
});

/** x [N, K·groups, P, Q] and packed w [K·groups, C, R, S] → y [N, C·groups, H, W]. */
export const phasedTranspose =
  (x: Shape, w: Shape, attrs: ConvAttributes) =>
  (k: KernelContext<"x" | "u">): void => {
    const plan = planOf(x, w, k.out, attrs);
    const { g, strip, shares } = plan;
    k.pass(g.N * attrs.groups * strip.count * shares, (p) => writeStrip(p, plan));
  };

/** What a call makes, and where it keeps it until it is put together. */
interface Share {
  /** The image and group, and the first of the maps. */
  readonly picture: Local;
  readonly share: Local;
  /** That map's channel, times 4. */
  readonly channel: Local;
  /** Rows of one remainder: the first, and how many. */
  readonly first: Local;
  readonly rows: Local;
  /** The outputs of a remainder of the rows, one remainder of the columns after the other. */
  readonly columns: Local;
}
function writeStrip(p: PhasedPass, plan: Plan): void {
  const { f } = p;
  const { g, strip, stride, bytes } = plan;
  const { share, picture, group, first } = pieceOf(f, g, plan, p.chunk);
  const scratch = p.scratch(plan.room + strip.bytes + stride[1] * bytes);
  const copy = f.i32(i32.add(scratch, plan.room));
  const image = f.i32(address(p.input.x, [picture, g.C * g.H * g.W * 4]));
  const base = copyStrip(f, g, strip, image, first, () => copy);
  const rows = countOf(f, first, strip.rows, g.P);
  const channel = f.i32(i32.mul(i32.add(i32.mul(group, g.K), share), 4));
  const columns = f.i32(i32.add(copy, strip.bytes));
  const at = { share, picture, channel, first, rows, columns };
  for (let remainder = 0; remainder < stride[0]; remainder++) {
    for (const part of plan.parts)
      if (part.rows.remainder === remainder)
        sumPart(p, plan, part, { ...at, base, group, scratch });
    interleave(p, plan, remainder, at);
  }
}

/** The strip's outputs of one remainder, into their place among the columns. */
function sumPart(
  p: PhasedPass,
  plan: Plan,
  part: Part,
  at: Share & { readonly base: Local; readonly group: Local; readonly scratch: Local },
): void {
  const { f } = p;
  const { g: whole, strip, shares, pitch, bytes } = plan;
  const count = whole.K / shares;
  const to = f.i32(i32.add(at.columns, part.columns.remainder * bytes));
  if (part.taps === 0) {
    f.zero(to, bytes);
    return;
  }
  const g = windowOf(whole, part);
  const plane = strip.rows * pitch * 4;
  const products: Products = {
    ...{ g, room: at.scratch, maps: { first: at.share, count } },
    table: p.table(tapsIn(plan, part)),
    weights: f.i32(
      i32.add(address(p.input.u, [at.group, up(g.K, 4) * part.taps * 4]), part.weights * 4),
    ),
    row: pitch * 4,
    plane,
    write: (value, { offset }) => f.do(v.store(offset, value)),
  };
  // maps are counted from the group's first, and this call's alone have a place
  const map = f.i32(i32.sub(to, i32.mul(at.share, plane)));
  multiplyStrip(p, products, { base: at.base, map, rows: at.rows, pitch: strip.row });
}
/** Where a part's taps lie in the strip. */
function tapsIn({ g, strip }: Plan, { rows, columns }: Part): Int32Array {
  const [top, left] = [rows.first + g.attrs.padding[0], columns.first + g.attrs.padding[1]];
  const taps: number[] = [];
  for (let c = 0; c < g.C; c++)
    for (let r = 0; r < rows.taps.length; r++)
      for (let s = 0; s < columns.taps.length; s++)
        taps.push(4 * ((c * strip.imageRows + top + r) * strip.pitch + left + s));
  return Int32Array.from(taps);
}

/** Rows of all maps whose columns' remainders lie one after the other. */
function interleave(p: PhasedPass, plan: Plan, remainder: number, at: Share): void {
  const { f } = p;
  const { g, strip, shares, stride, H, W, pitch, bytes } = plan;
  const maps = f.i32(at.columns);
  const step = stride[1];
  const row = (from: Local, to: Local, channel: Operand): void => {
    /** So many vectors, from a cell of every remainder on. */
    const vectors = (source: Operand, target: Operand, columns: number): void => {
      for (let t = 0; t * 4 < columns; t++)
        p.store(fourColumns(source, t, step, bytes), {
          offset: i32.add(target, t * 16),
          channel,
          lanes: Math.min(4, columns - t * 4),
        });
    };
    const turn = 4 * step;
    const whole = W - (W % turn);
    f.for(whole / turn, (n) =>
      vectors(f.i32(address(from, [n, 16])), f.i32(address(to, [n, turn * 4])), turn),
    );
    const source = f.i32(i32.add(from, (whole / step) * 4));
    vectors(source, f.i32(i32.add(to, whole * 4)), W - whole);
  };
  const image = f.i32(i32.mul(at.picture, g.K));
  f.for(g.K / shares, (map) => {
    const line = f.i32(maps);
    const channel = f.i32(i32.add(at.channel, i32.mul(map, 4)));
    const plane = i32.mul(i32.add(i32.add(image, at.share), map), H * W * 4);
    f.range(0, at.rows, 1, (r) => {
      const h = f.i32(i32.add(i32.mul(i32.add(at.first, r), stride[0]), remainder));
      f.if(i32.ltU(h, H), () => row(line, f.i32(i32.add(plane, i32.mul(h, W * 4))), channel));
      f.advance(line, pitch * 4);
    });
    f.advance(maps, strip.rows * pitch * 4);
  });
}
/** Columns 4t … 4t + 3 of a row whose remainders lie `apart` bytes from each other. */
function fourColumns(source: Operand, t: number, step: number, apart: number): Operand {
  const placeOf = (column: number): number =>
    (column % step) * apart + Math.floor(column / step) * 4;
  if (step === 1) return v.load(source, t * 16);
  if (step === 2)
    return v.shuffle(
      v.load(source, 0),
      v.load(source, apart),
      t === 0 ? [0, 4, 1, 5] : [2, 6, 3, 7],
    );
  let x: Operand = 0;
  for (let lane = 0; lane < 4; lane++) x = v.loadLane(source, x, lane, placeOf(4 * t + lane));
  return x;
}
