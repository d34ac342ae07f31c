// Direct convolution without im2col: a table of where every tap of the kernel lies in the image,
// and tiles of outputs that stay in registers.
// Padding and strides are met by a copy of a strip of rows, its columns sorted by their remainder
// modulo the stride, so that every tap reads neighbours.
import type { Shape } from "../../../core/shape.ts";
import type { ConvAttributes } from "../../../graph/catalogue.ts";
import type { FunctionBuilder } from "../encoder/function.ts";
import { i32, s32, v, type Local, type Operand } from "../encoder/instructions.ts";
import { gatherLanes } from "./vectors.ts";
import { unitsOf, up, type KernelContext } from "../kernel.ts";

/** A strip of the image should stay in the second-level cache. */
const STRIP_BYTES = 256 * 1024;

/** x [N, C·groups, H, W] * w [K·groups, C, R, S] → y [N, K·groups, P, Q]; C and K are a group's. */
interface Geometry {
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
const geometryOf = (x: Shape, w: Shape, y: Shape, attrs: ConvAttributes): Geometry => ({
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

/** Strips of output rows, and the image's rows they read. */
interface Strip {
  rows: number;
  count: number;
  copied: boolean;
  imageRows: number;
  pitch: number;
  phases: number;
  bytes: number;
  row: number;
  taps: Int32Array;
}
function stripOf(g: Geometry, least: number): Strip {
  const { stride, padding, dilation } = g.attrs;
  const copied = padding.some((n) => n > 0) || stride[1] > 1;
  const phases = stride[1];
  const pitch = copied ? up(g.Q + Math.floor(((g.S - 1) * dilation[1]) / phases), 4) + 4 : g.W;
  const rowsFor = (rows: number): number => (rows - 1) * stride[0] + (g.R - 1) * dilation[0] + 1;
  const rowBytes = g.C * phases * pitch * 4;
  const wanted = Math.max(4, Math.floor((STRIP_BYTES / rowBytes - (g.R - 1) * dilation[0] - 1) / stride[0]) + 1);
  // enough strips for every thread to have several, and even ones
  const count = Math.max(
    1,
    Math.min(Math.max(Math.ceil(g.P / wanted), Math.ceil(least / (g.N * g.attrs.groups))), Math.ceil(g.P / 4)),
  );
  const rows = Math.ceil(g.P / count);
  const imageRows = copied ? rowsFor(rows) : g.H;
  const taps: number[] = [];
  for (let c = 0; c < g.C; c++)
    for (let r = 0; r < g.R; r++)
      for (let s = 0; s < g.S; s++) {
        const w = s * dilation[1];
        taps.push(4 * (((c * imageRows + r * dilation[0]) * phases + (w % phases)) * pitch + Math.floor(w / phases)));
      }
  return {
    rows,
    count: Math.ceil(g.P / rows),
    copied,
    imageRows,
    pitch,
    phases,
    bytes: copied ? g.C * imageRows * phases * pitch * 4 + 64 : 0,
    row: stride[0] * phases * pitch * 4,
    taps: Int32Array.from(taps),
  };
}

/**
 * Copies the rows that output rows `first` … read, with zeros around them; gives where the strip's
 * first tap lies. `image` is the image's first row of the group's first channel.
 */
function copyStrip(
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
  f.zero(buffer, strip.bytes);
  const top = f.i32(i32.sub(i32.mul(first, stride[0]), padding[0]));
  const plane = f.i32(image);
  const to = f.i32(buffer);
  f.for(g.C, () => {
    f.for(strip.imageRows, (r) => {
      f.if(i32.ltU(i32.add(top, r), g.H), () => {
        const row = f.i32(i32.add(plane, i32.mul(i32.add(top, r), g.W * 4)));
        for (let phase = 0; phase < strip.phases; phase++) {
          // image column j·phases + phase − padding goes to column j of this phase
          const from = Math.max(0, Math.ceil((padding[1] - phase) / strip.phases));
          const end = Math.min(strip.pitch, Math.ceil((g.W + padding[1] - phase) / strip.phases));
          if (end <= from) continue;
          const source = f.i32(i32.add(row, (from * strip.phases + phase - padding[1]) * 4));
          const target = f.i32(i32.add(to, (phase * strip.pitch + from) * 4));
          if (strip.phases === 1) f.copy(target, source, (end - from) * 4);
          else
            f.for(end - from, () => {
              f.do(s32.store(target, s32.load(source)));
              f.advance(target, 4);
              f.advance(source, strip.phases * 4);
            });
        }
      });
      f.advance(to, strip.phases * strip.pitch * 4);
    });
    f.advance(plane, g.H * g.W * 4);
  });
  return buffer;
}

/** Floats of packed weights. */
export const directWeightsSize = ([K, C, R, S]: Shape, groups: number): number =>
  groups * up(K / groups, 4) * C * R * S;

/**
 * u[group][K/4][tap][4] of w; with `flipped` the roles of a group's inputs and outputs are
 * exchanged and the kernels turned.
 */
export const directWeights =
  (w: Shape, groups: number, flipped: boolean) =>
  (k: KernelContext<"w">): void => {
    const [K, C] = flipped ? [w[1], w[0] / groups] : [w[0] / groups, w[1]];
    const area = w[2] * w[3];
    const [outputStride, inputStride] = flipped ? [area, w[1] * area] : [w[1] * area, area];
    k.pass(1, ({ f, input, y }) => {
      const group = f.i32(input.w);
      const to = f.i32(y);
      const block = (first: Operand, lanes: number): void => {
        const channel = f.i32(i32.add(group, i32.mul(first, outputStride * 4)));
        f.for(C, () => {
          const source = f.i32(flipped ? i32.add(channel, (area - 1) * 4) : channel);
          f.for(area, () => {
            f.do(v.store(to, gatherLanes(source, lanes, outputStride * 4)));
            f.advance(to, 16);
            f.advance(source, flipped ? -4 : 4);
          });
          f.advance(channel, inputStride * 4);
        });
      };
      f.for(groups, () => {
        f.for(K - (K % 4), (first) => block(first, 4), 4);
        if (K % 4 > 0) block(K - (K % 4), K % 4);
        f.advance(group, K * C * area * 4);
      });
    });
  };

/** Convolutions of fewer products than this run on one thread. */
const ALONE = 1e6;

/** y of x and packed weights. */
export const directConvolution =
  (x: Shape, w: Shape, attrs: ConvAttributes) =>
  (k: KernelContext<"x" | "u">): void => {
    const g = geometryOf(x, w, k.out, attrs);
    const taps = g.C * g.R * g.S;
    const products = g.N * g.K * attrs.groups * g.P * g.Q * taps;
    const strip = stripOf(g, products > ALONE ? 16 : 1);
    k.pass(products > ALONE ? g.N * attrs.groups * strip.count : 1, (p) => {
      const { f } = p;
      const table = p.table(strip.taps);
      const one = (number: Local): void => {
        const picture = f.i32(i32.divU(number, strip.count));
        const first = f.i32(i32.mul(i32.remU(number, strip.count), strip.rows));
        const group = f.i32(i32.remU(picture, attrs.groups));
        const image = f.i32(i32.add(p.input.x, i32.mul(picture, g.C * g.H * g.W * 4)));
        const base = copyStrip(f, g, strip, image, first, () => p.scratch(strip.bytes));
        const rows = f.i32(strip.rows);
        if (g.P % strip.rows > 0)
          f.if(i32.geU(i32.add(first, strip.rows), g.P), () => f.set(rows, i32.sub(g.P, first)));
        const weights = f.i32(i32.add(p.input.u, i32.mul(group, up(g.K, 4) * taps * 4)));
        const map = f.i32(i32.add(i32.mul(picture, g.K * g.P * g.Q * 4), i32.mul(first, g.Q * 4)));
        const channel0 = f.i32(i32.mul(group, g.K * 4));
        /**
         * Output columns from `column` (bytes), `vectors` wide, of which `lanes` count, for
         * `height` maps from `map0`.
         */
        const tile = (row: Local, at: Local, column: Operand, lanes: number, map0: Operand, height: number): void => {
          const vectors = Math.ceil(lanes / 4);
          const pixel = f.i32(i32.add(row, column));
          const weight = f.i32(i32.add(weights, i32.mul(map0, taps * 4)));
          const sums = Array.from({ length: height }, () => Array.from({ length: vectors }, () => f.v128(0)));
          f.for(
            taps * 4,
            (tap) => {
              const place = f.i32(i32.add(pixel, i32.load(tap, table)));
              const right = Array.from({ length: vectors }, (_, j) => f.v128(v.load(place, j * 16)));
              sums.forEach((row, i) => {
                const splat = f.v128(v.loadSplat(weight, Math.floor(i / 4) * taps * 16 + (i % 4) * 4));
                row.forEach((sum, j) => f.mulAdd(sum, splat, right[j]));
              });
              f.advance(weight, 16);
            },
            4,
          );
          const to = f.i32(i32.add(i32.add(at, column), i32.mul(map0, g.P * g.Q * 4)));
          const channel = f.i32(i32.add(channel0, i32.mul(map0, 4)));
          sums.forEach((row, i) =>
            row.forEach((sum, j) =>
              p.store(sum, {
                offset: i32.add(to, i * g.P * g.Q * 4 + j * 16),
                channel: i32.add(channel, i * 4),
                lanes: Math.min(4, lanes - j * 4),
              }),
            ),
          );
        };
        /** Maps in blocks of `size`, then what is left. */
        const maps = (size: number, body: (map0: Operand, height: number) => void): void => {
          const whole = g.K - (g.K % size);
          f.for(whole, (m) => body(m, size), size);
          const rest = g.K - whole;
          if (rest >= 4 && size > 4) body(whole, 4);
          if (rest % 4 > 0) body(g.K - (rest % 4), rest % 4);
        };
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
        maps(4, (map0, height) => {
          const width = height <= 2 ? 16 : 8;
          const rest = g.Q % width;
          eachRow((row, at) => {
            f.for((g.Q - rest) * 4, (column) => tile(row, at, column, width, map0, height), width * 4);
            if (rest > 0 && !(narrow && rest <= 4))
              tile(row, at, (g.Q - rest) * 4, narrow && rest > 8 ? 8 : rest, map0, height);
          });
        });
        const rest = g.Q % 8;
        if (narrow)
          maps(8, (map0, height) => eachRow((row, at) => tile(row, at, (g.Q - rest) * 4, rest, map0, height)));
      };
      if (products > ALONE) one(p.chunk);
      else f.for(g.N * attrs.groups * strip.count, one);
    });
  };

/** At most so many partial sums, and bytes of them. */
const PARTS = 16;
const PARTS_BYTES = 2 ** 25;

/**
 * dw of x and dy, shape of w: every part of the images has its own sum, added up in order at the
 * end.
 */
export const directWeightGrad =
  (x: Shape, dy: Shape, attrs: ConvAttributes) =>
  (k: KernelContext<"x" | "dy">): void => {
    const g = geometryOf(x, k.out, dy, attrs);
    const taps = g.C * g.R * g.S;
    const size = k.out.reduce((a, b) => a * b, 1);
    const strip = stripOf(g, 1);
    const units = g.N * strip.count;
    const products = g.N * g.K * attrs.groups * g.P * g.Q * taps;
    const parts = Math.max(
      1,
      Math.min(PARTS, units, Math.floor(PARTS_BYTES / (size * 4)), Math.floor(products / ALONE)),
    );
    const per = Math.ceil(units / parts);
    const count = Math.ceil(units / per);
    const blocks = Math.ceil(g.K / 4);
    // too few parts for the threads: the maps are shared out as well
    const splits = products < ALONE ? 1 : Math.min(blocks, Math.ceil(8 / count));
    const share = Math.ceil(blocks / splits);
    const partBytes = up(size * 4, 16);
    k.shared(count * partBytes);
    const mapPitch = up(g.Q, 4);
    const zeroTail = g.Q % 4 > 0;
    k.pass(count * Math.ceil(blocks / share), (p) => {
      const { f } = p;
      const part = f.i32(i32.remU(p.chunk, count));
      const sums = f.i32(i32.add(p.shared, i32.mul(part, partBytes)));
      const table = p.table(strip.taps);
      const room = p.scratch(strip.bytes + (zeroTail ? share * 4 * strip.rows * mapPitch * 4 + 64 : 0));
      const [unit0, unitEnd] = unitsOf(f, part, units, per);
      const [firstMap, lastMap] = unitsOf(f, f.i32(i32.divU(p.chunk, count)), g.K, share * 4);
      // this call's maps of every group start at zero
      f.for(attrs.groups, (group) =>
        f.range(firstMap, lastMap, 1, (m) =>
          f.zero(i32.add(sums, i32.mul(i32.add(i32.mul(group, g.K), m), taps * 4)), taps * 4),
        ),
      );
      f.range(unit0, unitEnd, 1, (unit) =>
        f.for(attrs.groups, (group) => {
          const picture = f.i32(i32.add(i32.mul(i32.divU(unit, strip.count), attrs.groups), group));
          const first = f.i32(i32.mul(i32.remU(unit, strip.count), strip.rows));
          const image = f.i32(i32.add(p.input.x, i32.mul(picture, g.C * g.H * g.W * 4)));
          const base = copyStrip(f, g, strip, image, first, () => room);
          const rows = f.i32(strip.rows);
          if (g.P % strip.rows > 0)
            f.if(i32.geU(i32.add(first, strip.rows), g.P), () => f.set(rows, i32.sub(g.P, first)));
          const dy = f.i32(
            i32.add(p.input.dy, i32.add(i32.mul(picture, g.K * g.P * g.Q * 4), i32.mul(first, g.Q * 4))),
          );
          // rows of dy that end in zeros, so that a vector may run over
          let maps = f.i32(i32.add(dy, i32.mul(firstMap, g.P * g.Q * 4)));
          let plane = g.P * g.Q * 4;
          if (zeroTail) {
            const from = f.i32(maps);
            maps = f.i32(i32.add(room, strip.bytes));
            plane = strip.rows * mapPitch * 4;
            const to = f.i32(maps);
            f.range(firstMap, lastMap, 1, () => {
              const [row, line] = [f.i32(from), f.i32(to)];
              f.range(0, rows, 1, () => {
                f.do(v.store(line, 0, (mapPitch - 4) * 4));
                f.copy(line, row, g.Q * 4);
                f.advance(row, g.Q * 4);
                f.advance(line, mapPitch * 4);
              });
              f.advance(from, g.P * g.Q * 4);
              f.advance(to, plane);
            });
          }
          const pitch = zeroTail ? mapPitch : g.Q;
          const tile = (map: Local, height: number, tap: Operand, width: number): void => {
            const pixels = Array.from({ length: width }, (_, j) => f.i32(i32.add(base, i32.load(tap, table + j * 4))));
            const line = f.i32(i32.add(maps, i32.mul(i32.sub(map, firstMap), plane)));
            const acc = Array.from({ length: height }, () => Array.from({ length: width }, () => f.v128(0)));
            f.range(0, rows, 1, () => {
              f.for(
                pitch * 4,
                (column) => {
                  const right = pixels.map((pixel) => f.v128(v.load(i32.add(pixel, column))));
                  acc.forEach((row, i) => {
                    const left = f.v128(v.load(i32.add(line, column), i * plane));
                    row.forEach((s, j) => f.mulAdd(s, left, right[j]));
                  });
                },
                16,
              );
              for (const pixel of pixels) f.advance(pixel, strip.row);
              f.advance(line, pitch * 4);
            });
            const to = f.i32(i32.add(sums, i32.add(i32.mul(i32.add(i32.mul(group, g.K), map), taps * 4), tap)));
            acc.forEach((row, i) =>
              row.forEach((s, j) => {
                const total = s32.add(s32.add(v.lane(s, 0), v.lane(s, 1)), s32.add(v.lane(s, 2), v.lane(s, 3)));
                f.do(s32.store(to, s32.add(s32.load(to, i * taps * 4 + j * 4), total), i * taps * 4 + j * 4));
              }),
            );
          };
          const tapPairs = (map: Local, height: number): void => {
            f.for((taps - (taps % 2)) * 4, (tap) => tile(map, height, tap, 2), 8);
            if (taps % 2 > 0) tile(map, height, (taps - 1) * 4, 1);
          };
          const rest = g.K % 4;
          const wholeEnd = rest === 0 ? lastMap : f.i32(i32.sub(lastMap, i32.mul(i32.geU(lastMap, g.K), rest)));
          f.range(firstMap, wholeEnd, 4, (map) => tapPairs(map, 4));
          if (rest > 0) f.if(i32.ne(wholeEnd, lastMap), () => tapPairs(wholeEnd, rest));
        }),
      );
    });
    k.pass(1, ({ f, y, shared }) => {
      f.for(
        size * 4,
        (i) => {
          const total = f.v128(v.load(i32.add(shared, i)));
          const at = f.i32(i32.add(shared, i));
          f.for(count - 1, () => {
            f.advance(at, partBytes);
            f.set(total, v.add(total, v.load(at)));
          });
          f.do(v.store(i32.add(y, i), total));
        },
        16,
      );
    });
  };
