// Winograd's minimal filtering on windows of 6×6: F(4×4, 3×3) takes 36 products for 16 outputs
// instead of 144, F(2×2, 5×5) 36 for 4 instead of 100.
// Lavin and Gray, arXiv 1509.09308; the points are 0, ±√½, ±√2, ∞, whose rounding error is half
// that of the usual 0, ±1, ±2, ∞. Vectors run over four channels, so that small images lose
// nothing.
import { sizeOf, type Shape } from "../../../core/shape.ts";
import type { ConvAttributes } from "../../../graph/catalogue.ts";
import type { FunctionBuilder } from "../encoder/function.ts";
import { i32, v, type Code, type Local, type Operand } from "../encoder/instructions.ts";
import { gatherLanes, keep, transpose4 } from "./vectors.ts";
import { passOver, unitsOf, up, type KernelContext, type Pass } from "../kernel.ts";

type Pair = readonly [number, number];
const WINDOW = 6;
/** Outputs of a tile along an axis. */
const tileOf = (kernel: number): number => WINDOW + 1 - kernel;
const POSITIONS = 36;
/**
 * Bytes between two positions' matrices: never a multiple of a page, or they would all fall into
 * one cache set.
 */
const spread = (bytes: number): number => (bytes % 256 === 0 ? bytes + 64 : up(bytes, 16));
const scaled = (x: Operand, by: number): Operand => (by === 1 ? x : v.mul(x, by));
type Vectors = readonly Local[];

const NEAR = Math.SQRT1_2;
const FAR = Math.SQRT2;
/** even ± odd */
const pair = (even: Local, odd: Local): [Code, Code] => [v.add(even, odd), v.sub(even, odd)];

/** One axis of Bᵀ: 6 numbers of the image → 6. */
function inputAxis(f: FunctionBuilder, c: Vectors): Operand[] {
  const near = pair(f.v128(v.sub(c[4], scaled(c[2], 2))), f.v128(scaled(v.sub(c[3], scaled(c[1], 2)), NEAR)));
  const far = pair(f.v128(v.sub(c[4], scaled(c[2], 0.5))), f.v128(scaled(v.sub(c[3], scaled(c[1], 0.5)), FAR)));
  return [v.add(v.sub(c[0], scaled(c[2], 2.5)), c[4]), ...near, ...far, v.add(v.sub(c[1], scaled(c[3], 2.5)), c[5])];
}
/** A polynomial's values at the points, the near and far ones scaled. */
function atPoints(f: FunctionBuilder, c: Vectors, near: number, far: number): Operand[] {
  const part = (square: number, parity: number, scale: number): Local => {
    const sum = c
      .filter((_, i) => i % 2 === parity)
      .map((x, i) => scaled(x, square ** i))
      .reduce((p, q) => v.add(p, q));
    return f.v128(scaled(sum, scale));
  };
  return [
    c[0],
    ...pair(part(0.5, 0, near), part(0.5, 1, near * NEAR)),
    ...pair(part(2, 0, far), part(2, 1, far * FAR)),
    c[c.length - 1],
  ];
}
/** The adjoint: from values at the points to `count` coefficients. */
function fromPoints(f: FunctionBuilder, p: Vectors, count: number, near: number, far: number): Operand[] {
  const [nearEven, nearOdd] = [f.v128(scaled(v.add(p[1], p[2]), near)), f.v128(scaled(v.sub(p[1], p[2]), near * NEAR))];
  const [farEven, farOdd] = [f.v128(scaled(v.add(p[3], p[4]), far)), f.v128(scaled(v.sub(p[3], p[4]), far * FAR))];
  return Array.from({ length: count }, (_, i) => {
    const sum = v.add(
      scaled(i % 2 === 0 ? nearEven : nearOdd, 0.5 ** (i >> 1)),
      scaled(i % 2 === 0 ? farEven : farOdd, 2 ** (i >> 1)),
    );
    return i === 0 ? v.add(p[0], sum) : i === count - 1 ? v.add(sum, p[5]) : sum;
  });
}
/**
 * One axis of A: the map's gradient → 6. Of Aᵀ: 6 products → outputs. Of G: weights → 6. Of Gᵀ: 6
 * sums → weights' gradients.
 */
