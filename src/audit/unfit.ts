// Methods that are none: what makes one unfit to be audited.
import { ConfigError, ShapeError } from "../engine/index.ts";
import { norm, type Method } from "../imaging/index.ts";
import type { Laboratory } from "./laboratory.ts";
import type { Repeat } from "./schema.ts";

export interface Inspected {
  /** Its image does not depend on the measurement. */
  readonly constant: boolean;
  /** Of a program: how far two of its images of one measurement are apart. */
  readonly repeat?: Omit<Repeat, "method">;
}

/** Throws ConfigError for a graph that gives different images for one measurement. */
async function requireSame(
  lab: Laboratory,
  method: Method,
  x: Float64Array,
  again: Float64Array,
): Promise<void> {
  const objective = await lab.objective(method, "image");
  if (!objective) return;
  const { scene } = await lab.view(0);
  const { x: differentiated } = await objective.climb(scene, new Float64Array(x.length), x);
  const scale = norm(x) + 1e-12;
  // the second plan may round otherwise, but not by a thousandth
  if (
    again.some((v, k) => v !== x[k]) ||
    norm(differentiated.map((v, k) => v - x[k])) > 1e-3 * scale
  )
    throw new ConfigError(
      "it gives different images for the same measurement; fix what it draws at random",
      {},
    );
}

/** How far two images of one measurement are apart, and how far other noise moves the image. */
async function repeatOf(
  lab: Laboratory,
  method: Method,
  x: Float64Array,
  again: Float64Array,
): Promise<NonNullable<Inspected["repeat"]>> {
  const { scene } = await lab.view(0);
  const { problem, seed } = lab;
  const share = (other: Float64Array): number =>
    norm(other.map((v, k) => v - x[k])) / Math.max(norm(x), 1e-30);
  const fresh = problem.draw(seed + 1, 0);
  const own = problem.draw(seed, 0);
  const looking = await lab.looking(method, "measurement");
  const other = await looking.reconstruct(
    scene,
    fresh.map((v, k) => v - own[k]),
  );
  // of a measurement as it came, nothing is known of the noise
  return { difference: share(again), noise: problem.noise.sigma > 0 ? share(other) : 0 };
}

/**
 * What makes a method unfit to be audited: it gives no image of the operator's, or, being a graph,
 * another one each time. Throws ShapeError or ConfigError.
 */
export async function inspectMethod(lab: Laboratory, method: Method): Promise<Inspected> {
  const looking = await lab.looking(method, "image");
  const { scene, xNorm } = await lab.view(0);
  const zero = new Float64Array(scene.x.length);
  const x = await lab.clean(method, 0);
  if (x.length !== zero.length)
    throw new ShapeError(
      `its reconstruction has ${x.length} values, an image has ${zero.length}`,
      {},
    );
  const again = await looking.reconstruct(scene, zero);
  await requireSame(lab, method, x, again);
  const draw = lab.randomPerturbation("image", `constant ${method.name}`)();
  const length = norm(draw);
  const other = await looking.reconstruct(
    scene,
    draw.map((v) => (0.5 * xNorm * v) / length),
  );
  const constant = other.every((v, k) => v === x[k]);
  return lab.differentiable(method)
    ? { constant }
    : { constant, repeat: await repeatOf(lab, method, x, again) };
}
