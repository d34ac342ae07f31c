// What the checks on a graphics card share: drawn numbers, and how far two results are apart.
import { random } from "fiducial/engine";

export function draw(n, seed, { positive = false } = {}) {
  const rng = random(seed);
  return Float32Array.from(
    { length: n },
    () => rng.uniform() * (positive ? 1 : 2) + (positive ? 0.5 : -1),
  );
}

/** Largest error over the largest value; infinite where a number is missing or not finite. */
export function errorOf(got, want) {
  let top = 1e-30;
  for (const v of want) top = Math.max(top, Math.abs(v));
  if (got.length !== want.length) return Number.POSITIVE_INFINITY;
  let worst = 0;
  for (let i = 0; i < want.length; i++) {
    const error = Math.abs(got[i] - want[i]) / top;
    worst = error <= worst ? worst : Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
  }
  return worst;
}

/** The worst over all outputs of two executions. */
export const worstOf = (got, want) =>
  Math.max(0, ...Object.keys(want).map((name) => (got[name] ? errorOf(got[name], want[name]) : 1)));

export const sameBits = (a, b) =>
  Object.keys(a).every((name) => Buffer.from(a[name].buffer).equals(Buffer.from(b[name].buffer)));