const mapAxis = (f: FunctionBuilder, d: Vectors): Operand[] => atPoints(f, d, 1, 1);
const outputAxis = (f: FunctionBuilder, m: Vectors, tile: number): Operand[] => fromPoints(f, m, tile, 1, 1);
const weightAxis = (f: FunctionBuilder, g: Vectors): Operand[] => atPoints(f, g, -2 / 3, 1 / 6);
const weightGradAxis = (f: FunctionBuilder, p: Vectors, kernel: number): Operand[] =>
  fromPoints(f, p, kernel, -2 / 3, 1 / 6);

interface Tiles {
  size: number;
  down: number;
  across: number;
  total: number;
}
const tilesOf = (size: number, images: number, P: number, Q: number): Tiles => {
  const [down, across] = [Math.ceil(P / size), Math.ceil(Q / size)];
  return { size, down, across, total: images * down * across };
};
interface Source {
  at: Operand;
  channels: number;
  height: number;
  width: number;
  padding: Pair;
}

/** Image and tile row and column of tile number `t`. */
function placeOf(f: FunctionBuilder, t: Operand, { down, across }: Tiles): { image: Local; row: Local; column: Local } {
  const tile = f.i32(t);
  const image = f.i32(i32.divU(tile, down * across));
  const inside = f.i32(i32.remU(tile, down * across));
  return {
    image,
    row: f.i32(i32.divU(inside, across)),
    column: f.i32(i32.remU(inside, across)),
  };
}
const PLACE_BYTES = 16;
const stageBytes = (size: number): number => 4 * size * 32;
/** Room for `transformTiles` besides its result. */
const transformBytes = (tiles: number): number => tiles * PLACE_BYTES + stageBytes(WINDOW) + POSITIONS * 16;

/**
 * For tiles `from` … of a block of at most `most`: reads windows of size × size at the tile's
 * corner − padding and writes their transform as [position][tile][channel], `pitch` bytes between
 * tiles, `position` between positions.
 */
