// Direct convolution without im2col: a table of where every tap of the kernel lies in a strip of
// the image. Padding and strides are met by a copy of the strip, its columns sorted by their
// remainder modulo the stride, so that every tap reads neighbours.
import type { Shape } from "../../../../core/shape.ts";
import type { ConvAttributes } from "../../../../graph/catalogue.ts";
import type { FunctionBuilder } from "../../encoder/function.ts";
import { i32, s32, v, type Local } from "../../encoder/instructions.ts";
import { up } from "../../kernel.ts";

/** Convolutions of fewer products than this run on one thread. */
export const ALONE = 1e6;
/** A strip of the image should stay in the second-level cache. */
const STRIP_BYTES = 256 * 1024;

/** x [N, C·groups, H, W] * w [K·groups, C, R, S] → y [N, K·groups, P, Q]; C and K are a group's. */
export interface Geometry {
  N: number;
  C: number;
  H: number;
  W: number;
  K: number;
  R: number;
  S: number;
  P: number;
  Q: number;
  attrs: ConvAttributes;
}
export const geometryOf = (x: Shape, w: Shape, y: Shape, attrs: ConvAttributes): Geometry => ({
  N: x[0],
  C: w[1],
  H: x[2],
  W: x[3],
  K: w[0] / attrs.groups,
  R: w[2],
  S: w[3],
  P: y[2],
  Q: y[3],
  attrs,
});

/** Products of an output, and of all. */
export const tapsOf = ({ C, R, S }: Geometry): number => C * R * S;
export const productsOf = (g: Geometry): number =>
  g.N * g.K * g.attrs.groups * g.P * g.Q * tapsOf(g);

/** Strips of output rows, and the image's rows they read. */
export interface Strip {
  rows: number;
  count: number;
  /** Whether it is a copy, and whether what no cell of the image is copied to must be 0. */
  copied: boolean;
  cleared: boolean;
  imageRows: number;
  pitch: number;
  phases: number;
  bytes: number;
  row: number;
  taps: Int32Array;
}
/** Whether windows reach over the image's edge; a padding below 0 begins within it. */
function leavesImage({ H, W, R, S, P, Q, attrs }: Geometry): boolean {
  const reach = (axis: 0 | 1, outputs: number, taps: number): number =>
    (outputs - 1) * attrs.stride[axis] + (taps - 1) * attrs.dilation[axis] - attrs.padding[axis];
  return attrs.padding.some((n) => n !== 0) || reach(0, P, R) >= H || reach(1, Q, S) >= W;
}
export function stripOf(g: Geometry, least: number): Strip {
  const { stride, dilation } = g.attrs;
  const cleared = leavesImage(g);
  const copied = cleared || stride[1] > 1;
  const phases = stride[1];
  const pitch = copied ? up(g.Q + Math.floor(((g.S - 1) * dilation[1]) / phases), 4) + 4 : g.W;
  const rowsFor = (rows: number): number => (rows - 1) * stride[0] + (g.R - 1) * dilation[0] + 1;
  const rowBytes = g.C * phases * pitch * 4;
  const wanted = Math.max(
    4,
    Math.floor((STRIP_BYTES / rowBytes - (g.R - 1) * dilation[0] - 1) / stride[0]) + 1,
  );
  // enough strips for every thread to have several, and even ones
  const count = Math.max(
    1,
    Math.min(
      Math.max(Math.ceil(g.P / wanted), Math.ceil(least / (g.N * g.attrs.groups))),
      Math.ceil(g.P / 4),
    ),
  );
  const rows = Math.ceil(g.P / count);
  const imageRows = copied ? rowsFor(rows) : g.H;
  const taps: number[] = [];
  for (let c = 0; c < g.C; c++)
    for (let r = 0; r < g.R; r++)
      for (let s = 0; s < g.S; s++) {
        const w = s * dilation[1];
        taps.push(
          4 *
            (((c * imageRows + r * dilation[0]) * phases + (w % phases)) * pitch +
              Math.floor(w / phases)),
        );
      }
  return {
    rows,
    count: Math.ceil(g.P / rows),
    copied,
    cleared,
    imageRows,
    pitch,
    phases,
    bytes: copied ? g.C * imageRows * phases * pitch * 4 + 64 : 0,
    row: stride[0] * phases * pitch * 4,
    taps: Int32Array.from(taps),
  };
}

/** Where strips are too few for threads, the maps are shared out as well, in blocks of eight. */
export function sharesOf({ K }: Geometry, strips: number): number {
  const shares = [8, 4, 2].find((n) => strips * n <= 16 && K % (8 * n) === 0 && K / n >= 32);
  return shares ?? 1;
}

