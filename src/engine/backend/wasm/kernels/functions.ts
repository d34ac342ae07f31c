// exp, log, erf and their kin of four numbers at once, from +, −, ×, ÷ and bits alone: the same on
// every machine. aᵇ: power.ts.
import type { FunctionBuilder } from "../encoder/function.ts";
import { v, type Code, type Local, type Operand } from "../encoder/instructions.ts";

/** The largest whose power is a number of float32, and one whose power is ∞. */
const [LARGEST, ENDLESS] = [88.72, 89];

/**
 * eˣ of four numbers: x = k·ln 2 + r, a polynomial for eʳ, and 2ᵏ from its bits. Below −87.33 and
 * above `top` it stays as it is there: at most 1.2e-38, and 3.4e38 or ∞.
 */
export function exp4(x: Operand, fn: FunctionBuilder, top: number = LARGEST): Code {
  const clamped = fn.v128(v.max(v.min(x, top), -87.33));
  const k = fn.v128(v.nearest(v.mul(clamped, 1.4426950408889634)));
  const r = fn.v128(v.sub(v.sub(clamped, v.mul(k, 0.693359375)), v.mul(k, -2.1219444e-4)));
  let p: Operand = 1 / 5040;
  for (const c of [1 / 720, 1 / 120, 1 / 24, 1 / 6, 0.5, 1, 1]) p = v.add(v.mul(p, r), c);
  // 2ᵏ in two halves: k = 128 alone has no bits of its own
  const half = fn.v128(v.shiftRight(v.toInt(k), 1));
  const power = (n: Operand): Code => v.shiftLeft(v.intAdd(n, v.splatInt(127)), 23);
  return v.mul(v.mul(p, power(half)), power(v.intSub(v.toInt(k), half)));
}

/** eˣ of four numbers that is ∞ where float32 ends, as C's expf. */
export const endlessExp4 = (x: Operand, fn: FunctionBuilder): Code => exp4(x, fn, ENDLESS);

/**
 * ln x of four numbers: x = 2ᵉ·m with m near 1, ln m = 2·artanh((m − 1)/(m + 1)). Subnormal numbers
 * count as their exponent says.
 */
export function log4(x: Operand, fn: FunctionBuilder): Code {
  const value = fn.v128(x);
  const shifted = fn.v128(v.intSub(value, v.splatInt(0x3f3504f3)));
  const e = fn.v128(v.shiftRight(shifted, 23));
  const m = fn.v128(v.intSub(value, v.shiftLeft(e, 23)));
  const s = fn.v128(v.div(v.sub(m, 1), v.add(m, 1)));
  const s2 = fn.v128(v.mul(s, s));
  let p: Operand = 1 / 11;
  for (const c of [1 / 9, 1 / 7, 1 / 5, 1 / 3, 1]) p = v.add(v.mul(p, s2), c);
  const ef = fn.v128(v.fromInt(e));
  const result = v.add(
    v.mul(ef, 0.693359375),
    v.add(v.mul(v.mul(s, 2), p), v.mul(ef, -2.1219444e-4)),
  );
  const outside = v.select(Number.NEGATIVE_INFINITY, Number.NaN, v.eq(value, 0));
  const top = v.select(value, result, v.eq(value, Number.POSITIVE_INFINITY));
  return v.select(top, outside, v.gt(value, 0));
}

/**
 * erf x of four numbers, an odd rational function on [−4, 4]; beyond it is ±1 in float32. Source:
 * Eigen's generic_fast_erf_float.
 */
export function erf4(x: Operand, fn: FunctionBuilder): Code {
  const c = fn.v128(v.max(v.min(x, 4), -4));
  const c2 = fn.v128(v.mul(c, c));
  const polynomial = (first: number, rest: readonly number[]): Operand =>
    rest.reduce<Operand>((p, k) => v.add(v.mul(p, c2), k), first);
  const above = polynomial(
    -2.72614225801306e-10,
    [
      2.77068142495902e-8, -2.10102402082508e-6, -5.69250639462346e-5, -7.34990630326855e-4,
      -2.954599808540251e-3, -1.60960333262415e-2,
    ],
  );
  const below = polynomial(
    -1.45660718464996e-5,
    [-2.13374055278905e-4, -1.68282697438203e-3, -7.37332916720468e-3, -1.42647390514189e-2],
  );
  return v.div(v.mul(c, above), below);
}

