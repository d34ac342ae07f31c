// The centred, orthonormal 2-D Fourier transform: DC at (⌊H/2⌋, ⌊W/2⌋), norm kept.
import { ShapeError } from "../core/errors.ts";
import { PI, sinCos } from "../core/math.ts";
import { formatShape, sizeOf, type Shape } from "../core/shape.ts";
import type { OpDef } from "../graph/ir.ts";

/** cos and sin of 2πj/n, j = 0 … n − 1. */
export function rootsOfUnity(n: number): [Float64Array, Float64Array] {
  const c = new Float64Array(n);
  const s = new Float64Array(n);
  for (let j = 0; j < n; j++) [s[j], c[j]] = sinCos((2 * PI * j) / n);
  return [c, s];
}

/** One axis, by the definition: Y[k] = n^−½ Σ_j X[j]·exp(∓2πi (j − ⌊n/2⌋)(k − ⌊n/2⌋)/n). */
function transformAxis(
  re: Float64Array,
  im: Float64Array,
  n: number,
  lines: readonly number[],
  step: number,
  inverse: boolean,
): void {
  const [c, s] = rootsOfUnity(n);
  const half = Math.floor(n / 2);
  const scale = 1 / Math.sqrt(n);
  const outRe = new Float64Array(n);
  const outIm = new Float64Array(n);
  for (const base of lines) {
    for (let k = 0; k < n; k++) {
      let sr = 0;
      let si = 0;
      for (let j = 0; j < n; j++) {
        const t = ((((j - half) * (k - half)) % n) + n) % n;
        const wr = c[t];
        const wi = inverse ? s[t] : -s[t];
        const xr = re[base + j * step];
        const xi = im[base + j * step];
        sr += xr * wr - xi * wi;
        si += xr * wi + xi * wr;
      }
      outRe[k] = sr * scale;
      outIm[k] = si * scale;
    }
    for (let k = 0; k < n; k++) {
      re[base + k * step] = outRe[k];
      im[base + k * step] = outIm[k];
    }
  }
}

function check(x: Shape): void {
  if (x.length < 3 || x[x.length - 3] !== 2)
    throw new ShapeError(
      `fft2: x is ${formatShape(x)}; complex images are […, 2, H, W] with real and imaginary part`,
      { x },
    );
}

/**
 * y = fftshift ∘ fft2(norm = "ortho") ∘ ifftshift of x […, 2, H, W], or its inverse, which is its
 * adjoint; any H and W. Throws ShapeError unless the third axis from the end is 2. Source: fastMRI
 * fftc.py's convention.
 */
export const fft2: OpDef<"fft2"> = {
  infer: ({ x }) => {
    check(x);
    return x;
  },
  gradient: (b, dy, _inputs, { inverse }) => ({
    x: b.emit("fft2", { x: dy }, { inverse: !inverse }),
  }),
  reference: ({ x }, { inverse }, out) => {
    const [H, W] = x.shape.slice(-2);
    out.set(x.data);
    for (let base = 0; base < out.length; base += 2 * H * W) {
      const re = out.subarray(base, base + H * W);
      const im = out.subarray(base + H * W, base + 2 * H * W);
      transformAxis(
        re,
        im,
        W,
        Array.from({ length: H }, (_, i) => i * W),
        1,
        inverse,
      );
      transformAxis(
        re,
        im,
        H,
        Array.from({ length: W }, (_, i) => i),
        W,
        inverse,
      );
    }
  },
  flops: ({ x }) =>
    Math.round(2.5 * sizeOf(x) * Math.log2(Math.max(2, x[x.length - 1] * x[x.length - 2]))),
  samples: [
    { shapes: { x: [1, 2, 8, 8] }, attrs: { inverse: false } },
    { shapes: { x: [2, 2, 6, 10] }, attrs: { inverse: true } },
    { shapes: { x: [2, 7, 5] }, attrs: { inverse: false } },
    { shapes: { x: [1, 2, 9, 12] }, attrs: { inverse: true } },
    { shapes: { x: [1, 2, 1, 11] }, attrs: { inverse: false } },
    { shapes: { x: [1, 2, 16, 32] }, attrs: { inverse: false } },
    { shapes: { x: [2, 2, 4, 16] }, attrs: { inverse: true } },
    { shapes: { x: [1, 2, 5, 23] }, attrs: { inverse: false } },
  ],
};
