// Direct convolution without im2col: a table of where every tap of the kernel lies in the image,
// and tiles of outputs that stay in registers.
// Padding and strides are met by a copy of a strip of rows, its columns sorted by their remainder
// modulo the stride, so that every tap reads neighbours.
import type { Shape } from "../../../core/shape.ts";
import type { ConvAttributes } from "../../../graph/catalogue.ts";
import { get, i32, int, s32, v, type Code, type FunctionBuilder, type Local } from "../encoder.ts";
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
  if (!strip.copied) return f.local("i32", i32.add(get(image), i32.mul(get(first), int(strip.row))));
  const buffer = room();
  f.zero(get(buffer), strip.bytes);
  const top = f.local("i32", i32.sub(i32.mul(get(first), int(stride[0])), int(padding[0])));
  const plane = f.local("i32", get(image));
  const to = f.local("i32", get(buffer));
  f.for(g.C, () => {
    f.for(strip.imageRows, (r) => {
      f.if(i32.ltU(i32.add(get(top), get(r)), int(g.H)), () => {
        const row = f.local("i32", i32.add(get(plane), i32.mul(i32.add(get(top), get(r)), int(g.W * 4))));
        for (let phase = 0; phase < strip.phases; phase++) {
          // image column j·phases + phase − padding goes to column j of this phase
          const from = Math.max(0, Math.ceil((padding[1] - phase) / strip.phases));
          const end = Math.min(strip.pitch, Math.ceil((g.W + padding[1] - phase) / strip.phases));
          if (end <= from) continue;
          const source = f.local("i32", i32.add(get(row), int((from * strip.phases + phase - padding[1]) * 4)));
          const target = f.local("i32", i32.add(get(to), int((phase * strip.pitch + from) * 4)));
          if (strip.phases === 1) f.copy(get(target), get(source), int((end - from) * 4));
          else
            f.for(end - from, () => {
              f.do(s32.store(get(target), s32.load(get(source))));
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
export const directWeightsSize = (g: { K: number; C: number; R: number; S: number }, groups: number): number =>
  groups * up(g.K, 4) * g.C * g.R * g.S;

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
      const group = f.local("i32", get(input.w));
      const to = f.local("i32", get(y));
      const block = (first: Code, lanes: number): void => {
        const channel = f.local("i32", i32.add(get(group), i32.mul(first, int(outputStride * 4))));
        f.for(C, () => {
          const source = f.local("i32", flipped ? i32.add(get(channel), int((area - 1) * 4)) : get(channel));
          f.for(area, () => {
            let x: Code = v.constant(0);
            for (let lane = 0; lane < lanes; lane++) x = v.loadLane(get(source), x, lane, lane * outputStride * 4);
            f.do(v.store(get(to), x));
            f.advance(to, 16);
            f.advance(source, flipped ? -4 : 4);
          });
          f.advance(channel, inputStride * 4);
        });
      };
      f.for(groups, () => {
        f.for(K - (K % 4), (first) => block(get(first), 4), 4);
        if (K % 4 > 0) block(int(K - (K % 4)), K % 4);
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
        const picture = f.local("i32", i32.divU(get(number), int(strip.count)));
        const first = f.local("i32", i32.mul(i32.remU(get(number), int(strip.count)), int(strip.rows)));
        const group = f.local("i32", i32.remU(get(picture), int(attrs.groups)));
        const image = f.local("i32", i32.add(get(p.input.x), i32.mul(get(picture), int(g.C * g.H * g.W * 4))));
        const base = copyStrip(f, g, strip, image, first, () => p.scratch(strip.bytes));
        const rows = f.local("i32", int(strip.rows));
        if (g.P % strip.rows > 0)
          f.if(i32.geU(i32.add(get(first), int(strip.rows)), int(g.P)), () =>
            f.set(rows, i32.sub(int(g.P), get(first))),
          );
        const weights = f.local("i32", i32.add(get(p.input.u), i32.mul(get(group), int(up(g.K, 4) * taps * 4))));
        const map = f.local(
          "i32",
          i32.add(i32.mul(get(picture), int(g.K * g.P * g.Q * 4)), i32.mul(get(first), int(g.Q * 4))),
        );
        const channel0 = f.local("i32", i32.mul(get(group), int(g.K * 4)));
        /**
         * Output columns from `column` (bytes), `vectors` wide, of which `lanes` count, for
         * `height` maps from `map0`.
         */
        const tile = (row: Local, at: Local, column: Code, lanes: number, map0: Code, height: number): void => {
          const vectors = Math.ceil(lanes / 4);
          const pixel = f.local("i32", i32.add(get(row), column));
          const weight = f.local("i32", i32.add(get(weights), i32.mul(map0, int(taps * 4))));
          const sums = Array.from({ length: height }, () =>
            Array.from({ length: vectors }, () => f.local("v128", v.constant(0))),
          );
          f.for(
            taps * 4,
            (tap) => {
              const place = f.local("i32", i32.add(get(pixel), i32.load(get(tap), table)));
              const right = Array.from({ length: vectors }, (_, j) => f.local("v128", v.load(get(place), j * 16)));
              sums.forEach((row, i) => {
                const splat = f.local("v128", v.loadSplat(get(weight), Math.floor(i / 4) * taps * 16 + (i % 4) * 4));
                row.forEach((sum, j) => f.mulAdd(sum, get(splat), get(right[j])));
              });
              f.advance(weight, 16);
            },
            4,
          );
          const to = f.local("i32", i32.add(i32.add(get(at), column), i32.mul(map0, int(g.P * g.Q * 4))));
          const channel = f.local("i32", i32.add(get(channel0), i32.mul(map0, int(4))));
          sums.forEach((row, i) =>
            row.forEach((sum, j) =>
              p.store(get(sum), {
                offset: i32.add(get(to), int(i * g.P * g.Q * 4 + j * 16)),
                channel: i32.add(get(channel), int(i * 4)),
                lanes: Math.min(4, lanes - j * 4),
              }),
            ),
          );
        };
        /** Maps in blocks of `size`, then what is left. */
        const maps = (size: number, body: (map0: Code, height: number) => void): void => {
          const whole = g.K - (g.K % size);
          f.for(whole, (m) => body(get(m), size), size);
          const rest = g.K - whole;
          if (rest >= 4 && size > 4) body(int(whole), 4);
          if (rest % 4 > 0) body(int(g.K - (rest % 4)), rest % 4);
        };
        const eachRow = (body: (row: Local, at: Local) => void): void => {
          const [row, at] = [f.local("i32", get(base)), f.local("i32", get(map))];
          f.range(int(0), get(rows), 1, () => {
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
            f.for((g.Q - rest) * 4, (column) => tile(row, at, get(column), width, map0, height), width * 4);
            if (rest > 0 && !(narrow && rest <= 4))
              tile(row, at, int((g.Q - rest) * 4), narrow && rest > 8 ? 8 : rest, map0, height);
          });
        });
        const rest = g.Q % 8;
        if (narrow)
          maps(8, (map0, height) => eachRow((row, at) => tile(row, at, int((g.Q - rest) * 4), rest, map0, height)));
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
      const part = f.local("i32", i32.remU(get(p.chunk), int(count)));
      const sums = f.local("i32", i32.add(get(p.shared), i32.mul(get(part), int(partBytes))));
      const table = p.table(strip.taps);
      const room = p.scratch(strip.bytes + (zeroTail ? share * 4 * strip.rows * mapPitch * 4 + 64 : 0));
      const [unit0, unitEnd] = unitsOf(f, part, units, per);
      const [firstMap, lastMap] = unitsOf(f, f.local("i32", i32.divU(get(p.chunk), int(count))), g.K, share * 4);
      // this call's maps of every group start at zero
      f.for(attrs.groups, (group) =>
        f.range(get(firstMap), get(lastMap), 1, (m) =>
          f.zero(i32.add(get(sums), i32.mul(i32.add(i32.mul(get(group), int(g.K)), get(m)), int(taps * 4))), taps * 4),
        ),
      );
      f.range(get(unit0), get(unitEnd), 1, (unit) =>
        f.for(attrs.groups, (group) => {
          const picture = f.local(
            "i32",
            i32.add(i32.mul(i32.divU(get(unit), int(strip.count)), int(attrs.groups)), get(group)),
          );
          const first = f.local("i32", i32.mul(i32.remU(get(unit), int(strip.count)), int(strip.rows)));
          const image = f.local("i32", i32.add(get(p.input.x), i32.mul(get(picture), int(g.C * g.H * g.W * 4))));
          const base = copyStrip(f, g, strip, image, first, () => room);
          const rows = f.local("i32", int(strip.rows));
          if (g.P % strip.rows > 0)
            f.if(i32.geU(i32.add(get(first), int(strip.rows)), int(g.P)), () =>
              f.set(rows, i32.sub(int(g.P), get(first))),
            );
          const dy = f.local(
            "i32",
            i32.add(
              get(p.input.dy),
              i32.add(i32.mul(get(picture), int(g.K * g.P * g.Q * 4)), i32.mul(get(first), int(g.Q * 4))),
            ),
          );
          // rows of dy that end in zeros, so that a vector may run over
          let maps = f.local("i32", i32.add(get(dy), i32.mul(get(firstMap), int(g.P * g.Q * 4))));
          let plane = g.P * g.Q * 4;
          if (zeroTail) {
            const from = f.local("i32", get(maps));
            maps = f.local("i32", i32.add(get(room), int(strip.bytes)));
            plane = strip.rows * mapPitch * 4;
            const to = f.local("i32", get(maps));
            f.range(get(firstMap), get(lastMap), 1, () => {
              const [row, line] = [f.local("i32", get(from)), f.local("i32", get(to))];
              f.range(int(0), get(rows), 1, () => {
                f.do(v.store(get(line), v.constant(0), (mapPitch - 4) * 4));
                f.copy(get(line), get(row), int(g.Q * 4));
                f.advance(row, g.Q * 4);
                f.advance(line, mapPitch * 4);
              });
              f.advance(from, g.P * g.Q * 4);
              f.advance(to, plane);
            });
          }
          const pitch = zeroTail ? mapPitch : g.Q;
          const tile = (map: Local, height: number, tap: Code, width: number): void => {
            const pixels = Array.from({ length: width }, (_, j) =>
              f.local("i32", i32.add(get(base), i32.load(tap, table + j * 4))),
            );
            const line = f.local("i32", i32.add(get(maps), i32.mul(i32.sub(get(map), get(firstMap)), int(plane))));
            const acc = Array.from({ length: height }, () =>
              Array.from({ length: width }, () => f.local("v128", v.constant(0))),
            );
            f.range(int(0), get(rows), 1, () => {
              f.for(
                pitch * 4,
                (column) => {
                  const right = pixels.map((pixel) => f.local("v128", v.load(i32.add(get(pixel), get(column)))));
                  acc.forEach((row, i) => {
                    const left = f.local("v128", v.load(i32.add(get(line), get(column)), i * plane));
                    row.forEach((s, j) => f.mulAdd(s, get(left), get(right[j])));
                  });
                },
                16,
              );
              for (const pixel of pixels) f.advance(pixel, strip.row);
              f.advance(line, pitch * 4);
            });
            const to = f.local(
              "i32",
              i32.add(
                get(sums),
                i32.add(i32.mul(i32.add(i32.mul(get(group), int(g.K)), get(map)), int(taps * 4)), tap),
              ),
            );
            acc.forEach((row, i) =>
              row.forEach((s, j) => {
                const total = s32.add(
                  s32.add(v.lane(get(s), 0), v.lane(get(s), 1)),
                  s32.add(v.lane(get(s), 2), v.lane(get(s), 3)),
                );
                f.do(s32.store(get(to), s32.add(s32.load(get(to), i * taps * 4 + j * 4), total), i * taps * 4 + j * 4));
              }),
            );
          };
          const tapPairs = (map: Local, height: number): void => {
            f.for((taps - (taps % 2)) * 4, (tap) => tile(map, height, get(tap), 2), 8);
            if (taps % 2 > 0) tile(map, height, int((taps - 1) * 4), 1);
          };
          const rest = g.K % 4;
          const wholeEnd =
            rest === 0
              ? lastMap
              : f.local("i32", i32.sub(get(lastMap), i32.mul(i32.geU(get(lastMap), int(g.K)), int(rest))));
          f.range(get(firstMap), get(wholeEnd), 4, (map) => tapPairs(map, 4));
          if (rest > 0) f.if(i32.ne(get(wholeEnd), get(lastMap)), () => tapPairs(wholeEnd, rest));
        }),
      );
    });
    k.pass(1, ({ f, y, shared }) => {
      f.for(
        size * 4,
        (i) => {
          const total = f.local("v128", v.load(i32.add(get(shared), get(i))));
          const at = f.local("i32", i32.add(get(shared), get(i)));
          f.for(count - 1, () => {
            f.advance(at, partBytes);
            f.set(total, v.add(get(total), v.load(get(at))));
          });
          f.do(v.store(i32.add(get(y), get(i)), get(total)));
        },
        16,
      );
    });
  };
