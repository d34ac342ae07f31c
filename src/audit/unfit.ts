// Methods that are none: what makes one unfit to be audited.
import { ConfigError, ShapeError } from "../engine/index.ts";
import { norm, type Reconstructor } from "../imaging/index.ts";
import type { Laboratory } from "./laboratory.ts";

/**
 * What makes a method unfit to be audited: it gives no image of the operator's, or another one each
 * time. Throws ShapeError or ConfigError. Says whether it is a constant: its image does not depend
 * on the measurement.
 */
export async function inspectMethod(lab: Laboratory, method: Reconstructor): Promise<{ constant: boolean }> {
  const objective = await lab.objective(method, "image");
  const { scene, xNorm } = await lab.view(0);
  const zero = new Float64Array(scene.x.length);
  const x = await lab.clean(method, 0);
  if (x.length !== zero.length)
    throw new ShapeError(`its reconstruction has ${x.length} values, an image has ${zero.length}`, {});
  const again = await objective.reconstruct(scene, zero);
  const { x: differentiated } = await objective.climb(scene, zero, x);
  const scale = norm(x) + 1e-12;
  // the second plan may round otherwise, but not by a thousandth
  if (again.some((v, k) => v !== x[k]) || norm(differentiated.map((v, k) => v - x[k])) > 1e-3 * scale)
    throw new ConfigError("it gives different images for the same measurement; fix what it draws at random", {});
  const draw = lab.randomPerturbation("image", `constant ${method.name}`)();
  const other = await objective.reconstruct(
    scene,
    draw.map((v) => (0.5 * xNorm * v) / norm(draw)),
  );
  return { constant: other.every((v, k) => v === x[k]) };
}
