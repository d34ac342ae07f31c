// Winograd's minimal filtering on windows of 6×6: F(4×4, 3×3) takes 36 products for 16 outputs
// instead of 144, F(2×2, 5×5) 36 for 4 instead of 100.
// Lavin and Gray, arXiv 1509.09308; the points are 0, ±√½, ±√2, ∞, whose rounding error is half
// that of the usual 0, ±1, ±2, ∞. Vectors run over four channels, so that small images lose
// nothing.
import { sizeOf, type Shape } from "../../../core/shape.ts";
import type { ConvAttributes } from "../../../graph/catalogue.ts";
import { get, i32, int, transpose4, v, type Code, type FunctionBuilder, type Local } from "../encoder.ts";
import { passOver, unitsOf, up, type KernelContext, type Pass } from "../kernel.ts";

const WINDOW = 6;
/** Outputs of a tile along an axis. */
const tileOf = (kernel: number): number => WINDOW + 1 - kernel;
const POSITIONS = 36;
/**
 * Bytes between two positions' matrices: never a multiple of a page, or they would all fall into
 * one cache set.
 */
const spread = (bytes: number): number => (bytes % 256 === 0 ? bytes + 64 : up(bytes, 16));
const scaled = (x: Code, by: number): Code => (by === 1 ? x : v.mul(x, v.constant(by)));
type Vectors = readonly Local[];

const NEAR = Math.SQRT1_2;
const FAR = Math.SQRT2;
/** even ± odd */
const pair = (even: Local, odd: Local): [Code, Code] => [v.add(get(even), get(odd)), v.sub(get(even), get(odd))];

/** One axis of Bᵀ: 6 numbers of the image → 6. */
function inputAxis(f: FunctionBuilder, c: Vectors): Code[] {
  const near = pair(
    f.local("v128", v.sub(get(c[4]), scaled(get(c[2]), 2))),
    f.local("v128", scaled(v.sub(get(c[3]), scaled(get(c[1]), 2)), NEAR)),
  );
  const far = pair(
    f.local("v128", v.sub(get(c[4]), scaled(get(c[2]), 0.5))),
    f.local("v128", scaled(v.sub(get(c[3]), scaled(get(c[1]), 0.5)), FAR)),
  );
  return [
    v.add(v.sub(get(c[0]), scaled(get(c[2]), 2.5)), get(c[4])),
    ...near,
    ...far,
    v.add(v.sub(get(c[1]), scaled(get(c[3]), 2.5)), get(c[5])),
  ];
}
/** A polynomial's values at the points, the near and far ones scaled. */
function atPoints(f: FunctionBuilder, c: Vectors, near: number, far: number): Code[] {
  const part = (square: number, parity: number, scale: number): Local => {
    const sum = c
      .filter((_, i) => i % 2 === parity)
      .map((x, i) => scaled(get(x), square ** i))
      .reduce((p, q) => v.add(p, q));
    return f.local("v128", scaled(sum, scale));
  };
  return [
    get(c[0]),
    ...pair(part(0.5, 0, near), part(0.5, 1, near * NEAR)),
    ...pair(part(2, 0, far), part(2, 1, far * FAR)),
    get(c[c.length - 1]),
  ];
}
/** The adjoint: from values at the points to `count` coefficients. */
function fromPoints(f: FunctionBuilder, p: Vectors, count: number, near: number, far: number): Code[] {
  const [nearEven, nearOdd] = [
    f.local("v128", scaled(v.add(get(p[1]), get(p[2])), near)),
    f.local("v128", scaled(v.sub(get(p[1]), get(p[2])), near * NEAR)),
  ];
  const [farEven, farOdd] = [
    f.local("v128", scaled(v.add(get(p[3]), get(p[4])), far)),
    f.local("v128", scaled(v.sub(get(p[3]), get(p[4])), far * FAR)),
  ];
  return Array.from({ length: count }, (_, i) => {
    const sum = v.add(
      scaled(get(i % 2 === 0 ? nearEven : nearOdd), 0.5 ** (i >> 1)),
      scaled(get(i % 2 === 0 ? farEven : farOdd), 2 ** (i >> 1)),
    );
    return i === 0 ? v.add(get(p[0]), sum) : i === count - 1 ? v.add(sum, get(p[5])) : sum;
  });
}
/**
 * One axis of A: the map's gradient → 6. Of Aᵀ: 6 products → outputs. Of G: weights → 6. Of Gᵀ: 6
 * sums → weights' gradients.
 */
