// How strongly a reconstruction can answer near one measurement: the largest singular value of its
// derivative there.
import { ConvergenceError } from "../../engine/index.ts";
import { norm } from "../../imaging/index.ts";
import type { Climb } from "./ascent.ts";

/**
 * σ_max of J, the derivative of r ↦ f(y(r)) at 0, by power iteration on J*J: near 0 the gradient of
 * ½‖f(y(r)) − p‖² is J*Jr, for r of norm `radius`, small enough that f is nearly linear on the way.
 * A lower bound of every Lipschitz constant of f on a ball of that radius, up to how linear f is
 * there. Throws ConvergenceError when it is not finite.
 */
export async function localLipschitz(
  climb: Climb,
  start: Float64Array,
  options: { radius: number; steps: number },
  onStep?: () => Promise<void>,
): Promise<number> {
  const { radius, steps } = options;
  let sigma = 0;
  let v = start;
  for (let k = 0; k < steps; k++) {
    const length = norm(v);
    if (length === 0) return 0;
    const { gradient } = await climb(v.map((x) => (x * radius) / length));
    await onStep?.();
    sigma = Math.sqrt(norm(gradient) / radius);
    if (!Number.isFinite(sigma))
      throw new ConvergenceError(
        `the reconstruction's derivative is not finite at step ${k + 1} of the power iteration`,
        { step: k + 1 },
      );
    v = gradient;
  }
  return sigma;
}
