// What a test is given: one method on one image, with everything that it may look at.
import { ConfigError, present, random, sizeOf, type Random } from "../engine/index.ts";
import { magnitude, maximum, psnr, type Mask, type Method } from "../imaging/index.ts";
import { audited } from "./audited.ts";
import { searchByQueries, type Queried } from "./attack/gradient-free.ts";
import { search, type Found, type Start } from "./attack/search.ts";
import type { Goal } from "./attack/step.ts";
import type { Collected, Laboratory, View } from "./laboratory.ts";
import { localLipschitz } from "./attack/lipschitz.ts";
import type { Domain, Looking, Objective } from "./attack/objective.ts";
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
      const { reconstruct: look } = await lab.looking(other, test.domain);
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
async function transfer(
  lab: Laboratory,
  job: SubjectJob,
  others: readonly Other[],
  r: Float64Array,
): Promise<void> {
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
  method: Method,
  { scene, truth, range }: View,
  mask: Mask,
  rng: Random,
): Promise<number | undefined> {
  if (!lab.spectrum) return undefined;
  const cells = mask.data;
  // drawn everywhere, so that a cell has the same noise in every mask that measures it
  const measured = Float64Array.from(await lab.spectrum(scene.x), (v, k) => {
    const e = lab.problem.noise.sigma * rng.normal();
    return cells[k % cells.length] ? v + e : 0;
  });
  const x = await lab.underMask(method, measured, mask);
  return x && psnr(truth, magnitude(x), range);
}

/** f(factor·y), of the method that is told of the factor, or as it is. */
async function inUnits(
  lab: Laboratory,
  method: Method,
  view: View,
  factor: number,
): Promise<Float64Array> {
  const scaled = view.y.map((v) => factor * v);
  const told = await lab.inUnits(method, factor);
  if (told) return (await told([scaled]))[0];
  const { reconstruct: look } = await lab.looking(method, "measurement");
  return look(
    view.scene,
    scaled.map((v, k) => v - view.y[k]),
  );
}

/**
 * The local singular vector, where small perturbations are answered most; nothing where there is
 * none.
 */
async function singularStart(
  lab: Laboratory,
  objective: Objective,
  job: SeekJob,
): Promise<Start[]> {
  const { image, domain, clean, label, tick } = job;
  const { scene, xNorm, yNorm } = await lab.view(image);
  const radius = 1e-3 * (domain === "image" ? xNorm : yNorm);
  const start = await lab.measuredNoise(domain, `singular ${label}`)();
  const climb = (r: Float64Array): ReturnType<Objective["climb"]> =>
    objective.climb(scene, r, clean);
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
  readonly method: Method;
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
  const { radii, ball = "l2", window, settings, queries, starts = [], singular = true } = wanted;
  const goals: readonly Goal[] = wanted.goals ?? [
    { name: "harm", p: scene.x, magnitudes: true },
    { name: "change", p: clean },
  ];
  const common = {
    goals: goals.map((goal) => (window ? { ...goal, window } : goal)),
    random: lab.measuredNoise(domain, `start ${label}`),
    tick,
  };
  const [step, objective] = [
    await lab.searchStep(method, domain, ball),
    await lab.objective(method, domain),
  ];
  if (!step || !objective) {
    const queried = { ...(await asQueried(lab, job)), ...common, ball };
    const own = singular ? [await ownError(lab, job)] : [];
    return searchByQueries(
      { ...queried, starts: [...starts, ...own] },
      present({ radii, queries }),
    );
  }
  const own = singular ? await singularStart(lab, objective, job) : [];
  const taken = wanted.through?.(step) ?? step;
  return search(
    { ...common, step: taken, scene, starts: [...starts, ...own] },
    { radii, ...settings },
  );
}

/** What a search without gradients asks of a method. */
async function asQueried(
  lab: Laboratory,
  { method, image, domain, clean, label }: SeekJob,
): Promise<
  Pick<Queried, "look" | "place" | "directionOf" | "together" | "shape" | "clean" | "rng">
