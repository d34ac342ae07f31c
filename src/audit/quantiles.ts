// Quantiles of the beta distribution and of Student's t. Their libraries bring over a hundred
// packages for the one function that is needed: the incomplete beta function.
import { ConfigError, exp, log } from "../engine/index.ts";

/** Source: Lanczos 1964, with Godfrey's coefficients for g = 7. */
const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313,
  -176.61502916214059, 12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6,
  1.5056327351493116e-7,
];
const HALF_LOG_2_PI = 0.9189385332046727;

/** log Γ(x) for x > 0, to about 1e-14 relative to Γ. */
function logGamma(x: number): number {
  if (x < 0.5) return logGamma(x + 1) - log(x);
  const z = x - 1;
  let sum = LANCZOS[0];
  for (let k = 1; k < LANCZOS.length; k++) sum += LANCZOS[k] / (z + k);
  const t = z + LANCZOS.length - 1.5;
  return HALF_LOG_2_PI + (z + 0.5) * log(t) - t + log(sum);
}

/** Lentz's evaluation of the continued fraction of I_x(a, b); fast for x < (a + 1)/(a + b + 2). */
function betaFraction(x: number, a: number, b: number): number {
  const tiny = 1e-300;
  const guarded = (v: number): number => (Math.abs(v) < tiny ? tiny : v);
  let c = 1;
  let d = 1 / guarded(1 - ((a + b) * x) / (a + 1));
  let value = d;
  for (let m = 1; m < 10_000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / guarded(1 + even * d);
    c = guarded(1 + even / c);
    value *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / guarded(1 + odd * d);
    c = guarded(1 + odd / c);
    value *= d * c;
    if (Math.abs(d * c - 1) < 1e-15) break;
  }
  return value;
}

/**
 * The regularised incomplete beta function I_x(a, b): the probability that a beta variable is below
 * x, for a, b > 0. Absolute error below 1e-12. Source: NIST DLMF 8.17.22.
 */
export function betaCdf(x: number, a: number, b: number): number {
  if (!(a > 0) || !(b > 0))
    throw new ConfigError(`betaCdf: a ${a} and b ${b} must be positive`, { a, b });
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const front = exp(a * log(x) + b * log(1 - x) + logGamma(a + b) - logGamma(a) - logGamma(b));
  if (x < (a + 1) / (a + b + 2)) return (front * betaFraction(x, a, b)) / a;
  return 1 - (front * betaFraction(1 - x, b, a)) / b;
}

/** The x in [low, high] where an increasing function reaches 0, by bisection to the last bit. */
export function crossing(increasing: (x: number) => number, low: number, high: number): number {
  let [below, above] = [low, high];
  for (let k = 0; k < 200; k++) {
    const middle = (below + above) / 2;
    if (middle === below || middle === above) break;
    if (increasing(middle) < 0) below = middle;
    else above = middle;
  }
  return (below + above) / 2;
}

/**
 * The x below which a beta variable lies with probability p. Throws ConfigError unless 0 ≤ p ≤ 1.
 */
export function betaQuantile(p: number, a: number, b: number): number {
  if (!(p >= 0 && p <= 1))
    throw new ConfigError(`betaQuantile: p = ${p} is not a probability`, { p });
  if (p === 0 || p === 1) return p;
  return crossing((x) => betaCdf(x, a, b) - p, 0, 1);
}

/**
 * The t below which Student's t with `freedom` > 0 degrees of freedom lies with probability p.
 * Throws ConfigError unless 0 < p < 1.
 */
export function studentQuantile(p: number, freedom: number): number {
  if (!(p > 0 && p < 1) || !(freedom > 0))
    throw new ConfigError(`studentQuantile: p = ${p} with ${freedom} degrees of freedom`, {
      p,
      freedom,
    });
  if (p === 0.5) return 0;
  if (p > 0.5) return -studentQuantile(1 - p, freedom);
  // P(T < −t) = I_x(ν/2, 1/2) / 2 with x = ν/(ν + t²)
  const x = betaQuantile(2 * p, freedom / 2, 0.5);
  return -Math.sqrt((freedom * (1 - x)) / x);
}