function transformTiles(
  f: FunctionBuilder,
  tiles: Tiles,
  source: Source,
  size: number,
  axis: typeof inputAxis,
  from: Local,
  count: Local,
  room: Operand,
  to: Operand,
  pitch: number,
  position: number,
  most: number,
): void {
  const { channels, height, width, padding } = source;
  const always =
    padding[0] === 0 &&
    padding[1] === 0 &&
    (tiles.down - 1) * tiles.size + size <= height &&
    (tiles.across - 1) * tiles.size + size <= width;
  const image = f.i32(source.at);
  const target = f.i32(to);
  const places = f.i32(room);
  const stage = f.i32(i32.add(places, most * PLACE_BYTES));
  const half = f.i32(i32.add(stage, stageBytes(WINDOW)));
  // where each tile begins, and whether its window lies inside the image
  f.range(0, count, 1, (t) => {
    const at = f.i32(i32.add(places, i32.mul(t, PLACE_BYTES)));
    const place = placeOf(f, i32.add(from, t), tiles);
    const top = f.i32(i32.sub(i32.mul(place.row, tiles.size), padding[0]));
    const left = f.i32(i32.sub(i32.mul(place.column, tiles.size), padding[1]));
    f.do(
      i32.store(
        at,
        i32.mul(i32.add(i32.mul(place.image, channels * height * width), i32.add(i32.mul(top, width), left)), 4),
      ),
    );
    f.do(
      i32.store(
        at,
        height >= size && width >= size ? i32.and(i32.ltU(top, height - size + 1), i32.ltU(left, width - size + 1)) : 0,
        4,
      ),
    );
    f.do(i32.store(at, top, 8));
    f.do(i32.store(at, left, 12));
  });
  const plane = height * width * 4;
  const group = (c: Operand, lanes: number): void => {
    const channel = f.i32(c);
    f.range(0, count, 1, (t) => {
      const at = f.i32(i32.add(places, i32.mul(t, PLACE_BYTES)));
      const base = f.i32(i32.add(i32.add(image, i32.load(at)), i32.mul(channel, plane)));
      const row = f.i32(width * 4);
      // channels past the last repeat it: nobody reads them
      const bases = [0, 1, 2, 3].map((lane) => f.i32(i32.add(base, Math.min(lane, lanes - 1) * plane)));
      if (!always)
        f.if(i32.eqz(i32.load(at, 4)), () => {
          f.zero(stage, stageBytes(size));
          const [top, left] = [f.i32(i32.load(at, 8)), f.i32(i32.load(at, 12))];
          bases.forEach((b, lane) => {
            if (lane >= lanes) return;
            f.for(size, (r) =>
              f.if(i32.ltU(i32.add(top, r), height), () =>
                f.for(size, (s) =>
                  f.if(i32.ltU(i32.add(left, s), width), () => {
                    f.do(
                      i32.store(
                        i32.add(stage, i32.add(i32.mul(r, 32), i32.mul(s, 4))),
                        i32.load(i32.add(b, i32.mul(i32.add(i32.mul(r, width), s), 4))),
                        lane * size * 32,
                      ),
                    );
                  }),
                ),
              ),
            );
            f.set(b, i32.add(stage, lane * size * 32));
          });
          f.set(row, 32);
        });
      const line = f.i32(half);
      f.for(size, () => {
        const first = transpose4(
          f,
          bases.map((b) => f.v128(v.load(b))),
        );
        const rest =
          size < WINDOW
            ? []
            : (() => {
                const pairs = bases.map((b) => f.v128(v.loadPair(b, 16)));
                const [p, q] = keep(f, [
                  v.shuffle(pairs[0], pairs[1], [0, 4, 1, 5]),
                  v.shuffle(pairs[2], pairs[3], [0, 4, 1, 5]),
                ]);
                return keep(f, [v.shuffle(p, q, [0, 1, 4, 5]), v.shuffle(p, q, [2, 3, 6, 7])]);
              })();
        axis(f, [...first, ...rest].slice(0, size)).forEach((x, j) => f.do(v.store(line, x, j * 16)));
        f.advance(line, WINDOW * 16);
        for (const b of bases) f.set(b, i32.add(b, row));
      });
      const column = f.i32(half);
      const out = f.i32(i32.add(i32.add(target, i32.mul(t, pitch)), i32.mul(channel, 4)));
      f.for(WINDOW, () => {
        const numbers = Array.from({ length: size }, (_, i) => f.v128(v.load(column, i * WINDOW * 16)));
        axis(f, numbers).forEach((x, i) => f.do(v.store(out, x, i * WINDOW * position)));
        f.advance(column, 16);
        f.advance(out, position);
      });
    });
  };
  const whole = channels - (channels % 4);
  f.for(whole, (c) => group(c, 4), 4);
  if (whole < channels) group(whole, channels - whole);
}

/**
 * Where the image's windows are read from: the image itself, or where many windows cross its
 * border, a copy with zeros around it.
 */
