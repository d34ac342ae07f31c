// aᵇ of four numbers: 2^(b·log₂|a|), its exponent in float64, for float32 would lose a digit for
// every digit of it; then the sign and the cases that C's pow names.
import type { FunctionBuilder } from "../encoder/function.ts";
import { v, type Code, type Local, type Operand } from "../encoder/instructions.ts";

/** 2/(n·ln 2) for n = 15, 13 … 1: log₂ m = Σ sⁿ·2/(n·ln 2), s = (m − 1)/(m + 1). */
const LOGARITHM = [15, 13, 11, 9, 7, 5, 3, 1].map((n) => 2 / (n * Math.LN2));
/** (ln 2)ⁿ/n! for n = 10, 9 … 0: 2ˣ = Σ xⁿ·(ln 2)ⁿ/n! */
const POWER_OF_TWO = Array.from({ length: 11 }, (_, i) => factor(10 - i));
function factor(n: number): number {
  return n === 0 ? 1 : (factor(n - 1) * Math.LN2) / n;
}
/** 2ⁿ is ∞ in float32 from here on, and 0. */
const [HIGHEST, LOWEST] = [129, -151];

function polynomial([first, ...rest]: readonly number[], x: Local): Code {
  return rest.reduce<Operand>((p, c) => v.doubleAdd(v.doubleMul(p, x), c), first) as Code;
}

/**
 * |a| = 2ᵉ·m with m in [√½, √2); 0 has the exponent −∞, ∞ and NaN have themselves, and m is 1
 * there.
 */
function parted(size: Local, f: FunctionBuilder): { e: Local; m: Local } {
  // subnormal numbers have no exponent of their own
  const isSmall = f.v128(v.lt(size, 2 ** -126));
  const scaled = f.v128(v.select(v.mul(size, 2 ** 24), size, isSmall));
  const bits = f.v128(v.shiftRight(v.intSub(scaled, v.splatInt(0x3f3504f3)), 23));
  const m = f.v128(v.intSub(scaled, v.shiftLeft(bits, 23)));
  const e = v.sub(v.fromInt(bits), v.and(isSmall, 24));
  const finite = v.select(e, size, v.lt(size, Number.POSITIVE_INFINITY));
  return { e: f.v128(v.select(Number.NEGATIVE_INFINITY, finite, v.eq(size, 0))), m };
}

/** 2^(b·(e + log₂ m)) of two numbers as doubles: 2ᵏ·p. */
function two(e: Code, m: Code, b: Code, f: FunctionBuilder): { k: Local; p: Code } {
  const mantissa = f.v128(m);
  const s = f.v128(v.doubleDiv(v.doubleSub(mantissa, 1), v.doubleAdd(mantissa, 1)));
  const s2 = f.v128(v.doubleMul(s, s));
  const logarithm = v.doubleAdd(e, v.doubleMul(s, polynomial(LOGARITHM, s2)));
  const t = f.v128(v.doubleMax(v.doubleMin(v.doubleMul(b, logarithm), HIGHEST), LOWEST));
  const k = f.v128(v.doubleNearest(t));
  const rest = f.v128(v.doubleSub(t, k));
  return { k, p: polynomial(POWER_OF_TWO, rest) };
}

function magnitude(size: Local, b: Local, f: FunctionBuilder): Code {
  const { e, m } = parted(size, f);
  const low = two(v.lowDoubles(e), v.lowDoubles(m), v.lowDoubles(b), f);
  const high = two(v.highDoubles(e), v.highDoubles(m), v.highDoubles(b), f);
  const joined = (x: Operand, y: Operand): Code =>
    v.shuffle(v.fromDoubles(x), v.fromDoubles(y), [0, 1, 4, 5]);
  const p = joined(low.p, high.p);
  const k = f.v128(v.toInt(joined(low.k, high.k)));
  // in two halves, of which each is a normal number
  const half = f.v128(v.shiftRight(k, 1));
  const power = (n: Operand): Code => v.shiftLeft(v.intAdd(n, v.splatInt(127)), 23);
  return v.mul(v.mul(p, power(half)), power(v.intSub(k, half)));
}

/** aᵇ of four numbers, within 1 unit in the last place; at 0, ±∞ and NaN as C's pow. */
export function pow4(a: Operand, b: Operand, f: FunctionBuilder): Code {
  const base = f.v128(a);
  const exponent = f.v128(b);
  const size = f.v128(v.abs(base));
  const isWhole = f.v128(v.eq(v.floor(exponent), exponent));
  const half = f.v128(v.mul(exponent, 0.5));
  const isOdd = v.andNot(isWhole, v.eq(v.floor(half), half));
  const sign = v.and(v.and(base, isOdd), -0);
  const real = v.xor(magnitude(size, exponent, f), sign);
  const isBounded = v.lt(size, Number.POSITIVE_INFINITY);
  const isUndefined = v.andNot(v.and(v.lt(base, 0), isBounded), isWhole);
  const value = v.select(Number.NaN, real, isUndefined);
  const endless = v.eq(v.abs(exponent), Number.POSITIVE_INFINITY);
  const isOne = v.or(v.or(v.eq(exponent, 0), v.eq(base, 1)), v.and(v.eq(base, -1), endless));
  return v.select(1, value, isOne);
}
