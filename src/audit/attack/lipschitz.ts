// How strongly a reconstruction can answer near one measurement: the largest singular value of its
// derivative there.
import { ConvergenceError } from "../../engine/index.ts";
import { norm } from "../../imaging/index.ts";
import type { Climb } from "./ascent.ts";

/** Steps over which the value must stand still. */
const STILL = 4;
/** Share of the steps that Lanczos' iteration may take; power iteration has the rest. */
const LANCZOS = 0.75;

export interface LocalLipschitz {
  /** The largest singular value found. */
  readonly sigma: number;
  /** Its singular vector, of norm 1: where small perturbations are answered most. */
  readonly vector: Float64Array;
  /**
   * ‖J*Jv − ⟨v, J*Jv⟩v‖ / σ² at v: J of a linear method has a singular value whose square is within
   * this share of σ²; what f bends on the way is in it, too.
   */
  readonly residual: number;
  /** Gradients that were computed. */
  readonly steps: number;
  /** Whether σ stood still before the steps were used up. */
  readonly settled: boolean;
}

function inner(p: Float64Array, q: Float64Array): number {
  let sum = 0;
  for (let k = 0; k < p.length; k++) sum += p[k] * q[k];
  return sum;
}
const scaled = (v: Float64Array, by: number): Float64Array => v.map((x) => x * by);

/**
 * σ_max of J, the derivative of r ↦ f(y(r)) at 0, by Lanczos' iteration on J*J with every vector
 * made orthogonal to all before it, and then by power iteration: near 0 the gradient of
 * ½‖f(y(r)) − p‖² is J*Jr, for r of norm `radius`, small enough that f is nearly linear on the way.
 * Each ends when σ changed by less than `tolerance` over four steps, both after at most `steps`. σ
 * is a lower bound of every Lipschitz constant of f on a ball of that radius, up to how linear f is
 * there. Throws ConvergenceError when it is not finite. Source: Golub & Van Loan, ch. 10.
 */
export async function localLipschitz(
  climb: Climb,
  start: Float64Array,
  options: { radius: number; steps: number; tolerance?: number },
  onStep?: () => Promise<void>,
): Promise<LocalLipschitz> {
  const { radius, steps, tolerance = 1e-3 } = options;
  if (norm(start) === 0) return { sigma: 0, vector: start, residual: 0, steps: 0, settled: true };
  let used = 0;
  const apply = async (v: Float64Array): Promise<Float64Array> => {
    const { gradient } = await climb(scaled(v, radius));
    used++;
    await onStep?.();
    if (!Number.isFinite(norm(gradient)))
      throw new ConvergenceError(
        `the reconstruction's derivative is not finite at step ${used} of the power iteration`,
        { step: used },
      );
    return scaled(gradient, 1 / radius);
  };
  const basis: Float64Array[] = [];
  /** ⟨qᵢ, J*Jqⱼ⟩ */
  const matrix: number[][] = [];
  const history: number[] = [];
  let top = [1];
  let next = start;
  while (used < Math.min(LANCZOS * steps, steps - 1)) {
    basis.push(scaled(next, 1 / norm(next)));
    const image = await apply(basis[basis.length - 1]);
    matrix.push(basis.map((q) => inner(q, image)));
    const found = topEigenpair(matrix);
    top = found.vector;
    history.push(Math.sqrt(Math.max(0, found.value)));
    const rest = orthogonal(image, basis);
    // what is left is rounding: the space is used up
    if (standsStill(history, tolerance) || norm(rest) <= 1e-6 * norm(image)) break;
    next = rest;
  }
  // power iteration from there: f is not linear on the way, and Lanczos' combination supposes it
  let best = { sigma: -1, vector: start, residual: 0 };
  let vector = basis.length > 0 ? combined(basis, top) : scaled(start, 1 / norm(start));
  const powers: number[] = [];
  while (used < steps && !standsStill(powers, tolerance)) {
    const image = await apply(vector);
    const [length, along] = [norm(image), inner(vector, image)];
    const sigma = Math.sqrt(length);
    const residual = norm(image.map((v, k) => v - along * vector[k])) / (length || 1);
    if (sigma > best.sigma) best = { sigma, vector, residual };
    powers.push(sigma);
    if (length === 0) break;
    vector = scaled(image, 1 / length);
  }
  return { ...best, steps: used, settled: best.sigma === 0 || standsStill(powers, tolerance) };
}

function standsStill(history: readonly number[], tolerance: number): boolean {
  const [now, then] = [history[history.length - 1], history[history.length - 1 - STILL]];
  return then !== undefined && Math.abs(now - then) <= tolerance * now;
}
/** v without its parts along the basis; twice, because once leaves rounding. */
function orthogonal(v: Float64Array, basis: readonly Float64Array[]): Float64Array {
  const rest = v.slice();
  for (let pass = 0; pass < 2; pass++)
    for (const q of basis) {
      const along = inner(rest, q);
      for (let k = 0; k < rest.length; k++) rest[k] -= along * q[k];
    }
  return rest;
}
function combined(basis: readonly Float64Array[], weights: readonly number[]): Float64Array {
  const sum = new Float64Array(basis[0].length);
  basis.forEach((q, i) => {
    for (let k = 0; k < sum.length; k++) sum[k] += weights[i] * q[k];
  });
  return scaled(sum, 1 / norm(sum));
}

/**
 * The largest eigenvalue and its vector of a symmetric matrix, whose lower half is given row by
 * row, by Jacobi's rotations.
 */
function topEigenpair(lower: readonly (readonly number[])[]): { value: number; vector: number[] } {
  const n = lower.length;
  const a = lower.map((row, i) => lower.map((_, j) => (j <= i ? row[j] : lower[j][i])));
  const vectors = a.map((_, i) => a.map((_, j) => (i === j ? 1 : 0)));
  for (let sweep = 0; sweep < 30; sweep++) {
    let off = 0;
    for (let p = 0; p < n; p++)
      for (let q = p + 1; q < n; q++) {
        off = Math.max(off, Math.abs(a[p][q]));
        rotate(a, vectors, p, q);
      }
    if (off <= 1e-14 * Math.abs(a[0][0])) break;
  }
  const at = a.reduce((best, _, i) => (a[i][i] > a[best][best] ? i : best), 0);
  return { value: a[at][at], vector: vectors.map((row) => row[at]) };
}
/** Makes a[p][q] zero. */
function rotate(a: number[][], vectors: number[][], p: number, q: number): void {
  if (a[p][q] === 0) return;
  const theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
  const t = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
  const c = 1 / Math.sqrt(t * t + 1);
  const s = t * c;
  const columns = (rows: number[][]): void => {
    for (const row of rows) [row[p], row[q]] = [c * row[p] - s * row[q], s * row[p] + c * row[q]];
  };
  columns(a);
  for (let k = 0; k < a.length; k++)
    [a[p][k], a[q][k]] = [c * a[p][k] - s * a[q][k], s * a[p][k] + c * a[q][k]];
  columns(vectors);
}