interface Framed {
  copied: boolean;
  height: number;
  width: number;
  padding: Pair;
  bytes: number;
}
function framed([N, C, H, W]: Shape, tiles: Tiles, padding: Pair): Framed {
  const [height, width] = [(tiles.down - 1) * tiles.size + WINDOW, (tiles.across - 1) * tiles.size + WINDOW];
  const inside = (n: number, count: number, pad: number): number =>
    Array.from({ length: count }, (_, i) => i * tiles.size - pad).filter((at) => at >= 0 && at + WINDOW <= n).length;
  const copied =
    inside(H, tiles.down, padding[0]) * inside(W, tiles.across, padding[1]) < 0.75 * tiles.down * tiles.across;
  return copied
    ? { copied, height, width, padding: [0, 0], bytes: up(N * C * height * width * 4, 64) + 64 }
    : { copied, height: H, width: W, padding, bytes: 0 };
}
/** The pass that makes the copy, at the start of the kernel's shared room. */
function frame<Inputs extends string>(
  k: KernelContext<Inputs>,
  name: Inputs,
  [N, C, H, W]: Shape,
  { height, width }: Framed,
  padding: Pair,
): void {
  const planes = N * C;
  const [top, left] = padding;
  // the windows may end before the image does
  const [rows, columns] = [Math.min(H, height - top), Math.min(W, width - left)];
  passOver(k, planes, height * width, ({ f, input, shared }, first, last) => {
    f.range(first, last, 1, (plane) => {
      const to = f.i32(i32.add(shared, i32.mul(plane, height * width * 4)));
      f.zero(to, height * width * 4);
      const source = f.i32(i32.add(input[name], i32.mul(plane, H * W * 4)));
      f.advance(to, (top * width + left) * 4);
      f.for(rows, () => {
        const whole = columns - (columns % 4);
        f.for(whole * 4, (i) => f.do(v.store(i32.add(to, i), v.load(i32.add(source, i)))), 16);
        const rest = f.v128(v.load(source, whole * 4));
        for (let lane = 0; lane < columns % 4; lane++) f.do(v.storeLane(to, rest, lane, (whole + lane) * 4));
        f.advance(source, W * 4);
        f.advance(to, width * 4);
      });
    });
  });
}

/** Floats of transformed weights for `inputs` and `outputs` channels. */
export const winogradWeightsSize = (inputs: number, outputs: number): number =>
  (up(outputs, 8) / 8) * POSITIONS * up(inputs, 4) * 8;

/**
 * u[outputs/8][position][input][8] of w [K,C,R,R]; with `flipped` the roles of K and C are
 * exchanged and the kernels turned, as the input's gradient needs them.
 */
export const winogradWeights =
  (w: Shape, flipped: boolean) =>
  (k: KernelContext<"w">): void => {
    const [outputs, inputs] = flipped ? [w[1], w[0]] : [w[0], w[1]];
    const R = w[2];
    const area = R * R * 4;
    const [outputStride, inputStride] = flipped ? [area, w[1] * area] : [w[1] * area, area];
    const Cp = up(inputs, 4);
    k.pass(up(outputs, 8) / 8, (p) => {
      const { f } = p;
      const block = f.i32(i32.add(p.y, i32.mul(p.chunk, POSITIONS * Cp * 32)));
      if (Cp > inputs)
        f.for(POSITIONS, (i) => f.zero(i32.add(block, i32.add(i32.mul(i, Cp * 32), inputs * 32)), (Cp - inputs) * 32));
      const half = p.scratch(WINDOW * R * 16);
      [0, 4].forEach((lane0) => {
        const first = f.i32(i32.add(i32.mul(p.chunk, 8), lane0));
        const emit = (lanes: number): void => {
          const source = f.i32(i32.add(p.input.w, i32.mul(first, outputStride)));
          const target = f.i32(i32.add(block, lane0 * 4));
          f.for(inputs, () => {
            const row = f.i32(half);
            // columns of g·Gᵀ lie behind each other
            for (let r = 0; r < R; r++) {
              const g = Array.from({ length: R }, (_, s) => {
                const tap = (flipped ? R * R - 1 - (r * R + s) : r * R + s) * 4;
                return f.v128(gatherLanes(source, lanes, outputStride, tap));
              });
              weightAxis(f, g).forEach((x, j) => f.do(v.store(row, x, (j * R + r) * 16)));
            }
            const out = f.i32(target);
            f.for(WINDOW, () => {
              const g = Array.from({ length: R }, (_, r) => f.v128(v.load(row, r * 16)));
              weightAxis(f, g).forEach((x, i) => f.do(v.store(out, x, i * WINDOW * Cp * 32)));
              f.advance(row, R * 16);
              f.advance(out, Cp * 32);
            });
            f.advance(source, inputStride);
            f.advance(target, 32);
          });
        };
        const full = Math.floor((outputs - lane0 - 4) / 8) + 1;
        const chunks = up(outputs, 8) / 8;
        const left = Math.max(0, outputs - (chunks - 1) * 8 - lane0);
        if (full >= chunks) emit(4);
        else {
          if (full > 0) f.if(i32.ltU(p.chunk, full), () => emit(4));
          f.if(i32.geU(p.chunk, Math.max(0, full)), () =>
            left > 0
              ? emit(left)
              : f.for(POSITIONS * Cp, (i) => f.do(v.store(i32.add(block, i32.mul(i, 32)), 0, lane0 * 4))),
          );
        }
      });
    });
  };

