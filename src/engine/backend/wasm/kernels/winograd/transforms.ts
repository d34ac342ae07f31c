// The transforms of Winograd's minimal filtering: F(4×4, 3×3) takes windows of 6×6, and 36 products
// for 16 outputs instead of 144; F(4×4, 5×5) windows of 8×8, and 64 products instead of 400.
// Lavin and Gray, arXiv 1509.09308; the points are 0, ±√½, ±√2, ∞, whose rounding error is half
// that of the usual 0, ±1, ±2, ∞, and for windows of 8 0, ±½, ±1, ±2, ∞. Vectors run over four
// channels, so that small images lose nothing.
import type { FunctionBuilder } from "../../encoder/function.ts";
import { v, type Code, type Local, type Operand } from "../../encoder/instructions.ts";
import { up } from "../../kernel.ts";

/** Outputs of a tile along an axis. */
export const TILE = 4;
/** Numbers along an axis that a tile of a kernel × kernel convolution is made of. */
export const windowOf = (kernel: number): number => TILE + kernel - 1;
/** Squares p² of the points ±p between 0 and ∞; their product is 1. */
const squaresOf = (window: number): readonly number[] => (window === 6 ? [0.5, 2] : [0.25, 1, 4]);

/**
 * Bytes between two positions' matrices: never a multiple of a page, or they would all fall into
 * one cache set.
 */
export const spread = (bytes: number): number => (bytes % 256 === 0 ? bytes + 64 : up(bytes, 16));
const scaled = (x: Operand, by: number): Operand => (by === 1 ? x : v.mul(x, by));
type Vectors = readonly Local[];

/** even ± odd */
const pair = (even: Local, odd: Local): [Code, Code] => [v.add(even, odd), v.sub(even, odd)];
/** Coefficients of Π (z − s) over the squares, from z⁰ up. */
const withRoots = (squares: readonly number[]): number[] =>
  squares.reduce((p, s) => p.concat(0).map((q, k) => (p[k - 1] ?? 0) - s * q), [1]);
/** Σ q_k·x_k, where q₀ is 1. */
const combined = ([, ...q]: readonly number[], [first, ...x]: Vectors): Operand =>
  q.reduce<Operand>(
    (sum, by, k) => (by < 0 ? v.sub(sum, scaled(x[k], -by)) : v.add(sum, scaled(x[k], by))),
    first,
  );

/** One axis of Bᵀ: a window of the image → as many values. */
export function inputAxis(f: FunctionBuilder, c: Vectors): Operand[] {
  const squares = squaresOf(c.length);
  const evens = c.filter((_, i) => i % 2 === 0);
  const odds = c.filter((_, i) => i % 2 === 1);
  const atPair = (square: number): [Code, Code] => {
    const others = withRoots(squares.filter((s) => s !== square)).reverse();
    const even = combined(others, evens.slice(1).reverse());
    const odd = combined(others, odds.slice(0, -1).reverse());
    return pair(f.v128(even), f.v128(scaled(odd, Math.sqrt(square))));
  };
  const all = withRoots(squares);
  // Π s is 1, so the polynomial begins with 1 or −1
  const from1 = all.map((q) => q * all[0]);
  const isNegative = all[0] < 0;
  const atZero = combined(from1, evens);
  const atInfinity = combined(from1, isNegative ? [...odds].reverse() : odds);
  return [atZero, ...squares.flatMap(atPair), atInfinity];
}
/** What values at ±p are divided by: p·2p·Π(p² − s) over the other squares. */
const weightScales = (squares: readonly number[]): number[] =>
  squares.map((p) => 1 / squares.reduce((d, s) => (s === p ? d : d * (p - s)), 2 * p));
/**
 * A turned kernel's values are those of the kernel at the points' inverses, in another order and
 * times a power of 2: for every number of an axis, which one it is and the factor.
 */
export function turnedAxis(kernel: number): readonly { place: number; factor: number }[] {
  const window = windowOf(kernel);
  const squares = squaresOf(window);
  const scales = weightScales(squares);
  const pairs = squares.flatMap((square, i) => {
    const inverse = squares.length - 1 - i;
    const factor = (scales[i] * square ** ((kernel - 1) / 2)) / scales[inverse];
    // the quotient of rounded numbers: the power of 2 that it stands for
    const exact = Math.sign(factor) * 2 ** Math.round(Math.log2(Math.abs(factor)));
    return [1, 2].map((sign) => ({ place: 2 * inverse + sign, factor: exact }));
  });
  return [{ place: window - 1, factor: 1 }, ...pairs, { place: 0, factor: 1 }];
}
/** A polynomial's values at the points, those at each pair scaled. */
function atPoints(f: FunctionBuilder, c: Vectors, window: number, scales?: number[]): Operand[] {
  const part = (square: number, parity: number, scale: number): Local => {
    const sum = c
      .filter((_, i) => i % 2 === parity)
      .map((x, i) => scaled(x, square ** i))
      .reduce((p, q) => v.add(p, q));
    return f.v128(scaled(sum, scale));
  };
  const pairs = squaresOf(window).flatMap((square, i) => {
    const scale = scales?.[i] ?? 1;
    return pair(part(square, 0, scale), part(square, 1, scale * Math.sqrt(square)));
  });
  return [c[0], ...pairs, c[c.length - 1]];
}
/** The adjoint: from values at the points to `count` coefficients. */
function fromPoints(f: FunctionBuilder, p: Vectors, count: number, scales?: number[]): Operand[] {
  const parts = squaresOf(p.length).map((square, i) => {
    const scale = scales?.[i] ?? 1;
    const [plus, minus] = [p[2 * i + 1], p[2 * i + 2]];
    return {
      square,
      even: f.v128(scaled(v.add(plus, minus), scale)),
      odd: f.v128(scaled(v.sub(plus, minus), scale * Math.sqrt(square))),
    };
  });
  return Array.from({ length: count }, (_, i) => {
    const sum = parts
      .map(({ square, even, odd }) => scaled(i % 2 === 0 ? even : odd, square ** (i >> 1)))
      .reduce((x, y) => v.add(x, y));
    return i === 0 ? v.add(p[0], sum) : i === count - 1 ? v.add(sum, p[p.length - 1]) : sum;
  });
}
/**
 * One axis of A: the map's gradient → a window's values. Of Aᵀ: their products → outputs. Of G:
 * weights → values. Of Gᵀ: their sums → weights' gradients.
 */
export const mapAxis =
  (window: number) =>
  (f: FunctionBuilder, d: Vectors): Operand[] =>
    atPoints(f, d, window);
export const outputAxis = (f: FunctionBuilder, m: Vectors): Operand[] => fromPoints(f, m, TILE);
export const weightAxis = (f: FunctionBuilder, g: Vectors): Operand[] => {
  const window = windowOf(g.length);
  return atPoints(f, g, window, weightScales(squaresOf(window)));
};
export const weightGradAxis = (f: FunctionBuilder, p: Vectors, kernel: number): Operand[] =>
  fromPoints(f, p, kernel, weightScales(squaresOf(p.length)));
