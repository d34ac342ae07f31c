// Where methods are measured: an image's scene, a method's objective and its clean reconstruction,
// and the subject that a test is given.
import {
  ConfigError,
  GraphBuilder,
  ops,
  random,
  ShapeError,
  sizeOf,
  type Backend,
  type HostData,
  type Random,
} from "../engine/index.ts";
import {
  fullMask,
  magnitude,
  maximum,
  misfit,
  nmse,
  norm,
  psnr,
  reconstruct,
  ssim,
  type InverseProblem,
  type Mask,
  type Operator,
  type Reconstructor,
} from "../imaging/index.ts";
import { projected } from "./attack/ascent.ts";
import { compileObjective, type Domain, type Objective, type Scene } from "./attack/objective.ts";
import { greyPicture } from "./pictures.ts";
import type { Measurement, Transfer } from "./schema.ts";
import type { StabilityTest, Subject } from "./stability/test.ts";

const NOISE_DRAWS = 4;

/** An image, what is measured of it, and the figures that everything about it refers to. */
export interface View {
  readonly scene: Scene;
  readonly truth: Float64Array;
  readonly range: number;
  readonly y: Float64Array;
  readonly xNorm: number;
  readonly yNorm: number;
}
/**
 * What a test leaves beside its findings: pictures, and the error maps that are coloured once every
 * error of the image is known.
 */
export interface Collected {
  readonly pictures: Record<string, string>;
  readonly errors: Record<string, Float64Array>;
  readonly transfers: Transfer[];
}

export interface Laboratory {
  view(image: number): Promise<View>;
  objective(method: Reconstructor, domain: Domain): Promise<Objective>;
  /** f(y) without perturbation. */
  clean(method: Reconstructor, image: number): Promise<Float64Array>;
  /** Gaussian perturbations, zero where nothing is measured. */
  randomPerturbation(domain: Domain, label: string): () => Float64Array;
  subject(
    test: StabilityTest,
    method: Reconstructor,
    image: number,
    collected: Collected,
    tick: () => Promise<void>,
  ): Promise<Subject>;
}

/** x ↦ Ax */
async function forwardOf(operator: Operator, backend: Backend): Promise<(x: ArrayLike<number>) => Promise<HostData>> {
  const b = new GraphBuilder(ops);
  b.output("y", operator.forward(b, b.input("x", [1, ...operator.domain])));
  const plan = await backend.compile(b);
  return async (x) => (await plan.execute({ x })).y;
}

