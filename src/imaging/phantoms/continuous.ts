// Objects that are written down as formulas: what a scanner measures of them is known without any
// pixel, so that no method is tested with the model that it inverts.
import { ConfigError, PI, sinCos } from "../../engine/index.ts";
import type { Frequencies, Operator } from "../operators/operator.ts";
import type { Lines } from "../operators/lines.ts";
import { besselJ1 } from "./bessel.ts";

/** One ellipse of one value. */
export interface Ellipse {
  /** Its centre, in pixels: whole numbers are the pixels' own centres. */
  readonly row: number;
  readonly column: number;
  /** Semi-axes, in pixels. */
  readonly a: number;
  readonly b: number;
  /** From the direction of the columns to that of a, anticlockwise: sin and cos. */
  readonly turned: readonly [sin: number, cos: number];
  readonly value: number;
}
type Size = readonly [height: number, width: number];

/** Its integral along every line: 2ab√(w² − s²)/w². Source: Kak & Slaney 1988, eq. 60. */
function integrals(
  { row, column, a, b, turned, value }: Ellipse,
  [H, W]: Size,
  lines: Lines,
  to: Float64Array,
): void {
  const [x, y] = [column - (W - 1) / 2, (H - 1) / 2 - row];
  const [s, c] = turned;
  for (let k = 0; k < to.length; k++) {
    const [cos, sin, t] = lines.subarray(3 * k, 3 * k + 3);
    const [along, across] = [cos * c + sin * s, sin * c - cos * s];
    const w2 = (a * along) ** 2 + (b * across) ** 2;
    const distance = t - (x * cos + y * sin);
    const rest = w2 - distance ** 2;
    if (rest > 0) to[k] += (value * 2 * a * b * Math.sqrt(rest)) / w2;
  }
}

/**
 * Its Fourier transform, as the centred orthonormal one of pixels: πab·2J₁(2πρ)/2πρ, ρ the
 * frequency along its axes. Source: DIDSR/mr-recon-eval-core.
 */
function spectrum(
  e: Ellipse,
  [H, W]: Size,
  frequencies: Frequencies,
  re: Float64Array,
  im: Float64Array,
): void {
  const [s, c] = e.turned;
  const scale = (e.value * PI * e.a * e.b) / Math.sqrt(H * W);
  const [down, right] = [e.row - Math.floor(H / 2), e.column - Math.floor(W / 2)];
  for (let k = 0; k < re.length; k++) {
    const [fy, fx] = [frequencies[2 * k] / H, frequencies[2 * k + 1] / W];
    const z = 2 * PI * Math.sqrt((e.a * (fx * c - fy * s)) ** 2 + (e.b * (fx * s + fy * c)) ** 2);
    const size = scale * (z < 1e-9 ? 1 : (2 * besselJ1(z)) / z);
    const [sin, cos] = sinCos(-2 * PI * (fy * down + fx * right));
    re[k] += size * cos;
    im[k] += size * sin;
  }
}

/**
 * What an operator measures of the ellipses themselves, of the range's size, without noise, zero
 * where it measures nothing. Throws ConfigError for an operator whose cells are neither line
 * integrals nor frequencies.
 */
export function measureEllipses(ellipses: readonly Ellipse[], operator: Operator): Float64Array {
  const [, H, W] = operator.domain;
  const cells = operator.measured.length / 2;
  const y = new Float64Array(2 * cells);
  const [re, im] = [y.subarray(0, cells), y.subarray(cells)];
  const [lines, frequencies] = [operator.lines?.(), operator.frequencies?.()];
  if (!lines && !frequencies)
    throw new ConfigError(
      `phantoms in measurement space: ${operator.name} measures neither line integrals nor frequencies; measure their pixels instead`,
      { operator: operator.name },
    );
  for (const ellipse of ellipses) {
    if (lines) integrals(ellipse, [H, W], lines, re);
    else spectrum(ellipse, [H, W], frequencies!, re, im);
  }
  return y.map((v, k) => (operator.measured[k] ? v : 0));
}

/** Share of a pixel about (X, Y) from the ellipse's centre that lies inside, of fine² points. */
function covered({ a, b, turned: [s, c] }: Ellipse, X: number, Y: number, fine: number): number {
  const radius = (x: number, y: number): number =>
    Math.sqrt(((x * c + y * s) / a) ** 2 + ((y * c - x * s) / b) ** 2);
  const middle = radius(X, Y);
  // as much as it can change from a pixel's centre to its corner
  const reach = Math.SQRT1_2 / Math.min(a, b);
  if (middle + reach <= 1) return 1;
  if (middle - reach >= 1) return 0;
  let inside = 0;
  for (let i = 0; i < fine; i++)
    for (let j = 0; j < fine; j++)
      if (radius(X + (j + 0.5) / fine - 0.5, Y + (i + 0.5) / fine - 0.5) < 1) inside++;
  return inside / fine ** 2;
}

/** Their pixels [H,W]: every value is the mean over its square, from `fine`² points. */
export function rasterOf(ellipses: readonly Ellipse[], [H, W]: Size, fine = 8): Float64Array {
  const image = new Float64Array(H * W);
  for (const ellipse of ellipses) {
    const reach = Math.max(ellipse.a, ellipse.b) + 1;
    for (let i = 0; i < H; i++) {
      if (Math.abs(i - ellipse.row) > reach) continue;
      for (let j = 0; j < W; j++)
        image[i * W + j] +=
          ellipse.value * covered(ellipse, j - ellipse.column, ellipse.row - i, fine);
    }
  }
  return image;
}
