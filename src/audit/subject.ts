// What a test is given: one method on one image, with everything that it may look at.
import { random, sizeOf } from "../engine/index.ts";
import { magnitude, maximum, misfit, psnr, reconstruct, type Mask, type Reconstructor } from "../imaging/index.ts";
import type { Random } from "../engine/index.ts";
import { audited } from "./audited.ts";
import { search, type Found, type Start } from "./attack/search.ts";
import type { Goal } from "./attack/step.ts";
import type { Collected, Laboratory, View } from "./laboratory.ts";
import { localLipschitz } from "./attack/lipschitz.ts";
import type { Domain } from "./attack/objective.ts";
import {
  clipped,
  MEAN_DRAWS,
  measureChange,
  measurePerturbation,
  qualityOf,
  SEARCH_DRAWS,
  type Setting,
} from "./measure.ts";
import { greyPicture } from "./pictures.ts";
import type { StabilityTest, Subject, Wanted } from "./stability/test.ts";

/**
 * The other methods, to try on them what was found for one; those that cannot be run are left out.
 */
async function othersOf(lab: Laboratory, test: StabilityTest, image: number): Promise<Other[]> {
  const others: Other[] = [];
  if (test.transferred === undefined) return others;
  const { scene } = await lab.view(image);
  for (const other of lab.methods) {
    try {
      const clean = await lab.clean(other, image);
      const { reconstruct: look } = await lab.objective(other, test.domain);
      others.push({ name: other.name, clean, under: (r) => look(scene, r) });
    } catch {
      // it has no image to compare with
    }
  }
  return others;
}
interface Other {
  readonly name: string;
  readonly clean: Float64Array;
  /** x̂ under r */
  readonly under: (r: Float64Array) => Promise<Float64Array>;
}

/** What was found for one method, tried on the others; pictured where it is the audited one. */
async function transfer(lab: Laboratory, job: SubjectJob, others: readonly Other[], r: Float64Array): Promise<void> {
  const { test, method, image, collected } = job;
  const { truth, range, white } = await lab.view(image);
  const pictured = method.name === audited(lab.methods);
  for (const { name, clean, under } of others) {
    const x = await under(r);
    const m = magnitude(x);
    const figures = { from: method.name, to: name, image, psnr: psnr(truth, m, range) };
    if (!pictured || name === method.name) {
      collected.transfers.push(figures);
      continue;
    }
    const id = `${test.id} ${image} ${name} under r of ${method.name}`;
    const [picture, change] = [`${id}: x̂`, `${id}: change`];
    collected.pictures[picture] = greyPicture(m, lab.problem.images.shape, white);
    collected.changes[change] = magnitude(x.map((v, k) => v - clean[k]));
    collected.transfers.push({ ...figures, picture, change });
  }
}

/**
 * PSNR under another mask, with noise from rng; undefined where there is none, or the method is
 * bound.
 */
async function psnrWith(
  lab: Laboratory,
  method: Reconstructor,
  { scene, truth, range }: View,
  mask: Mask,
  rng: Random,
): Promise<number | undefined> {
  const other = lab.problem.operator.sampling?.under(mask);
  if (!lab.spectrum || !other || misfit(method, other) !== undefined) return undefined;
  const cells = mask.data;
  // drawn everywhere, so that a cell has the same noise in every mask that measures it
  const measured = Float64Array.from(await lab.spectrum(scene.x), (v, k) => {
    const e = lab.problem.noise.sigma * rng.normal();
    return cells[k % cells.length] ? v + e : 0;
  });
  const under = await lab.underMasks(method);
  const x = under ? await under(measured, mask) : await reconstruct(method, measured, other, lab.backend);
  return psnr(truth, magnitude(x), range);
}

/** f(factor·y), of the method that is told of the factor, or as it is. */
async function inUnits(lab: Laboratory, method: Reconstructor, view: View, factor: number): Promise<Float64Array> {
  const scaled = view.y.map((v) => factor * v);
  const told = await lab.inUnits(method, factor);
  if (told) return Float64Array.from(await told(scaled));
  const { reconstruct: look } = await lab.objective(method, "measurement");
  return look(
    view.scene,
    scaled.map((v, k) => v - view.y[k]),
  );
}

/**
 * The local singular vector, where small perturbations are answered most; nothing where there is
 * none.
 */
