// The Shepp–Logan head phantom.
import { PI, sinCos } from "../../engine/index.ts";

/** semi-axes, centre, angle in degrees */
const ellipses = [
  [0.69, 0.92, 0, 0, 0],
  [0.6624, 0.874, 0, -0.0184, 0],
  [0.11, 0.31, 0.22, 0, -18],
  [0.16, 0.41, -0.22, 0, 18],
  [0.21, 0.25, 0, 0.35, 0],
  [0.046, 0.046, 0, 0.1, 0],
  [0.046, 0.046, 0, -0.1, 0],
  [0.046, 0.023, -0.08, -0.605, 0],
  [0.023, 0.023, 0, -0.606, 0],
  [0.023, 0.046, 0.06, -0.605, 0],
] as const;
const contrasts = {
  original: [1, -0.98, -0.02, -0.02, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01],
  modified: [1, -0.8, -0.2, -0.2, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1],
} as const;

/**
 * The phantom, size × size, values in [0, 1]; "modified" is Toft's contrast that shows on a screen.
 * Pixel centres run from −1 to 1 with both ends, as in MATLAB's phantom. Source: Shepp & Logan
 * 1974; Toft 1996.
 */
export function sheppLogan(options: {
  size: number;
  contrast?: "original" | "modified";
}): Float32Array {
  const { size, contrast = "modified" } = options;
  const image = new Float32Array(size * size);
  ellipses.forEach(([a, b, x0, y0, degrees], k) => {
    const [s, c] = sinCos((degrees * PI) / 180);
    for (let i = 0; i < size; i++)
      for (let j = 0; j < size; j++) {
        const x = (2 * j - (size - 1)) / (size - 1) - x0;
        const y = -(2 * i - (size - 1)) / (size - 1) - y0;
        const u = (x * c + y * s) / a;
        const v = (y * c - x * s) / b;
        if (u * u + v * v <= 1) image[i * size + j] += contrasts[contrast][k];
      }
  });
  return image.map((v) => Math.max(0, Math.round(v * 1e6) / 1e6));
}
