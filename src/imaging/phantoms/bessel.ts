// The Bessel function J₁, from the engine's own sine and cosine.
import { PI, sinCos } from "../../engine/index.ts";

/** Below it the series loses less than the asymptotic expansion: both are good to about 2e-12. */
const BETWEEN = 14;

/** J₁(x) for x ≥ 0, to about 2e-12. Source: Abramowitz & Stegun 9.1.10 and 9.2.5. */
export function besselJ1(x: number): number {
  return x < BETWEEN ? series(x) : asymptotic(x);
}

function series(x: number): number {
  const quarter = (x / 2) ** 2;
  let term = x / 2;
  let sum = term;
  for (let k = 1; Math.abs(term) > 1e-17 || k < quarter; k++) {
    term *= -quarter / (k * (k + 1));
    sum += term;
  }
  return sum;
}

/** √(2/πx)·(P cos χ − Q sin χ), χ = x − 3π/4, until the terms grow. */
function asymptotic(x: number): number {
  let [p, q, term] = [1, 0, 1];
  for (let k = 1; k < 60; k++) {
    const next = (term * (4 - (2 * k - 1) ** 2)) / (8 * x * k);
    if (Math.abs(next) > Math.abs(term) || Math.abs(next) < 1e-17) break;
    term = next;
    const sign = k % 4 < 2 ? 1 : -1;
    if (k % 2 === 1) q += sign * term;
    else p += sign * term;
  }
  const [sin, cos] = sinCos(x - (3 * PI) / 4);
  return Math.sqrt(2 / (PI * x)) * (p * cos - q * sin);
}