async function singularStart(lab: Laboratory, job: SeekJob): Promise<Start[]> {
  const { method, image, domain, clean, label, tick } = job;
  const { scene, xNorm, yNorm } = await lab.view(image);
  const objective = await lab.objective(method, domain);
  const radius = 1e-3 * (domain === "image" ? xNorm : yNorm);
  const start = await lab.measuredNoise(domain, `singular ${label}`)();
  const climb = (r: Float64Array): ReturnType<typeof objective.climb> => objective.climb(scene, r, clean);
  const { sigma, vector } = await localLipschitz(
    climb,
    start,
    { radius, steps: SINGULAR_STEPS, tolerance: 1e-2 },
    tick,
  );
  return sigma > 0 ? [{ kind: "local singular vector", r: vector }] : [];
}
/** Gradient steps for a start, at most: it need not be exact. */
export const SINGULAR_STEPS = 16;

interface SeekJob {
  readonly method: Reconstructor;
  readonly image: number;
  readonly domain: Domain;
  readonly clean: Float64Array;
  readonly label: string;
  readonly tick: () => Promise<void>;
}
/**
 * Searches for harm, what is judged: |x̂(r)| as far as can be from |x|; and for the largest change
 * of x̂, each from where the other ended as well.
 */
async function seek(lab: Laboratory, job: SeekJob, wanted: Wanted): Promise<Found[]> {
  const { method, image, domain, clean, label, tick } = job;
  const { scene } = await lab.view(image);
  const { radii, ball = "l2", window, settings, starts = [], singular = true } = wanted;
  const goals: readonly Goal[] = wanted.goals ?? [
    { name: "harm", p: scene.x, magnitudes: true },
    { name: "change", p: clean },
  ];
  const searched = {
    step: await lab.searchStep(method, domain, ball),
    scene,
    goals: goals.map((goal) => (window ? { ...goal, window } : goal)),
    random: lab.measuredNoise(domain, `start ${label}`),
    starts: [...starts, ...(singular ? await singularStart(lab, job) : [])],
    tick,
  };
  return search(searched, { radii, ...settings });
}

interface SubjectJob {
  readonly test: StabilityTest;
  readonly method: Reconstructor;
  readonly image: number;
  readonly collected: Collected;
  readonly tick: () => Promise<void>;
}
/** One method on one image, for a test. */
export async function openSubject(lab: Laboratory, job: SubjectJob): Promise<Subject> {
  const { test, method, image, collected, tick } = job;
  const { problem, seed } = lab;
  const { operator } = problem;
  const { domain } = test;
  const view = await lab.view(image);
  const { scene, image: seen, truth, range, y, xNorm, yNorm } = view;
  const clean = await lab.clean(method, image);
  const objective = await lab.objective(method, domain);
  const others = await othersOf(lab, test, image);
  const label = `${test.id} ${method.name} ${image}`;
  const reference = {
    norm: domain === "image" ? xNorm : yNorm,
    maximum: maximum(magnitude(domain === "image" ? seen : y)),
  };
  const setting: Setting = {
    test: test.id,
    method: method.name,
    image,
    shape: problem.images.shape,
    view,
    clean,
    objective,
    reference,
    before: qualityOf({ view, shape: problem.images.shape }, clean, truth),
    draws: test.gradients ? SEARCH_DRAWS : MEAN_DRAWS,
    bound: method.lipschitz?.(operator)?.bound,
    content: test.content === true,
    noise: (name) => lab.measuredNoise(domain, name),
    collected,
  };
  const { sampling } = operator;
  return {
    method: method.name,
    image,
    size: sizeOf(domain === "image" ? operator.domain : operator.range),
    shape: problem.images.shape,
    sigma: problem.noise.sigma,
    imageCount: lab.imageCount,
    reference: reference.norm,
    referenceMaximum: reference.maximum,
    truth: Float64Array.from(seen),
    clean,
    rng: random(seed).fork(label),
    common: (name) => random(seed).fork(`${test.id} ${image} ${name}`),
    random: lab.measuredNoise(domain, `start ${label}`),
    tick,
    seek: (wanted) => seek(lab, { method, image, domain, clean, label, tick }, wanted),
    climb: (r, aim) => objective.climb(scene, r, aim?.at ?? clean, aim?.window),
    reconstruct: (r) => objective.reconstruct(scene, r),
    inUnits: (factor) => inUnits(lab, method, view, factor),
    psnrOf: async (r) => psnr(truth, magnitude(await objective.reconstruct(scene, r)), range),
    psnrWith: (mask, rng) => psnrWith(lab, method, view, mask, rng),
    forward: lab.forward,
    ...(lab.spectrum && sampling ? { scan: { x: seen, y, mask: sampling.mask, spectrum: lab.spectrum } } : {}),
    async measure(proposed, options) {
      if (options.label === test.transferred) await transfer(lab, job, others, clipped(setting, proposed, options));
      return measurePerturbation(setting, proposed, options);
    },
    changeTo: (r, label, picture) => measureChange(setting, r, { label, picture }),
  };
}