const mapAxis = (f: FunctionBuilder, d: Vectors): Code[] => atPoints(f, d, 1, 1);
const outputAxis = (f: FunctionBuilder, m: Vectors, tile: number): Code[] => fromPoints(f, m, tile, 1, 1);
const weightAxis = (f: FunctionBuilder, g: Vectors): Code[] => atPoints(f, g, -2 / 3, 1 / 6);
const weightGradAxis = (f: FunctionBuilder, p: Vectors, kernel: number): Code[] =>
  fromPoints(f, p, kernel, -2 / 3, 1 / 6);
const keep = (f: FunctionBuilder, codes: readonly Code[]): Local[] => codes.map((c) => f.local("v128", c));

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
  at: Code;
  channels: number;
  height: number;
  width: number;
  padding: readonly [number, number];
}

/** Image and tile row and column of tile number `t`. */
function placeOf(f: FunctionBuilder, t: Code, { down, across }: Tiles): { image: Local; row: Local; column: Local } {
  const tile = f.local("i32", t);
  const image = f.local("i32", i32.divU(get(tile), int(down * across)));
  const inside = f.local("i32", i32.remU(get(tile), int(down * across)));
  return {
    image,
    row: f.local("i32", i32.divU(get(inside), int(across))),
    column: f.local("i32", i32.remU(get(inside), int(across))),
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
  room: Code,
  to: Code,
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
  const image = f.local("i32", source.at);
  const target = f.local("i32", to);
  const places = f.local("i32", room);
  const stage = f.local("i32", i32.add(get(places), int(most * PLACE_BYTES)));
  const half = f.local("i32", i32.add(get(stage), int(stageBytes(WINDOW))));
  // where each tile begins, and whether its window lies inside the image
  f.range(int(0), get(count), 1, (t) => {
    const at = f.local("i32", i32.add(get(places), i32.mul(get(t), int(PLACE_BYTES))));
    const place = placeOf(f, i32.add(get(from), get(t)), tiles);
    const top = f.local("i32", i32.sub(i32.mul(get(place.row), int(tiles.size)), int(padding[0])));
    const left = f.local("i32", i32.sub(i32.mul(get(place.column), int(tiles.size)), int(padding[1])));
    f.do(
      i32.store(
        get(at),
        i32.mul(
          i32.add(
            i32.mul(get(place.image), int(channels * height * width)),
            i32.add(i32.mul(get(top), int(width)), get(left)),
          ),
          int(4),
        ),
      ),
    );
    f.do(
      i32.store(
        get(at),
        height >= size && width >= size
          ? i32.and(i32.ltU(get(top), int(height - size + 1)), i32.ltU(get(left), int(width - size + 1)))
          : int(0),
        4,
      ),
    );
    f.do(i32.store(get(at), get(top), 8));
    f.do(i32.store(get(at), get(left), 12));
  });
  const plane = height * width * 4;
  const group = (c: Code, lanes: number): void => {
    const channel = f.local("i32", c);
    f.range(int(0), get(count), 1, (t) => {
      const at = f.local("i32", i32.add(get(places), i32.mul(get(t), int(PLACE_BYTES))));
      const base = f.local("i32", i32.add(i32.add(get(image), i32.load(get(at))), i32.mul(get(channel), int(plane))));
      const row = f.local("i32", int(width * 4));
      // channels past the last repeat it: nobody reads them
      const bases = [0, 1, 2, 3].map((lane) =>
        f.local("i32", i32.add(get(base), int(Math.min(lane, lanes - 1) * plane))),
      );
      if (!always)
        f.if(i32.eqz(i32.load(get(at), 4)), () => {
          f.zero(get(stage), stageBytes(size));
          const [top, left] = [f.local("i32", i32.load(get(at), 8)), f.local("i32", i32.load(get(at), 12))];
          bases.forEach((b, lane) => {
            if (lane >= lanes) return;
            f.for(size, (r) =>
              f.if(i32.ltU(i32.add(get(top), get(r)), int(height)), () =>
                f.for(size, (s) =>
                  f.if(i32.ltU(i32.add(get(left), get(s)), int(width)), () => {
                    f.do(
                      i32.store(
                        i32.add(get(stage), i32.add(i32.mul(get(r), int(32)), i32.mul(get(s), int(4)))),
                        i32.load(i32.add(get(b), i32.mul(i32.add(i32.mul(get(r), int(width)), get(s)), int(4)))),
                        lane * size * 32,
                      ),
                    );
                  }),
                ),
              ),
            );
            f.set(b, i32.add(get(stage), int(lane * size * 32)));
          });
          f.set(row, int(32));
        });
      const line = f.local("i32", get(half));
      f.for(size, () => {
        const first = transpose4(
          f,
          bases.map((b) => f.local("v128", v.load(get(b)))),
        );
        const rest =
          size < WINDOW
            ? []
            : (() => {
                const pairs = bases.map((b) => f.local("v128", v.loadPair(get(b), 16)));
                const [p, q] = keep(f, [
                  v.shuffle(get(pairs[0]), get(pairs[1]), [0, 4, 1, 5]),
                  v.shuffle(get(pairs[2]), get(pairs[3]), [0, 4, 1, 5]),
                ]);
                return keep(f, [v.shuffle(get(p), get(q), [0, 1, 4, 5]), v.shuffle(get(p), get(q), [2, 3, 6, 7])]);
              })();
        axis(f, [...first, ...rest].slice(0, size)).forEach((x, j) => f.do(v.store(get(line), x, j * 16)));
        f.advance(line, WINDOW * 16);
        for (const b of bases) f.set(b, i32.add(get(b), get(row)));
      });
      const column = f.local("i32", get(half));
      const out = f.local(
        "i32",
        i32.add(i32.add(get(target), i32.mul(get(t), int(pitch))), i32.mul(get(channel), int(4))),
      );
      f.for(WINDOW, () => {
        const numbers = Array.from({ length: size }, (_, i) => f.local("v128", v.load(get(column), i * WINDOW * 16)));
        axis(f, numbers).forEach((x, i) => f.do(v.store(get(out), x, i * WINDOW * position)));
        f.advance(column, 16);
        f.advance(out, position);
      });
    });
  };
  const whole = channels - (channels % 4);
  f.for(whole, (c) => group(get(c), 4), 4);
  if (whole < channels) group(int(whole), channels - whole);
}

/**
 * Where the image's windows are read from: the image itself, or where many windows cross its
 * border, a copy with zeros around it.
 */
interface Framed {
  copied: boolean;
  height: number;
  width: number;
  padding: readonly [number, number];
  bytes: number;
}
function framed([N, C, H, W]: Shape, tiles: Tiles, padding: readonly [number, number]): Framed {
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
  padding: readonly [number, number],
): void {
  const planes = N * C;
  const [top, left] = padding;
  // the windows may end before the image does
  const [rows, columns] = [Math.min(H, height - top), Math.min(W, width - left)];
  passOver(k, planes, height * width, ({ f, input, shared }, first, last) => {
    f.range(get(first), get(last), 1, (plane) => {
      const to = f.local("i32", i32.add(get(shared), i32.mul(get(plane), int(height * width * 4))));
      f.zero(get(to), height * width * 4);
      const source = f.local("i32", i32.add(get(input[name]), i32.mul(get(plane), int(H * W * 4))));
      f.advance(to, (top * width + left) * 4);
      f.for(rows, () => {
        const whole = columns - (columns % 4);
        f.for(whole * 4, (i) => f.do(v.store(i32.add(get(to), get(i)), v.load(i32.add(get(source), get(i))))), 16);
        const rest = f.local("v128", v.load(get(source), whole * 4));
        for (let lane = 0; lane < columns % 4; lane++) f.do(v.storeLane(get(to), get(rest), lane, (whole + lane) * 4));
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
      const block = f.local("i32", i32.add(get(p.y), i32.mul(get(p.chunk), int(POSITIONS * Cp * 32))));
      if (Cp > inputs)
        f.for(POSITIONS, (i) =>
          f.zero(i32.add(get(block), i32.add(i32.mul(get(i), int(Cp * 32)), int(inputs * 32))), (Cp - inputs) * 32),
        );
      const half = p.scratch(WINDOW * R * 16);
      [0, 4].forEach((lane0) => {
        const first = f.local("i32", i32.add(i32.mul(get(p.chunk), int(8)), int(lane0)));
        const emit = (lanes: number): void => {
          const source = f.local("i32", i32.add(get(p.input.w), i32.mul(get(first), int(outputStride))));
          const target = f.local("i32", i32.add(get(block), int(lane0 * 4)));
          f.for(inputs, () => {
            const row = f.local("i32", get(half));
            // columns of g·Gᵀ lie behind each other
            for (let r = 0; r < R; r++) {
              const g = Array.from({ length: R }, (_, s) => {
                const tap = (flipped ? R * R - 1 - (r * R + s) : r * R + s) * 4;
                let x: Code = v.constant(0);
                for (let lane = 0; lane < lanes; lane++)
                  x = v.loadLane(get(source), x, lane, tap + lane * outputStride);
                return f.local("v128", x);
              });
              weightAxis(f, g).forEach((x, j) => f.do(v.store(get(row), x, (j * R + r) * 16)));
            }
            const out = f.local("i32", get(target));
            f.for(WINDOW, () => {
              const g = Array.from({ length: R }, (_, r) => f.local("v128", v.load(get(row), r * 16)));
              weightAxis(f, g).forEach((x, i) => f.do(v.store(get(out), x, i * WINDOW * Cp * 32)));
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
          if (full > 0) f.if(i32.ltU(get(p.chunk), int(full)), () => emit(4));
          f.if(i32.geU(get(p.chunk), int(Math.max(0, full))), () =>
            left > 0
              ? emit(left)
              : f.for(POSITIONS * Cp, (i) =>
                  f.do(v.store(i32.add(get(block), i32.mul(get(i), int(32))), v.constant(0), lane0 * 4)),
                ),
          );
        }
      });
    });
  };

/** Bytes of transformed tiles that a block may take: about half of a second-level cache. */
const BLOCK_BYTES = 640 * 1024;

/** y[N,K,P,Q] of x [N,C,H,W] and transformed weights; stride 1. */
export const winogradConvolution =
  (x: Shape, outputs: number, kernel: number, padding: readonly [number, number]) =>
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
      const m = f.local("i32", i32.add(get(room), int(POSITIONS * position)));
      const half = f.local("i32", i32.add(get(m), int(POSITIONS * products)));
      const from = f.local("i32", i32.mul(i32.remU(get(p.chunk), int(blocks)), int(most)));
      const [first8, last8] = unitsOf(f, f.local("i32", i32.divU(get(p.chunk), int(blocks))), eights, share);
      const count = f.local("i32", int(most));
      if (tiles.total % most > 0)
        f.if(i32.geU(i32.add(get(from), int(most)), int(tiles.total)), () =>
          f.set(count, i32.sub(int(tiles.total), get(from))),
        );
      transformTiles(
        f,
        tiles,
        {
          at: get(source.copied ? p.shared : p.input.x),
          channels: C,
          height: source.height,
          width: source.width,
          padding: source.padding,
        },
        WINDOW,
        inputAxis,
        from,
        count,
        i32.add(get(half), int(24 * 16)),
        get(room),
        Cp * 4,
        position,
        most,
      );
      const u = f.local("i32", i32.add(get(p.input.u), i32.mul(get(first8), int(POSITIONS * Cp * 32))));
      const block = (first: Code, channels: number): void => {
        const k0 = f.local("i32", first);
        f.for(POSITIONS, (i) => {
          const weights = f.local("i32", i32.add(get(u), i32.mul(get(i), int(Cp * 32))));
          f.range(int(0), get(count), 4, (t) => {
            const left = f.local(
              "i32",
              i32.add(i32.add(get(room), i32.mul(get(i), int(position))), i32.mul(get(t), int(Cp * 4))),
            );
            const right = f.local("i32", get(weights));
            const sums = [0, 1, 2, 3].map(() => [0, 1].map(() => f.local("v128", v.constant(0))));
            f.for(C, () => {
              const [a, b] = [f.local("v128", v.load(get(right))), f.local("v128", v.load(get(right), 16))];
              sums.forEach(([s0, s1], r) => {
                const splat = f.local("v128", v.loadSplat(get(left), r * Cp * 4));
                f.mulAdd(s0, get(splat), get(a));
                f.mulAdd(s1, get(splat), get(b));
              });
              f.advance(left, 4);
              f.advance(right, 32);
            });
            const to = f.local(
              "i32",
              i32.add(i32.add(get(m), i32.mul(get(i), int(products))), i32.mul(get(t), int(32))),
            );
            sums.forEach((row, r) => row.forEach((s, j) => f.do(v.store(get(to), get(s), r * 32 + j * 16))));
          });
        });
        f.range(int(0), get(count), 1, (t) => {
          const place = placeOf(f, i32.add(get(from), get(t)), tiles);
          for (let lane0 = 0; lane0 < channels; lane0 += 4) {
            const column = f.local("i32", i32.add(get(m), i32.add(i32.mul(get(t), int(32)), int(lane0 * 4))));
            const line = f.local("i32", get(half));
            f.for(WINDOW, () => {
              const numbers = Array.from({ length: WINDOW }, (_, i) =>
                f.local("v128", v.load(get(column), i * WINDOW * products)),
              );
              outputAxis(f, numbers, TILE).forEach((o, i) => f.do(v.store(get(line), o, i * WINDOW * 16)));
              f.advance(column, products);
              f.advance(line, 16);
            });
            const row = f.local("i32", get(half));
            const channel = f.local("i32", i32.mul(i32.add(get(k0), int(lane0)), int(4)));
            const h = f.local("i32", i32.mul(get(place.row), int(TILE)));
            const w = f.local("i32", i32.mul(get(place.column), int(TILE)));
            const offset = f.local(
              "i32",
              i32.mul(
                i32.add(
                  i32.mul(
                    i32.add(i32.mul(i32.add(i32.mul(get(place.image), int(outputs)), get(k0)), int(P)), get(h)),
                    int(Q),
                  ),
                  get(w),
                ),
                int(4),
              ),
            );
            if (lane0 > 0) f.advance(offset, lane0 * P * Q * 4);
            f.for(TILE, () => {
              const inside = (lanes: number): void => {
                const numbers = Array.from({ length: WINDOW }, (_, j) => f.local("v128", v.load(get(row), j * 16)));
                const outs = keep(f, outputAxis(f, numbers, TILE));
                const planes = transpose4(
                  f,
                  [0, 1, 2, 3].map((j) => outs[j] ?? outs[0]),
                );
                planes.slice(0, Math.min(4, channels - lane0)).forEach((plane, lane) => {
                  p.store(get(plane), {
                    offset: i32.add(get(offset), int(lane * P * Q * 4)),
                    channel: i32.add(get(channel), int(lane * 4)),
                    lanes,
                  });
                });
              };
              const columns = (): void => {
                if (Q % TILE === 0) {
                  inside(TILE);
                  return;
                }
                if (Q > TILE) f.if(i32.ltU(get(place.column), int(tiles.across - 1)), () => inside(TILE));
                f.if(i32.geU(get(place.column), int(tiles.across - 1)), () => inside(Q % TILE));
              };
              if (P % TILE === 0) columns();
              else f.if(i32.ltU(get(h), int(P)), columns);
              f.advance(row, WINDOW * 16);
              f.advance(h, 1);
              f.advance(offset, Q * 4);
            });
          }
        });
        f.advance(u, POSITIONS * Cp * 32);
      };
      if (outputs % 8 === 0) f.range(get(first8), get(last8), 1, (eight) => block(i32.mul(get(eight), int(8)), 8));
      else
        f.range(get(first8), get(last8), 1, (eight) => {
          f.if(i32.ltU(get(eight), int(eights - 1)), () => block(i32.mul(get(eight), int(8)), 8));
          f.if(i32.geU(get(eight), int(eights - 1)), () => block(int(outputs - (outputs % 8)), outputs % 8));
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
  (x: Shape, dy: Shape, kernel: number, padding: readonly [number, number]) =>
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
        const from = f.local("i32", i32.mul(get(p.chunk), int(CALL)));
        const count = f.local("i32", int(CALL));
        if (tiles.total % CALL > 0)
          f.if(i32.geU(i32.add(get(from), int(CALL)), int(tiles.total)), () =>
            f.set(count, i32.sub(int(tiles.total), get(from))),
          );
        transformTiles(
          f,
          tiles,
          { at: get(from0(p)), ...image },
          size,
          axis,
          from,
          count,
          get(p.scratch(transformBytes(CALL))),
          i32.add(i32.add(get(p.shared), int(at)), i32.mul(i32.remU(get(from), int(ROUND)), int(pitch))),
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
      f.range(get(first), get(last), 1, (map) => {
        const source = f.local("i32", i32.add(i32.add(get(p.shared), int(atSums)), i32.mul(get(map), int(Cp * 4))));
        const target = f.local("i32", i32.add(get(p.y), i32.mul(get(map), int(C * kernel * kernel * 4))));
        const group = (lanes: number): void => {
          const [column, line] = [f.local("i32", get(source)), f.local("i32", get(half))];
          f.for(WINDOW, () => {
            const numbers = Array.from({ length: WINDOW }, (_, i) =>
              f.local("v128", v.load(get(column), i * WINDOW * sums)),
            );
            weightGradAxis(f, numbers, kernel).forEach((o, i) => f.do(v.store(get(line), o, i * WINDOW * 16)));
            f.advance(column, sums);
            f.advance(line, 16);
          });
          const [row, out] = [f.local("i32", get(half)), f.local("i32", get(target))];
          f.for(kernel, () => {
            const numbers = Array.from({ length: WINDOW }, (_, j) => f.local("v128", v.load(get(row), j * 16)));
            keep(f, weightGradAxis(f, numbers, kernel)).forEach((o, j) => {
              for (let lane = 0; lane < lanes; lane++)
                f.do(v.storeLane(get(out), get(o), lane, lane * kernel * kernel * 4 + j * 4));
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
  const position = f.local("i32", i32.remU(get(p.chunk), int(POSITIONS)));
  const begin = f.local("i32", i32.mul(i32.divU(get(p.chunk), int(POSITIONS)), int(ROUND)));
  const images = f.local(
    "i32",
    i32.add(i32.add(get(p.shared), int(g.atImages)), i32.mul(get(position), int(g.images))),
  );
  const maps = f.local("i32", i32.add(i32.add(get(p.shared), int(g.atMaps)), i32.mul(get(position), int(g.maps))));
  const sums = f.local("i32", i32.add(i32.add(get(p.shared), int(g.atSums)), i32.mul(get(position), int(g.sums))));
  const bytes = f.local("i32", int(ROUND * g.Cp * 4));
  if (g.total % ROUND > 0)
    f.if(i32.geU(i32.add(get(begin), int(ROUND)), int(g.total)), () => f.set(bytes, int((g.total % ROUND) * g.Cp * 4)));
  const end = f.local("i32");
  f.for(
    g.Kp * 4,
    (k) => {
      f.for(
        g.Cp * 4,
        (c) => {
          const own = [0, 1, 2, 3].map(() => [0, 1].map(() => f.local("v128", v.constant(0))));
          const left = f.local("i32", i32.add(get(maps), get(k)));
          const right = i32.add(get(images), get(c));
          f.set(end, i32.add(right, get(bytes)));
          f.range(right, get(end), g.Cp * 4, (at) => {
            const [a, b] = [f.local("v128", v.load(get(at))), f.local("v128", v.load(get(at), 16))];
            own.forEach(([s0, s1], r) => {
              const splat = f.local("v128", v.loadSplat(get(left), r * 4));
              f.mulAdd(s0, get(splat), get(a));
              f.mulAdd(s1, get(splat), get(b));
            });
            f.advance(left, g.Kp * 4);
          });
          const to = f.local("i32", i32.add(i32.add(get(sums), i32.mul(get(k), int(g.Cp))), get(c)));
          const put = (value: (s: Local, at: number) => Code): void =>
            own.forEach((row, r) =>
              row.forEach((s, j) => f.do(v.store(get(to), value(s, r * g.Cp * 4 + j * 16), r * g.Cp * 4 + j * 16))),
            );
          if (g.total > ROUND) f.if(get(begin), () => put((s, at) => v.add(v.load(get(to), at), get(s))));
          f.if(i32.eqz(get(begin)), () => put((s) => get(s)));
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
export function winogradPays(
  [, , R, S]: Shape,
  { stride, dilation, groups }: ConvAttributes,
  images: number,
  inputs: number,
  outputs: number,
  map: Shape,
): boolean {
  return (
    (R === 3 || R === 5) &&
    S === R &&
    groups === 1 &&
    [...stride, ...dilation].every((n) => n === 1) &&
    inputs >= 6 &&
    outputs >= 6 &&
    sizeOf(map.slice(-2)) * images >= 64
  );
}
