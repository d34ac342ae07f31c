// Smooth random fields: outlines that wave, coils that shade, textures.
import { PI, sinCos, type Random } from "../../engine/index.ts";

/**
 * A smooth random field on the grid: a sum of cosines with wavelengths from `shortest` to `longest`
 * (in units of half the image), of about unit variance.
 */
export function field(
  rng: Random,
  H: number,
  W: number,
  count: number,
  shortest: number,
  longest: number,
): Float64Array {
  const out = new Float64Array(H * W);
  const amplitude = Math.sqrt(2 / count);
  for (let k = 0; k < count; k++) {
    const wavelength = shortest + (longest - shortest) * rng.uniform();
    const [s, c] = sinCos(2 * PI * rng.uniform());
    const [kx, ky] = [((2 * PI * c) / wavelength) * (2 / W), ((2 * PI * s) / wavelength) * (2 / H)];
    const phase = 2 * PI * rng.uniform();
    const [stepSin, stepCos] = sinCos(kx);
    for (let i = 0; i < H; i++) {
      // the phasor is turned along a row instead of asking for a cosine per pixel
      let [im, re] = sinCos(phase + ky * i);
      for (let j = 0; j < W; j++) {
        out[i * W + j] += amplitude * re;
        [re, im] = [re * stepCos - im * stepSin, re * stepSin + im * stepCos];
      }
    }
  }
  return out;
}
