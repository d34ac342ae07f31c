// What is found out about a method before anything is perturbed, and its local Lipschitz constant.
import { present } from "../engine/index.ts";
import { magnitude, maximum, nmse, norm, psnr, ssim, type Method } from "../imaging/index.ts";
import { localLipschitz } from "./attack/lipschitz.ts";
import { checkGradient, GRADIENT_TOLERANCE } from "./gradient-check.ts";
import type { Collected, Laboratory } from "./laboratory.ts";
import { greyPicture } from "./pictures.ts";
import type { Piece } from "./plan.ts";
import type { GradientCheck, Score } from "./schema.ts";
import { inspectMethod, type Inspected } from "./unfit.ts";

/** Gradient steps of a local Lipschitz constant, at most. */
export const POWER_STEPS = 60;

/** Undefined for a method without a gradient. */
async function gradientCheck(lab: Laboratory, method: Method): Promise<GradientCheck | undefined> {
  const { scene, xNorm } = await lab.view(0);
  const objective = await lab.objective(method, "image");
  if (!objective) return undefined;
  const draw = lab.randomPerturbation("image", `gradient check ${method.name}`);
  const checked = await checkGradient(objective, scene, draw, xNorm);
  return { method: method.name, ...checked, tolerance: GRADIENT_TOLERANCE };
}

/**
 * Accuracy and pictures of one image; of the first, also whether the method is fit to be audited.
 */
export async function cleanPiece(
  lab: Laboratory,
  method: Method,
  image: number,
  collected: Collected,
): Promise<Piece> {
  const { truth, range, white, scene, y } = await lab.view(image);
  const { constant, repeat }: Inspected =
    image === 0 ? await inspectMethod(lab, method) : { constant: false };
  const x = await lab.clean(method, image);
  const m = magnitude(x);
  const at = `${image} ${method.name}`;
  const { shape } = lab.problem.images;
  collected.pictures[`reconstruction ${at}`] = greyPicture(m, shape, white);
  const checked =
    image === 0 && !constant ? { gradientCheck: await gradientCheck(lab, method) } : {};
  const rest = present({ repeat, ...(constant ? { constant } : checked) });
  if (!lab.known)
    return {
      ...rest,
      findings: { measurements: [], scores: [await consistency(lab, { method, image, x, y })] },
    };
  const error = magnitude(x.map((v, k) => v - scene.x[k]));
  collected.errors[`error ${at}`] = error;
  const accuracy = {
    method: method.name,
    image,
    psnr: psnr(truth, m, range),
    ssim: ssim(truth, m, shape, range),
    nmse: nmse(truth, m),
    maxError: maximum(error),
  };
  return { accuracy, ...rest };
}

/** How much of what was measured the image does not explain. */
async function consistency(lab: Laboratory, of: Reconstructed): Promise<Score> {
  const { method, image, x, y } = of;
  const seen = await lab.forward(x);
  const residual = norm(y.map((v, k) => v - seen[k])) / Math.max(norm(y), 1e-30);
  return { method: method.name, image, label: "undisturbed", figures: { residual } };
}
interface Reconstructed {
  readonly method: Method;
  readonly image: number;
  readonly x: Float64Array;
  readonly y: Float64Array;
}

/**
 * The local Lipschitz constant at the first image's measurement; of a method without a gradient
 * there is none.
 */
export async function certificatePiece(
  lab: Laboratory,
  method: Method,
  tick: () => Promise<void>,
): Promise<Piece> {
  const objective = await lab.objective(method, "measurement");
  if (!objective) return {};
  const { scene, yNorm } = await lab.view(0);
  const p = await lab.clean(method, 0);
  const start = lab.randomPerturbation("measurement", `certificate ${method.name}`)();
  const climb = (r: Float64Array): ReturnType<typeof objective.climb> =>
    objective.climb(scene, r, p);
  const { sigma, steps } = await localLipschitz(
    climb,
    start,
    { radius: 1e-3 * yNorm, steps: POWER_STEPS },
    tick,
  );
  for (let k = steps; k < POWER_STEPS; k++) await tick();
  return { local: sigma };
}
