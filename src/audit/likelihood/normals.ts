// Faults draw from a stream of random numbers; a rare-event search moves through standard normals.
// This reads the one from the other.
import { ConfigError, exp, PI, type Random } from "../../engine/index.ts";

/** Half the width, in standard deviations, of the interval that holds 95 %. */
export const NORMAL_95 = 1.959963984540054;
/**
 * Φ(x), to a relative 1e-11, in the lower tail too: a series, and beyond 3 Mills' ratio as a
 * continued fraction.
 */
export function normalCdf(x: number): number {
  const density = exp((-x * x) / 2) / Math.sqrt(2 * PI);
  if (Math.abs(x) > 3) {
    let ratio = 0;
    for (let k = 200; k >= 1; k--) ratio = k / (Math.abs(x) + ratio);
    const tail = density / (Math.abs(x) + ratio);
    return x < 0 ? tail : 1 - tail;
  }
  let term = x;
  let sum = x;
  for (let k = 1; k < 200 && Math.abs(term) > 1e-17; k++) {
    term *= (x * x) / (2 * k + 1);
    sum += term;
  }
  return 0.5 + density * sum;
}

/**
 * A stream that reads the normals one after the other; uniform numbers are Φ of them. Throws
 * ConfigError when they run out.
 */
export function fromNormals(normals: ArrayLike<number>): Random {
  let at = 0;
  const next = (): number => {
    if (at >= normals.length)
      throw new ConfigError(`fromNormals: more than ${normals.length} numbers were drawn`, {});
    return normals[at++];
  };
  const uniform = (): number => Math.min(1 - 2 ** -32, normalCdf(next()));
  return {
    normal: next,
    uniform,
    integer: (n) => Math.floor(uniform() * n),
    fork: () => {
      throw new ConfigError("fromNormals: these numbers are one stream", {});
    },
  };
}
