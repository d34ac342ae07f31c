// exp, log, tanh, pow, sin, cos from +, −, ×, ÷ and Math.floor alone: JavaScript engines differ in
// the last bits of Math.exp and its kin, and a result must not depend on the engine. Accurate to
// about 1e-15 relative.

const LN2_HI = 0.6931471803691238;
const LN2_LO = 1.9082149292705877e-10;
const buffer = new DataView(new ArrayBuffer(8));

function scaleByPowerOfTwo(x: number, n: number): number {
  let k = n;
  let y = x;
  while (k > 1000) {
    y *= 2 ** 1000;
    k -= 1000;
  }
  while (k < -1000) {
    y *= 2 ** -1000;
    k += 1000;
  }
  buffer.setFloat64(0, 1);
  buffer.setUint32(0, (k + 1023) << 20);
  return y * buffer.getFloat64(0);
}

/** eˣ */
export function exp(x: number): number {
  if (Number.isNaN(x)) return x;
  if (x > 709.79) return Number.POSITIVE_INFINITY;
  if (x < -745.2) return 0;
  const k = Math.floor(x / 0.6931471805599453 + 0.5);
  const r = x - k * LN2_HI - k * LN2_LO;
  let sum = 1;
  for (let i = 17; i >= 1; i--) sum = 1 + (r / i) * sum;
  return scaleByPowerOfTwo(sum, k);
}

/** Natural logarithm. */
export function log(x: number): number {
  if (!(x > 0)) return x === 0 ? Number.NEGATIVE_INFINITY : Number.NaN;
  if (x === Number.POSITIVE_INFINITY) return x;
  let e = 0;
  let m = x;
  if (m < 2 ** -1022) {
    m *= 2 ** 54;
    e -= 54;
  }
  buffer.setFloat64(0, m);
  const high = buffer.getUint32(0);
  e += (high >>> 20) - 1023;
  buffer.setUint32(0, (high & 0xfffff) | 0x3ff00000);
  m = buffer.getFloat64(0);
  if (m > 1.4142135623730951) {
    m /= 2;
    e += 1;
  }
  const s = (m - 1) / (m + 1);
  const s2 = s * s;
  let sum = 0;
  for (let i = 27; i >= 1; i -= 2) sum = sum * s2 + 1 / i;
  return e * LN2_LO + 2 * s * sum + e * LN2_HI;
}

/** 2/√π · ∫₀ˣ e^−t² dt by its series of positive terms, which loses no digit; 1 beyond 6. */
export function erf(x: number): number {
  const size = Math.abs(x);
  if (!(size < 6)) return Number.isNaN(x) ? x : Math.sign(x);
  // Σ 2ⁿ·x²ⁿ⁺¹ / (1·3·5 … (2n + 1))
  let term = size;
  let sum = size;
  for (let n = 1; term > 1e-17 * sum; n++) {
    term *= (2 * size * size) / (2 * n + 1);
    sum += term;
  }
  return Math.sign(x) * 1.1283791670955126 * exp(-size * size) * sum;
}

/** (eˣ − 1)/(eˣ + 1) at 2x; by the series of eˣ − 1 where the difference would lose digits. */
export function tanh(x: number): number {
  const size = Math.abs(x);
  if (size > 0.25) return Math.sign(x) * (1 - 2 / (exp(2 * size) + 1));
  let sum = 1;
  for (let i = 17; i >= 2; i--) sum = 1 + ((2 * x) / i) * sum;
  const grown = 2 * x * sum;
  return grown / (grown + 2);
}

/** The whole number next to x, of two as near the even one. */
export function roundHalfEven(x: number): number {
  const below = Math.floor(x);
  const rest = x - below;
  if (rest < 0.5) return below;
  return rest > 0.5 || below % 2 !== 0 ? below + 1 : below;
}

/** Products, which are exact where the power is a number of float64. */
function wholePower(a: number, n: number): number {
  let [power, square] = [1, a];
  for (let rest = n; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) power *= square;
    square *= square;
  }
  return power;
}

/**
 * aᵇ, at 0, ±∞ and NaN as C's pow: NaN for a < 0 unless b is whole. Accurate to about 1e-13
 * relative, and to 1e-15 for whole b up to 64.
 */
export function pow(a: number, b: number): number {
  if (b === 0 || a === 1 || (a === -1 && Math.abs(b) === Number.POSITIVE_INFINITY)) return 1;
  const isWhole = Math.floor(b) === b;
  const isOdd = isWhole && Math.floor(b / 2) !== b / 2;
  if (a < 0 && a !== Number.NEGATIVE_INFINITY && !isWhole) return Number.NaN;
  const size = Math.abs(a);
  const few = isWhole && Math.abs(b) <= 64;
  const whole = (): number => (b < 0 ? 1 / wholePower(size, -b) : wholePower(size, b));
  const power = few ? whole() : exp(b * log(size));
  return isOdd && (a < 0 || Object.is(a, -0)) ? -power : power;
}

const HALF_PI = 1.5707963267948966;
const HALF_PI_LO = 6.123233995736766e-17;

function sinCosReduced(r: number): [number, number] {
  const r2 = r * r;
  let s = 0;
  let c = 0;
  for (let i = 20; i >= 2; i -= 2) {
    c = (-r2 / (i * (i - 1))) * (1 + c);
    s = (-r2 / (i * (i + 1))) * (1 + s);
  }
  return [r * (1 + s), 1 + c];
}

/** [sin x, cos x], for |x| up to about 1e6; beyond, they are no more than bounded. */
export function sinCos(x: number): [number, number] {
  const k = Math.floor(x / HALF_PI + 0.5);
  const r = x - k * HALF_PI - k * HALF_PI_LO;
  const [s, c] = sinCosReduced(Math.max(-1, Math.min(1, r)));
  const q = ((k % 4) + 4) % 4;
  if (q === 0) return [s, c];
  if (q === 1) return [c, -s];
  if (q === 2) return [-s, -c];
  return [-c, s];
}

export const PI = 3.141592653589793;
export function sin(x: number): number {
  return sinCos(x)[0];
}
export function cos(x: number): number {
  return sinCos(x)[1];
}
/** Base-10 logarithm. */
export function log10(x: number): number {
  return log(x) / 2.302585092994046;
}