/** Bytes of transformed tiles that a block may take: about half of a second-level cache. */
const BLOCK_BYTES = 640 * 1024;

/** y[N,K,P,Q] of x [N,C,H,W] and transformed weights; stride 1. */
export const winogradConvolution =
  ({ image: x, outputs, kernel, padding }: { image: Shape; outputs: number; kernel: number; padding: Pair }) =>
  (k: KernelContext<"x" | "u">): void => {
    const [N, C] = x;
    const [, , P, Q] = k.out;
    const TILE = tileOf(kernel);
    const tiles = tilesOf(TILE, N, P, Q);
    const Cp = up(C, 4);
    const source = framed(x, tiles, padding);
    if (source.copied) {
      k.shared(source.bytes);
      frame(k, "x", x, source, padding);
    }
    const fitting = Math.floor(BLOCK_BYTES / (POSITIONS * Cp * 4) / 4) * 4;
    const most = Math.max(8, Math.min(32, fitting, up(tiles.total, 4)));
    const blocks = Math.ceil(tiles.total / most);
    const position = spread(most * Cp * 4);
    const products = spread(most * 32);
    // few tiles: the outputs are shared out as well, and every share transforms the image for
    // itself
    const eights = Math.ceil(outputs / 8);
    const share = Math.ceil(eights / Math.max(1, Math.min(Math.ceil(8 / blocks), Math.floor(eights / 8))));
    k.pass(blocks * Math.ceil(eights / share), (p) => {
      const { f } = p;
      const room = p.scratch(POSITIONS * (position + products) + 24 * 16 + transformBytes(most));
      const m = f.i32(i32.add(room, POSITIONS * position));
      const half = f.i32(i32.add(m, POSITIONS * products));
      const from = f.i32(i32.mul(i32.remU(p.chunk, blocks), most));
      const [first8, last8] = unitsOf(f, f.i32(i32.divU(p.chunk, blocks)), eights, share);
      const count = f.i32(most);
      if (tiles.total % most > 0)
        f.if(i32.geU(i32.add(from, most), tiles.total), () => f.set(count, i32.sub(tiles.total, from)));
      transformTiles(
        f,
        tiles,
        {
          at: source.copied ? p.shared : p.input.x,
          channels: C,
          height: source.height,
          width: source.width,
          padding: source.padding,
        },
        WINDOW,
        inputAxis,
        from,
        count,
        i32.add(half, 24 * 16),
        room,
        Cp * 4,
        position,
        most,
      );
      const u = f.i32(i32.add(p.input.u, i32.mul(first8, POSITIONS * Cp * 32)));
      const block = (first: Operand, channels: number): void => {
        const k0 = f.i32(first);
        f.for(POSITIONS, (i) => {
          const weights = f.i32(i32.add(u, i32.mul(i, Cp * 32)));
          f.range(0, count, 4, (t) => {
            const left = f.i32(i32.add(i32.add(room, i32.mul(i, position)), i32.mul(t, Cp * 4)));
            const right = f.i32(weights);
            const sums = [0, 1, 2, 3].map(() => [0, 1].map(() => f.v128(0)));
            f.for(C, () => {
              const [a, b] = [f.v128(v.load(right)), f.v128(v.load(right, 16))];
              sums.forEach(([s0, s1], r) => {
                const splat = f.v128(v.loadSplat(left, r * Cp * 4));
                f.mulAdd(s0, splat, a);
                f.mulAdd(s1, splat, b);
              });
              f.advance(left, 4);
              f.advance(right, 32);
            });
            const to = f.i32(i32.add(i32.add(m, i32.mul(i, products)), i32.mul(t, 32)));
            sums.forEach((row, r) => row.forEach((s, j) => f.do(v.store(to, s, r * 32 + j * 16))));
          });
        });
        f.range(0, count, 1, (t) => {
          const place = placeOf(f, i32.add(from, t), tiles);
          for (let lane0 = 0; lane0 < channels; lane0 += 4) {
            const column = f.i32(i32.add(m, i32.add(i32.mul(t, 32), lane0 * 4)));
            const line = f.i32(half);
            f.for(WINDOW, () => {
              const numbers = Array.from({ length: WINDOW }, (_, i) => f.v128(v.load(column, i * WINDOW * products)));
              outputAxis(f, numbers, TILE).forEach((o, i) => f.do(v.store(line, o, i * WINDOW * 16)));
              f.advance(column, products);
              f.advance(line, 16);
            });
            const row = f.i32(half);
            const channel = f.i32(i32.mul(i32.add(k0, lane0), 4));
            const h = f.i32(i32.mul(place.row, TILE));
            const w = f.i32(i32.mul(place.column, TILE));
            const offset = f.i32(
              i32.mul(i32.add(i32.mul(i32.add(i32.mul(i32.add(i32.mul(place.image, outputs), k0), P), h), Q), w), 4),
            );
            if (lane0 > 0) f.advance(offset, lane0 * P * Q * 4);
            f.for(TILE, () => {
              const inside = (lanes: number): void => {
                const numbers = Array.from({ length: WINDOW }, (_, j) => f.v128(v.load(row, j * 16)));
                const outs = keep(f, outputAxis(f, numbers, TILE));
                const planes = transpose4(
                  f,
                  [0, 1, 2, 3].map((j) => outs[j] ?? outs[0]),
                );
                planes.slice(0, Math.min(4, channels - lane0)).forEach((plane, lane) => {
                  p.store(plane, {
                    offset: i32.add(offset, lane * P * Q * 4),
                    channel: i32.add(channel, lane * 4),
                    lanes,
                  });
                });
              };
              const columns = (): void => {
                if (Q % TILE === 0) {
                  inside(TILE);
                  return;
                }
                if (Q > TILE) f.if(i32.ltU(place.column, tiles.across - 1), () => inside(TILE));
                f.if(i32.geU(place.column, tiles.across - 1), () => inside(Q % TILE));
              };
              if (P % TILE === 0) columns();
              else f.if(i32.ltU(h, P), columns);
              f.advance(row, WINDOW * 16);
              f.advance(h, 1);
              f.advance(offset, Q * 4);
            });
          }
        });
        f.advance(u, POSITIONS * Cp * 32);
      };
      if (outputs % 8 === 0) f.range(first8, last8, 1, (eight) => block(i32.mul(eight, 8), 8));
      else
        f.range(first8, last8, 1, (eight) => {
          f.if(i32.ltU(eight, eights - 1), () => block(i32.mul(eight, 8), 8));
          f.if(i32.geU(eight, eights - 1), () => block(outputs - (outputs % 8), outputs % 8));
        });
    });
  };