/** A call's piece: a strip of a group of an image's channels, and the maps from `share` on. */
export interface Piece {
  readonly share: Local;
  /** Number of the image's group, counted over all images, and within the image. */
  readonly picture: Local;
  readonly group: Local;
  /** The strip's first row of outputs. */
  readonly first: Local;
}
export function pieceOf(
  f: FunctionBuilder,
  g: Geometry,
  { strip, shares }: { readonly strip: Strip; readonly shares: number },
  number: Local,
): Piece {
  const strips = f.i32(i32.divU(number, shares));
  const share = f.i32(i32.mul(i32.remU(number, shares), g.K / shares));
  const picture = f.i32(i32.divU(strips, strip.count));
  const first = f.i32(i32.mul(i32.remU(strips, strip.count), strip.rows));
  const group = f.i32(i32.remU(picture, g.attrs.groups));
  return { share, picture, group, first };
}

/** A row's columns of one phase: where the first lies in the image's row and in the strip's. */
interface Phase {
  readonly from: number;
  readonly to: number;
  readonly count: number;
}
function phasesOf({ W, attrs }: Geometry, { phases, pitch }: Strip): Phase[] {
  const padding = attrs.padding[1];
  return Array.from({ length: phases }, (_, phase) => {
    // image column j·phases + phase − padding goes to column j of this phase
    const first = Math.max(0, Math.ceil((padding - phase) / phases));
    const end = Math.min(pitch, Math.ceil((W + padding - phase) / phases));
    return {
      from: (first * phases + phase - padding) * 4,
      to: (phase * pitch + first) * 4,
      count: end - first,
    };
  });
}
/** A row of the image to the strip's, its columns by their phases. */
function partRow(f: FunctionBuilder, phases: readonly Phase[], row: Local, to: Local): void {
  const apart = phases.length * 4;
  const done = phases.length === 2 ? partEights(f, phases, row, to) : 0;
  for (const phase of phases) {
    const count = phase.count - done;
    if (count <= 0) continue;
    const source = f.i32(i32.add(row, phase.from + done * apart));
    const target = f.i32(i32.add(to, phase.to + done * 4));
    if (phases.length === 1) f.copy(target, source, count * 4);
    else
      f.for(count, () => {
        f.do(s32.store(target, s32.load(source)));
        f.advance(target, 4);
        f.advance(source, apart);
      });
  }
}
/** Eight columns of a row at a time, four for each of two phases; gives how many of each. */
function partEights(
  f: FunctionBuilder,
  phases: readonly Phase[],
  row: Local,
  buffer: Local,
): number {
  const [even, odd] = phases[0].from === 0 ? phases : [...phases].reverse();
  const eights = Math.max(0, Math.floor(Math.min(even.count, odd.count) / 4));
  const [source, target] = [f.i32(row), f.i32(buffer)];
  f.for(eights, () => {
    const [a, b] = f.loads(2, source, 16);
    f.do(v.store(target, v.shuffle(a, b, [0, 2, 4, 6]), even.to));
    f.do(v.store(target, v.shuffle(a, b, [1, 3, 5, 7]), odd.to));
    f.advance(source, 32);
    f.advance(target, 16);
  });
  return eights * 4;
}

/**
 * Copies the rows that output rows `first` … read, with zeros around them; gives where the strip's
 * first tap lies. `image` is the image's first row of the group's first channel.
 */
export function copyStrip(
  f: FunctionBuilder,
  g: Geometry,
  strip: Strip,
  image: Local,
  first: Local,
  room: () => Local,
): Local {
  const { stride, padding } = g.attrs;
  if (!strip.copied) return f.i32(i32.add(image, i32.mul(first, strip.row)));
  const buffer = room();
  if (strip.cleared) f.zero(buffer, strip.bytes);
  const top = f.i32(i32.sub(i32.mul(first, stride[0]), padding[0]));
  const plane = f.i32(image);
  const to = f.i32(buffer);
  f.for(g.C, () => {
    f.for(strip.imageRows, (r) => {
      f.if(i32.ltU(i32.add(top, r), g.H), () => {
        const row = f.i32(i32.add(plane, i32.mul(i32.add(top, r), g.W * 4)));
        partRow(f, phasesOf(g, strip), row, to);
      });
      f.advance(to, strip.phases * strip.pitch * 4);
    });
    f.advance(plane, g.H * g.W * 4);
  });
  return buffer;
}