/**
 * tanh x of four numbers: ±(1 − 2/(e^2|x| + 1)), and below 0.625, where that loses digits, an odd
 * polynomial. Source of the polynomial: Cephes' tanhf.
 */
export function tanh4(x: Operand, fn: FunctionBuilder): Code {
  const value = fn.v128(x);
  const size = fn.v128(v.abs(value));
  const square = fn.v128(v.mul(value, value));
  let p: Operand = -5.70498872745e-3;
  for (const c of [2.06390887954e-2, -5.37397155531e-2, 0.133314422036, -0.333332819422])
    p = v.add(v.mul(p, square), c);
  const small = v.add(value, v.mul(v.mul(value, square), p));
  const large = v.sub(1, v.div(2, v.add(1, exp4(v.add(size, size), fn))));
  const sign = v.and(value, -0);
  return v.select(small, v.or(large, sign), v.lt(size, 0.625));
}

/** π/2 in 33 bits, so that up to 2²⁰ of them are exact in float64, and the rest. */
const HALF_PI_HIGH = 1.5707963267341256;
const HALF_PI_LOW = 6.077100506506192e-11;

/**
 * x = k·π/2 + r: r in float32, k in integers. The difference is taken in float64: r keeps its
 * digits where it is next to 0, for |x| up to 1e6; beyond, it is no more than bounded.
 */
function quarters(x: Operand, fn: FunctionBuilder): { k: Local; r: Local } {
  const value = fn.v128(x);
  const whole = fn.v128(v.nearest(v.mul(value, 0.6366197723675814)));
  const rest = (part: typeof v.lowDoubles): Code => {
    const turns = fn.v128(part(whole));
    const large = v.doubleSub(part(value), v.doubleMul(turns, HALF_PI_HIGH));
    return v.fromDoubles(v.doubleSub(large, v.doubleMul(turns, HALF_PI_LOW)));
  };
  const r = v.shuffle(rest(v.lowDoubles), rest(v.highDoubles), [0, 1, 4, 5]);
  return { k: fn.v128(v.toInt(whole)), r: fn.v128(v.max(v.min(r, 1), -1)) };
}

/** sin(x + shift·π/2). Source of the polynomials: Cephes' sinf and cosf. */
function sine(x: Operand, shift: 0 | 1, fn: FunctionBuilder): Code {
  const { k, r } = quarters(x, fn);
  const quarter = fn.v128(v.intAdd(k, v.splatInt(shift)));
  const r2 = fn.v128(v.mul(r, r));
  const polynomial = (first: number, ...rest: readonly number[]): Operand =>
    rest.reduce<Operand>((p, c) => v.add(v.mul(p, r2), c), first);
  const odd = polynomial(-1.9515295891e-4, 8.3321608736e-3, -0.16666654611);
  const even = polynomial(2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2);
  const own = v.add(r, v.mul(r, v.mul(r2, odd)));
  const other = v.add(v.sub(1, v.mul(r2, 0.5)), v.mul(v.mul(r2, r2), even));
  // the lowest bit of the quarter says which of both, the next one its sign
  const isOther = v.shiftRight(v.shiftLeft(quarter, 31), 31);
  const sign = v.shiftLeft(v.shiftRightUnsigned(quarter, 1), 31);
  return v.xor(v.select(other, own, isOther), sign);
}
/** sin x of four numbers: within 2 units in the last place for |x| up to 1e6; NaN of ±∞. */
export const sin4 = (x: Operand, fn: FunctionBuilder): Code => sine(x, 0, fn);
/** cos x of four numbers, as exact as sin4. */
export const cos4 = (x: Operand, fn: FunctionBuilder): Code => sine(x, 1, fn);
