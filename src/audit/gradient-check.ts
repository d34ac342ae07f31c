// Whether a search sees the whole of A* and of f's derivative: its gradient, held against
// reconstructions a step apart.
import { norm } from "../imaging/index.ts";
import type { Objective, Scene } from "./attack/objective.ts";

/**
 * Some times what float32 leaves of central differences on the methods here, a tenth of what a
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

/** Points at which the slopes are compared, and step lengths as shares of the reference. */
const POINTS = 3;
const STEPS = [2e-3, 5e-4, 1e-4];

/** The relative differences of the two slopes at one point, by step length. */
async function slopeErrors(
  objective: Objective,
  scene: Scene,
  p: Float64Array,
  r: Float64Array,
  reference: number,
): Promise<number[]> {
  const { x, gradient } = await objective.climb(scene, r, p);
  const [along, aside] = [scaled(gradient, 1), scaled(r, 0.3)];
  const mixed = along.map((g, i) => g + aside[i]);
  const direction = scaled(mixed, 1);
  const slope = dot(gradient, direction);
  const away = x.map((v, i) => v - p[i]);
  const at = async (by: number): Promise<number> => {
    const moved = r.map((v, i) => v + by * direction[i]);
    return dot(away, await objective.reconstruct(scene, moved));
  };
  const errors: number[] = [];
  for (const step of STEPS) {
    const h = step * reference;
    const expected = ((await at(h)) - (await at(-h))) / (2 * h);
    errors.push(Math.abs(slope - expected) / Math.max(Math.abs(slope), Math.abs(expected), 1e-30));
  }
  return errors;
}

/**
 * |⟨∇Q, d⟩ − ⟨x̂ − p, Dd⟩| over the larger of the two: both are the slope of Q = ½‖x̂ − p‖² along
 * d,
 * Dd being the central difference of x̂ along d, the gradient's direction with some of another. The
 * least over several points and step lengths: a long step crosses kinks of ReLUs, a short one
 * drowns
 * in float32's rounding, and a wrong gradient is wrong everywhere.
 */
export async function checkGradient(
  objective: Objective,
  scene: Scene,
  draw: () => Float64Array,
  reference: number,
): Promise<{ relativeError: number; passed: boolean }> {
  const first = draw();
  const p = await objective.reconstruct(scene, new Float64Array(first.length));
  const errors: number[] = [];
  for (let k = 0; k < POINTS; k++) {
    const r = scaled(k === 0 ? first : draw(), 0.05 * reference);
    errors.push(...(await slopeErrors(objective, scene, p, r, reference)));
  }
  const relativeError = Math.min(...errors);
  return { relativeError, passed: relativeError <= GRADIENT_TOLERANCE };
}