/**
 * Tiles transformed and summed in one round: what lies between the passes stays in the caches, and
 * sums of so many bound the rounding error as pairwise sums do.
 */
const ROUND = 256;
/** Tiles that one call transforms. */
const CALL = 32;

/** dw [K,C,R,R] of x [N,C,H,W] and dy [N,K,P,Q]; stride 1. */
export const winogradWeightGrad =
  ({ x, dy, kernel, padding }: { x: Shape; dy: Shape; kernel: number; padding: Pair }) =>
  (k: KernelContext<"x" | "dy">): void => {
    const [N, C] = x;
    const [, K, P, Q] = dy;
    const tiles = tilesOf(tileOf(kernel), N, P, Q);
    const [Cp, Kp] = [up(C, 8), up(K, 4)];
    const images = spread(ROUND * Cp * 4);
    const maps = spread(ROUND * Kp * 4);
    const sums = spread(Kp * Cp * 4);
    const source = framed(x, tiles, padding);
    const atImages = source.bytes;
    const atMaps = atImages + POSITIONS * images;
    const atSums = atMaps + POSITIONS * maps;
    k.shared(atSums + POSITIONS * sums);
    if (source.copied) frame(k, "x", x, source, padding);
    const transform =
      (
        from0: (p: Pass<"x" | "dy">) => Local,
        image: Omit<Source, "at">,
        size: number,
        axis: typeof inputAxis,
        at: number,
        pitch: number,
        position: number,
      ) =>
      (p: Pass<"x" | "dy">): void => {
        const { f } = p;
        const from = f.i32(i32.mul(p.chunk, CALL));
        const count = f.i32(CALL);
        if (tiles.total % CALL > 0)
          f.if(i32.geU(i32.add(from, CALL), tiles.total), () => f.set(count, i32.sub(tiles.total, from)));
        transformTiles(
          f,
          tiles,
          { at: from0(p), ...image },
          size,
          axis,
          from,
          count,
          p.scratch(transformBytes(CALL)),
          i32.add(i32.add(p.shared, at), i32.mul(i32.remU(from, ROUND), pitch)),
          pitch,
          position,
          CALL,
        );
      };
    const calls = Math.ceil(tiles.total / CALL);
    const rounds = Math.ceil(tiles.total / ROUND);
    k.rounds(rounds, [
      {
        chunks: ROUND / CALL,
        total: calls,
        write: transform(
          (p) => (source.copied ? p.shared : p.input.x),
          { channels: C, height: source.height, width: source.width, padding: source.padding },
          WINDOW,
          inputAxis,
          atImages,
          Cp * 4,
          images,
        ),
      },
      {
        chunks: ROUND / CALL,
        total: calls,
        write: transform(
          (p) => p.input.dy,
          { channels: K, height: P, width: Q, padding: [0, 0] },
          tileOf(kernel),
          mapAxis,
          atMaps,
          Kp * 4,
          maps,
        ),
      },
      {
        chunks: POSITIONS,
        total: POSITIONS * rounds,
        write: (p) => sumProducts(p, { total: tiles.total, Cp, Kp, images, maps, sums, atImages, atMaps, atSums }),
      },
    ]);
    k.pass(Math.ceil(K / 4), (p) => {
      const { f } = p;
      const half = p.scratch(WINDOW * kernel * 16);
      const [first, last] = unitsOf(f, p.chunk, K, 4);
      f.range(first, last, 1, (map) => {
        const source = f.i32(i32.add(i32.add(p.shared, atSums), i32.mul(map, Cp * 4)));
        const target = f.i32(i32.add(p.y, i32.mul(map, C * kernel * kernel * 4)));
        const group = (lanes: number): void => {
          const [column, line] = [f.i32(source), f.i32(half)];
          f.for(WINDOW, () => {
            const numbers = Array.from({ length: WINDOW }, (_, i) => f.v128(v.load(column, i * WINDOW * sums)));
            weightGradAxis(f, numbers, kernel).forEach((o, i) => f.do(v.store(line, o, i * WINDOW * 16)));
            f.advance(column, sums);
            f.advance(line, 16);
          });
          const [row, out] = [f.i32(half), f.i32(target)];
          f.for(kernel, () => {
            const numbers = Array.from({ length: WINDOW }, (_, j) => f.v128(v.load(row, j * 16)));
            keep(f, weightGradAxis(f, numbers, kernel)).forEach((o, j) => {
              for (let lane = 0; lane < lanes; lane++)
                f.do(v.storeLane(out, o, lane, lane * kernel * kernel * 4 + j * 4));
            });
            f.advance(row, WINDOW * 16);
            f.advance(out, kernel * 4);
          });
          f.advance(source, 16);
          f.advance(target, 16 * kernel * kernel);
        };
        f.for(C - (C % 4), () => group(4), 4);
        if (C % 4 > 0) group(C % 4);
      });
    });
  };

