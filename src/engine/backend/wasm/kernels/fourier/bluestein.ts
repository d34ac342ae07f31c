// Lengths with a large prime, as a convolution: Bluestein's.
import { rootsOfUnity } from "../../../../ops/fft2.ts";
import type { FunctionBuilder } from "../../encoder/function.ts";
import { i32, v, type Local } from "../../encoder/instructions.ts";
import { radices, runStages, stagesOf, type Table } from "./stages.ts";

/** Above this prime the definition takes longer than Bluestein's convolution. */
const LARGEST_PRIME = 61;
export const needsBluestein = (n: number): boolean => radices(n).some((r) => r > LARGEST_PRIME);
/** The length that n is transformed through. */
export const lengthFor = (n: number): number =>
  needsBluestein(n) ? 2 ** Math.ceil(Math.log2(2 * n - 1)) : n;

export interface Bluestein {
  readonly n: number;
  readonly m: number;
  readonly chirp: Float32Array;
  readonly kernel: Float32Array;
}
/**
 * X_k = c_k Σ_j (x_j c_j) c̄_{k−j} with c_j = e^{∓πij²/n}: a convolution, done by transforms of
 * length m. Source: Bluestein 1970.
 */
export function chirps(n: number, inverse: boolean): Bluestein {
  const m = lengthFor(n);
  const sign = inverse ? 1 : -1;
  const [cos2n, sin2n] = rootsOfUnity(2 * n);
  const chirp = new Float32Array(2 * n);
  const [re, im] = [new Float64Array(m), new Float64Array(m)];
  for (let j = 0; j < n; j++) {
    const at = (j * j) % (2 * n);
    chirp.set([cos2n[at], sign * sin2n[at]], 2 * j);
    for (const place of [j, (m - j) % m]) [re[place], im[place]] = [cos2n[at], -sign * sin2n[at]];
  }
  // the kernel's own transform, in float64, with the inverse transform's 1/m
  const [cosM, sinM] = rootsOfUnity(m);
  const kernel = new Float32Array(2 * m);
  for (let k = 0; k < m; k++) {
    let [x, y] = [0, 0];
    for (let j = 0; j < m; j++) {
      const t = (j * k) % m;
      x += re[j] * cosM[t] + im[j] * sinM[t];
      y += im[j] * cosM[t] - re[j] * sinM[t];
    }
    kernel.set([x / m, y / m], 2 * k);
  }
  return { n, m, chirp, kernel };
}
/** buffer[j] *= factors[j] */
function multiply(f: FunctionBuilder, buffer: Local, factors: number, count: number): void {
  const cell = f.i32(buffer);
  const factor = f.i32(factors);
  f.for(count, () => {
    const [re, im] = [f.v128(v.load(cell)), f.v128(v.load(cell, 16))];
    const [c, d] = [f.v128(v.loadSplat(factor)), f.v128(v.loadSplat(factor, 4))];
    f.do(v.store(cell, v.sub(v.mul(re, c), v.mul(im, d))));
    f.do(v.store(cell, v.add(v.mul(re, d), v.mul(im, c)), 16));
    f.advance(cell, 32);
    f.advance(factor, 8);
  });
}
/** The transform by convolution; gives the buffer that holds the result. */
export function convolved(
  f: FunctionBuilder,
  { n, m, chirp, kernel }: Bluestein,
  buffers: readonly [Local, Local],
  table: Table,
): Local {
  const c = table(chirp);
  multiply(f, buffers[0], c, n);
  f.zero(i32.add(buffers[0], n * 32), (m - n) * 32);
  const spectrum = runStages(f, stagesOf(m, false), buffers, table);
  multiply(f, spectrum, table(kernel), m);
  const other = spectrum === buffers[0] ? buffers[1] : buffers[0];
  const result = runStages(f, stagesOf(m, true), [spectrum, other], table);
  multiply(f, result, c, n);
  return result;
}