> {
  const { scene } = await lab.view(image);
  const looking = await lab.looking(method, domain);
  return {
    look: (rs) => looking.reconstructAll(scene, rs),
    place: async (z) => (domain === "image" ? z : Float64Array.from(await lab.forward(z))),
    directionOf: looking.asImage,
    together: looking.together,
    shape: lab.problem.images.shape,
    clean,
    rng: random(lab.seed).fork(`queries ${label}`),
  };
}
/** What is wrong with the image already: a start that needs no gradient. */
async function ownError(lab: Laboratory, { image, domain, clean }: SeekJob): Promise<Start> {
  const { scene } = await lab.view(image);
  const error = clean.map((v, k) => v - scene.x[k]);
  return {
    kind: "its own error",
    r: domain === "image" ? error : Float64Array.from(await lab.forward(error)),
  };
}

interface SubjectJob {
  readonly test: StabilityTest;
  readonly method: Method;
  readonly image: number;
  readonly collected: Collected;
  readonly tick: () => Promise<void>;
}
/** What a job's perturbations are measured against. */
function settingOf(
  lab: Laboratory,
  { test, method, image, collected }: SubjectJob,
  seen: Seen,
): Setting {
  const { problem } = lab;
  const { domain } = test;
  const { view, clean, looking } = seen;
  const { shape } = problem.images;
  const isImage = domain === "image";
  return {
    test: test.id,
    method: method.name,
    image,
    shape,
    view,
    clean,
    looking,
    reference: {
      norm: isImage ? view.xNorm : view.yNorm,
      maximum: maximum(magnitude(isImage ? view.image : view.y)),
    },
    before: qualityOf({ view, shape }, clean, view.truth),
    draws: test.gradients ? SEARCH_DRAWS : MEAN_DRAWS,
    bound: method.lipschitz?.(problem.operator)?.bound,
    content: test.content === true,
    noise: (name) => lab.measuredNoise(domain, name),
    collected,
  };
}
interface Seen {
  readonly view: View;
  readonly clean: Float64Array;
  readonly looking: Looking;
}

/** One method on one image, for a test. */
export async function openSubject(lab: Laboratory, job: SubjectJob): Promise<Subject> {
  const { test, method, image, tick } = job;
  const { problem, seed } = lab;
  const { operator } = problem;
  const { domain } = test;
  const view = await lab.view(image);
  const { scene, image: seen, truth, range, y } = view;
  const clean = await lab.clean(method, image);
  const looking = await lab.looking(method, domain);
  const objective = await lab.objective(method, domain);
  const others = await othersOf(lab, test, image);
  const label = `${test.id} ${method.name} ${image}`;
  const setting = settingOf(lab, job, { view, clean, looking });
  const { reference } = setting;
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
    async climb(r, aim) {
      if (!objective)
        throw new ConfigError("the test goes along gradients; it must say that it needs them", {});
      return objective.climb(scene, r, aim?.at ?? clean, aim?.window);
    },
    together: looking.together,
    reconstruct: (r) => looking.reconstruct(scene, r),
    reconstructAll: (rs) => looking.reconstructAll(scene, rs),
    inUnits: (factor) => inUnits(lab, method, view, factor),
    psnrOf: async (r) => psnr(truth, magnitude(await looking.reconstruct(scene, r)), range),
    psnrOfAll: async (rs) =>
      (await looking.reconstructAll(scene, rs)).map((x) => psnr(truth, magnitude(x), range)),
    psnrWith: (mask, rng) => psnrWith(lab, method, view, mask, rng),
    forward: lab.forward,
    ...(lab.spectrum && sampling
      ? { scan: { x: seen, y, mask: sampling.mask, spectrum: lab.spectrum } }
      : {}),
    async measure(proposed, options) {
      if (options.label === test.transferred)
        await transfer(lab, job, others, clipped(setting, proposed, options));
      return measurePerturbation(setting, proposed, options);
    },
    changeTo: (r, label, picture) => measureChange(setting, r, { label, picture }),
  };
}