export async function openLaboratory(options: {
  problem: InverseProblem;
  methods: readonly Reconstructor[];
  seed: number;
  backend: Backend;
  imageCount: number;
}): Promise<Laboratory> {
  const { problem, methods, seed, backend, imageCount } = options;
  const { operator } = problem;
  const [H, W] = problem.images.shape;
  const shape = [H, W] as const;
  const noNoise = new Float64Array(sizeOf(operator.domain));
  const { sampling } = operator;
  const forward = await forwardOf(operator, backend);
  const spectrum = sampling && (await forwardOf(sampling.under(fullMask(shape)), backend));

  const views = new Map<number, View>();
  const view = async (i: number): Promise<View> => {
    let known = views.get(i);
    if (!known) {
      const x = problem.images.image(i);
      const noise = problem.draw(seed, i);
      const truth = magnitude(x);
      const y = Float64Array.from(await forward(x), (v, k) => v + noise[k]);
      known = { scene: { x, noise }, truth, range: maximum(truth), y, xNorm: norm(x), yNorm: norm(y) };
      views.set(i, known);
    }
    return known;
  };
  const objectives = new Map<string, Promise<Objective>>();
  const objective = (method: Reconstructor, domain: Domain): Promise<Objective> => {
    const key = `${domain} ${method.name}`;
    if (!objectives.has(key)) objectives.set(key, compileObjective(method, problem, domain, backend));
    return objectives.get(key)!;
  };
  const cleans = new Map<string, Float64Array>();
  const clean = async (method: Reconstructor, i: number): Promise<Float64Array> => {
    const key = `${method.name} ${i}`;
    if (!cleans.has(key)) {
      const x = await (await objective(method, "image")).reconstruct((await view(i)).scene, noNoise);
      if (!x.every(Number.isFinite)) throw new ConfigError(`its reconstruction of image ${i + 1} is not finite`, {});
      cleans.set(key, x);
    }
    return cleans.get(key)!;
  };
  const randomPerturbation = (domain: Domain, label: string): (() => Float64Array) => {
    const rng = random(seed).fork(label);
    const cells = domain === "image" ? new Uint8Array(sizeOf(operator.domain)).fill(1) : operator.measured;
    return () =>
      Float64Array.from(cells, (there) => {
        const v = rng.normal();
        return there ? v : 0;
      });
  };

  return {
    view,
    objective,
    clean,
    randomPerturbation,
    async subject(test, method, i, { pictures, errors, transfers }, tick) {
      const { scene, truth, range, y, xNorm, yNorm } = await view(i);
      const before = await clean(method, i);
      const own = await objective(method, test.domain);
      const others: { name: string; reconstruct: (r: Float64Array) => Promise<Float64Array> }[] = [];
      if (test.transferred !== undefined) {
        for (const other of methods) {
          // a method that cannot be run has no reconstruction to spoil
          try {
            await clean(other, i);
          } catch {
            continue;
          }
          const { reconstruct: look } = await objective(other, test.domain);
          others.push({ name: other.name, reconstruct: (r) => look(scene, r) });
        }
      }
      const label = `${test.id} ${method.name} ${i}`;
      const reference = test.domain === "image" ? xNorm : yNorm;
      const referenceMaximum = maximum(magnitude(test.domain === "image" ? scene.x : y));
      const quality = (x: Float64Array, against: Float64Array): { psnr: number; ssim: number; nmse: number } => {
        const m = magnitude(x);
        return { psnr: psnr(against, m, range), ssim: ssim(against, m, shape, range), nmse: nmse(against, m) };
      };
      const cleanQuality = quality(before, truth);
      const changeOf = (x: Float64Array): number => norm(x.map((v, k) => v - before[k]));
      return {
        sigma: problem.noise.sigma,
        imageCount,
        reconstruct: (r) => own.reconstruct(scene, r),
        psnrOf: async (r) => psnr(truth, magnitude(await own.reconstruct(scene, r)), range),
        async psnrWith(mask: Mask, rng: Random) {
          const other = sampling?.under(mask);
          if (!spectrum || !other || misfit(method, other) !== undefined) return undefined;
          const whole = await spectrum(scene.x);
          // drawn everywhere, so that a cell has the same noise in every mask that measures it
          const measured = Float64Array.from(whole, (v, k) => {
            const e = problem.noise.sigma * rng.normal();
            return mask.data[k % (H * W)] ? v + e : 0;
          });
          return psnr(truth, magnitude(await reconstruct(method, measured, other, backend)), range);
        },
        method: method.name,
        image: i,
        size: sizeOf(test.domain === "image" ? operator.domain : operator.range),
        shape,
        reference,
        clean: before,
        referenceMaximum,
        climb: (r, aim) => own.climb(scene, r, aim?.at ?? before, aim?.window),
        truth: Float64Array.from(scene.x),
        rng: random(seed).fork(label),
        common: (name) => random(seed).fork(`${test.id} ${i} ${name}`),
        forward,
        ...(spectrum ? { scan: { x: scene.x, y, mask: sampling.mask, spectrum } } : {}),
        random: randomPerturbation(test.domain, `start ${label}`),
        tick,
        async measure(proposed, { label: name, relativeBudget, ball = "l2", series, iteration, picture }) {
          const r =
            relativeBudget === undefined
              ? proposed
              : projected(proposed, relativeBudget * (ball === "l2" ? reference : referenceMaximum), ball);
          const size2 = norm(r);
          if (name === test.transferred)
            for (const other of others)
              transfers.push({
                from: method.name,
                to: other.name,
                image: i,
                psnr: psnr(truth, magnitude(await other.reconstruct(r)), range),
              });
          const x = await own.reconstruct(scene, r);
          if (!x.every(Number.isFinite))
            throw new ConfigError(`its reconstruction of image ${i + 1} is not finite under ${name}`, {});
          const content = test.content ? r : undefined;
          const after = quality(x, content ? magnitude(content.map((v, k) => v + scene.x[k])) : truth);
          const draw = randomPerturbation(test.domain, `noise ${label} ${name}`);
          const noisy: Float64Array[] = [];
          for (let k = 0; k < NOISE_DRAWS; k++) {
            const e = draw();
            const n = norm(e);
            const scaled = e.map((v) => (v * size2) / n);
            noisy.push(await own.reconstruct(scene, scaled));
          }
          const changes = noisy.map(changeOf);
          const outputChange = changeOf(x);
          const maxOutputChange = Math.max(...changes);
          const id = `${test.id} ${i} ${method.name} ${series === undefined ? "" : `${series} `}${name}`;
          let shown: Measurement["pictures"];
          if (picture) {
            const added = await own.asImage(r);
            const perturbation = magnitude(added);
            const gain = niceGain(range / (2 * maximum(perturbation)));
            const error = magnitude(x.map((v, k) => v - scene.x[k] - (content ? content[k] : 0)));
            errors[`${id}: error`] = error;
            shown = {
              perturbation: `${id}: r`,
              perturbationGained: `${id}: r, gained`,
              perturbedImage: `${id}: x + r`,
              reconstruction: `${id}: x̂`,
              error: `${id}: error`,
              gain,
              maxError: maximum(error),
            };
            pictures[shown.perturbation] = greyPicture(perturbation, shape, range);
            pictures[shown.perturbationGained] = greyPicture(
              perturbation.map((v) => v * gain),
              shape,
              range,
            );
            pictures[shown.perturbedImage] = greyPicture(magnitude(added.map((v, k) => v + scene.x[k])), shape, range);
            pictures[shown.reconstruction] = greyPicture(magnitude(x), shape, range);
          }
          return {
            method: method.name,
            image: i,
            label: name,
            ...(relativeBudget === undefined ? {} : { relativeBudget }),
            norm: size2,
            relativeNorm: size2 / reference,
            measuredNorm: norm(await own.measured(r)),
            outputChange,
            amplification: size2 > 0 ? outputChange / size2 : 0,
            noise: {
              draws: NOISE_DRAWS,
              meanOutputChange: changes.reduce((p, q) => p + q, 0) / NOISE_DRAWS,
              maxOutputChange,
              psnr: noisy.reduce((s, z) => s + psnr(truth, magnitude(z), range), 0) / NOISE_DRAWS,
              nmse: noisy.reduce((s, z) => s + nmse(truth, magnitude(z)), 0) / NOISE_DRAWS,
            },
            strongerThanNoise: outputChange > maxOutputChange,
            psnr: { before: cleanQuality.psnr, after: after.psnr },
            ssim: { before: cleanQuality.ssim, after: after.ssim },
            nmse: { before: cleanQuality.nmse, after: after.nmse },
            ...(series === undefined ? {} : { series }),
            ...(iteration === undefined ? {} : { iteration }),
            ...(shown === undefined ? {} : { pictures: shown }),
          };
        },
      };
    },
  };
}

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

/** 1, 2 or 5 times a power of ten, at most x, at least 1. */
function niceGain(x: number): number {
  let gain = 1;
  for (const step of [2, 2.5, 2, 2, 2.5, 2, 2, 2.5, 2, 2, 2.5, 2]) {
    if (gain * step > x) break;
    gain *= step;
  }
  return gain;
}
