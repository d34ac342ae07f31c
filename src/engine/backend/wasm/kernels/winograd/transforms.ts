// The transforms of Winograd's minimal filtering on windows of 6×6: F(4×4, 3×3) takes 36 products
// for 16 outputs instead of 144, F(2×2, 5×5) 36 for 4 instead of 100.
// Lavin and Gray, arXiv 1509.09308; the points are 0, ±√½, ±√2, ∞, whose rounding error is half
// that of the usual 0, ±1, ±2, ∞. Vectors run over four channels, so that small images lose
// nothing.
import type { FunctionBuilder } from "../../encoder/function.ts";
import { v, type Code, type Local, type Operand } from "../../encoder/instructions.ts";
import { up } from "../../kernel.ts";

export const WINDOW = 6;
/** Outputs of a tile along an axis. */
export const tileOf = (kernel: number): number => WINDOW + 1 - kernel;
export const POSITIONS = 36;
/**
 * Bytes between two positions' matrices: never a multiple of a page, or they would all fall into
 * one cache set.
 */
export const spread = (bytes: number): number => (bytes % 256 === 0 ? bytes + 64 : up(bytes, 16));
const scaled = (x: Operand, by: number): Operand => (by === 1 ? x : v.mul(x, by));
type Vectors = readonly Local[];

const NEAR = Math.SQRT1_2;
const FAR = Math.SQRT2;
/** even ± odd */
const pair = (even: Local, odd: Local): [Code, Code] => [v.add(even, odd), v.sub(even, odd)];

/** One axis of Bᵀ: 6 numbers of the image → 6. */
export function inputAxis(f: FunctionBuilder, c: Vectors): Operand[] {
  const near = pair(
    f.v128(v.sub(c[4], scaled(c[2], 2))),
    f.v128(scaled(v.sub(c[3], scaled(c[1], 2)), NEAR)),
  );
  const far = pair(
    f.v128(v.sub(c[4], scaled(c[2], 0.5))),
    f.v128(scaled(v.sub(c[3], scaled(c[1], 0.5)), FAR)),
  );
  return [
    v.add(v.sub(c[0], scaled(c[2], 2.5)), c[4]),
    ...near,
    ...far,
    v.add(v.sub(c[1], scaled(c[3], 2.5)), c[5]),
  ];
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
function fromPoints(
  f: FunctionBuilder,
  p: Vectors,
  count: number,
  near: number,
  far: number,
): Operand[] {
  const [nearEven, nearOdd] = [
    f.v128(scaled(v.add(p[1], p[2]), near)),
    f.v128(scaled(v.sub(p[1], p[2]), near * NEAR)),
  ];
  const [farEven, farOdd] = [
    f.v128(scaled(v.add(p[3], p[4]), far)),
    f.v128(scaled(v.sub(p[3], p[4]), far * FAR)),
  ];
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
export const mapAxis = (f: FunctionBuilder, d: Vectors): Operand[] => atPoints(f, d, 1, 1);
export const outputAxis = (f: FunctionBuilder, m: Vectors, tile: number): Operand[] =>
  fromPoints(f, m, tile, 1, 1);
export const weightAxis = (f: FunctionBuilder, g: Vectors): Operand[] =>
  atPoints(f, g, -2 / 3, 1 / 6);
export const weightGradAxis = (f: FunctionBuilder, p: Vectors, kernel: number): Operand[] =>
  fromPoints(f, p, kernel, -2 / 3, 1 / 6);
