// Whether a search sees the whole of A* and of f's derivative: its gradient, held against
// reconstructions a step apart.
import { norm } from "../imaging/index.ts";
import type { Objective, Scene } from "./attack/objective.ts";

/**
 * Five times what float32 leaves of fourth-order differences on the methods here, a tenth of what a
 * forgotten data-consistency path or normalisation makes.
 */
export const GRADIENT_TOLERANCE = 3e-3;

const scaled = (v: Float64Array, to: number): Float64Array => {
  const length = norm(v);
  return v.map((x) => (length > 0 ? (x * to) / length : 0));
};
const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += a[i] * b[i];
  return total;
};

/**
 * |⟨∇Q, d⟩ − ⟨x̂ − p, Dd⟩| over the larger of the two: both are the slope of Q = ½‖x̂ − p‖² along d,
 * Dd being a fourth-order difference of x̂ along d, the gradient's direction with some of another. The
 * least over several step lengths: a long one crosses kinks of ReLUs, a short one drowns in rounding,
 * and a wrong gradient is wrong at every length.
 */
export async function checkGradient(
  objective: Objective,
  scene: Scene,
  draw: () => Float64Array,
  reference: number,
): Promise<{ relativeError: number; passed: boolean }> {
  const p = await objective.reconstruct(scene, new Float64Array(draw().length));
  const r = scaled(draw(), 0.05 * reference);
  const { x, gradient } = await objective.climb(scene, r, p);
  const [along, aside] = [scaled(gradient, 1), scaled(r, 0.3)];
  const direction = scaled(
    along.map((g, i) => g + aside[i]),
    1,
  );
  const slope = dot(gradient, direction);
  const away = x.map((v, i) => v - p[i]);
  const at = (by: number): Promise<Float64Array> =>
    objective.reconstruct(
      scene,
      r.map((v, i) => v + by * direction[i]),
    );
  const errors: number[] = [];
  for (const step of [8e-3, 2e-3, 5e-4, 1e-4]) {
    const h = step * reference;
    const [up, down, up2, down2] = [await at(h), await at(-h), await at(2 * h), await at(-2 * h)];
    const near = dot(away, up) - dot(away, down);
    const far = dot(away, up2) - dot(away, down2);
    const expected = [near / (2 * h), (8 * near - far) / (12 * h)];
    for (const e of expected) errors.push(Math.abs(slope - e) / Math.max(Math.abs(slope), Math.abs(e), 1e-30));
  }
  const relativeError = Math.min(...errors);
  return { relativeError, passed: relativeError <= GRADIENT_TOLERANCE };
}