/** One position's sums over a round's tiles: [map][channel] += Σ_t map[t][k]·image[t][c]. */
function sumProducts(
  p: Pass<"x" | "dy">,
  g: {
    total: number;
    Cp: number;
    Kp: number;
    images: number;
    maps: number;
    sums: number;
    atImages: number;
    atMaps: number;
    atSums: number;
  },
): void {
  const { f } = p;
  const position = f.i32(i32.remU(p.chunk, POSITIONS));
  const begin = f.i32(i32.mul(i32.divU(p.chunk, POSITIONS), ROUND));
  const images = f.i32(i32.add(i32.add(p.shared, g.atImages), i32.mul(position, g.images)));
  const maps = f.i32(i32.add(i32.add(p.shared, g.atMaps), i32.mul(position, g.maps)));
  const sums = f.i32(i32.add(i32.add(p.shared, g.atSums), i32.mul(position, g.sums)));
  const bytes = f.i32(ROUND * g.Cp * 4);
  if (g.total % ROUND > 0)
    f.if(i32.geU(i32.add(begin, ROUND), g.total), () => f.set(bytes, (g.total % ROUND) * g.Cp * 4));
  const end = f.i32();
  f.for(
    g.Kp * 4,
    (k) => {
      f.for(
        g.Cp * 4,
        (c) => {
          const own = [0, 1, 2, 3].map(() => [0, 1].map(() => f.v128(0)));
          const left = f.i32(i32.add(maps, k));
          const right = i32.add(images, c);
          f.set(end, i32.add(right, bytes));
          f.range(right, end, g.Cp * 4, (at) => {
            const [a, b] = [f.v128(v.load(at)), f.v128(v.load(at, 16))];
            own.forEach(([s0, s1], r) => {
              const splat = f.v128(v.loadSplat(left, r * 4));
              f.mulAdd(s0, splat, a);
              f.mulAdd(s1, splat, b);
            });
            f.advance(left, g.Kp * 4);
          });
          const to = f.i32(i32.add(i32.add(sums, i32.mul(k, g.Cp)), c));
          const put = (value: (s: Local, at: number) => Operand): void =>
            own.forEach((row, r) =>
              row.forEach((s, j) => f.do(v.store(to, value(s, r * g.Cp * 4 + j * 16), r * g.Cp * 4 + j * 16))),
            );
          if (g.total > ROUND) f.if(begin, () => put((s, at) => v.add(v.load(to, at), s)));
          f.if(i32.eqz(begin), () => put((s) => s));
        },
        32,
      );
    },
    16,
  );
}

/**
 * Where Winograd's form is quicker than the direct one, as measured: kernels of 3×3 and 5×5 at
 * stride 1 with enough channels on both sides to pay for the transforms.
 */
export function winogradPays(sizes: {
  kernel: Pair;
  attrs: ConvAttributes;
  images: number;
  inputs: number;
  outputs: number;
  map: Shape;
}): boolean {
  const { kernel, attrs, images, inputs, outputs, map } = sizes;
  const [R, S] = kernel;
  const isPlain = attrs.groups === 1 && [...attrs.stride, ...attrs.dilation].every((n) => n === 1);
  const isSmall = R === S && (R === 3 || R === 5);
  const pixels = images * sizeOf(map.slice(-2));
  return isSmall && isPlain && inputs >= 6 && outputs >= 6 && pixels >= 64;
}
