// The runner: measures the clean baseline, lets every test search, clips and measures what they find, and judges nothing twice.
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { ConfigError, FiducialError, float32Bytes, GraphBuilder, ops, random, sizeOf, version, type Backend } from "../engine/index.ts";
import { magnitude, maximum, nmse, norm, psnr, ssim, type InverseProblem, type Reconstructor } from "../imaging/index.ts";
import { compileObjective, type Domain, type Objective, type Scene } from "./attack/objective.ts";
import { localLipschitz } from "./attack/lipschitz.ts";
import { greyPicture, heatPicture } from "./pictures.ts";
import { resultHash } from "./result.ts";
import { schemaVersion, type Accuracy, type AuditResult, type Certificate, type GradientCheck, type ImageRecord, type Measurement, type Outcome, type TestRecord, type Transfer, type Verdict } from "./schema.ts";
import type { StabilityTest, Subject } from "./stability/test.ts";

/** The self-check's bar: float32 rounding over a central difference leaves about 1e-3. */
const GRADIENT_TOLERANCE = 1e-2;
const NOISE_DRAWS = 4;
const POWER_STEPS = 20;

export interface AuditProgress { readonly what: string; readonly done: number; readonly total: number }
export interface AuditOptions {
  readonly problem: InverseProblem;
  readonly methods: readonly Reconstructor[];
  readonly tests: readonly StabilityTest[];
  readonly seed: number;
  readonly backend: Backend;
  /** The first so many of the problem's images; all unless given. */
  readonly imageCount?: number;
  /** Labels and preparations of the images; "image 1" and "none" unless given. */
  readonly images?: readonly Pick<ImageRecord, "label" | "preparation">[];
  /** Also bounds every method's Lipschitz constant: twenty more gradient steps each. */
  readonly certificates?: boolean;
  readonly on?: { readonly progress?: (p: AuditProgress) => void | Promise<void> };
}

interface Measured { readonly scene: Scene; readonly truth: Float64Array; readonly range: number; readonly y: Float64Array; readonly xNorm: number; readonly yNorm: number }

/** Compares ⟨∇Q, d⟩ with ⟨x̂ − p, (f(y(r + hd)) − f(y(r − hd)))/2h⟩: both are the slope of Q along d when the search sees all of A* and of f's derivative. */
function checkGradient(objective: Objective, scene: Scene, subject: Pick<Subject, "random">, reference: number, tolerance: number): { relativeError: number; passed: boolean } {
  const p = objective.reconstruct(scene, new Float64Array(sizeOf([scene.x.length])));
  const scaled = (v: Float64Array, to: number): Float64Array => { const n = norm(v); return v.map((x) => (x * to) / n); };
  const r = scaled(subject.random(), 0.05 * reference);
  const { x, gradient } = objective.climb(scene, r, p);
  const [slopeNorm, rNorm] = [norm(gradient), norm(r)];
  const direction = scaled(gradient.map((g, i) => g / slopeNorm + (0.3 * r[i]) / rNorm), 1);
  let slope = 0;
  for (let i = 0; i < r.length; i++) slope += gradient[i] * direction[i];
  // a step that is too long crosses the kinks of ReLUs, one too short drowns in rounding; a wrong gradient is wrong at every length
  const errors = [2e-3, 5e-4, 1e-4].map((step) => {
    const h = step * reference;
    const [up, down] = [1, -1].map((s) => objective.reconstruct(scene, r.map((v, i) => v + s * h * direction[i])));
    let expected = 0;
    for (let i = 0; i < x.length; i++) expected += ((x[i] - p[i]) * (up[i] - down[i])) / (2 * h);
    return Math.abs(slope - expected) / Math.max(Math.abs(slope), Math.abs(expected), 1e-30);
  });
  const relativeError = Math.min(...errors);
  return { relativeError, passed: relativeError <= tolerance };
}

const overall = (verdicts: readonly Verdict[]): Outcome => (["error", "fail", "pass"] as const).find((o) => verdicts.some((v) => v.outcome === o)) ?? "not-applicable";

/** Audits every method with every test on every image, under the same seeds and budgets. The result depends on the options alone: two runs give the same JSON, byte for byte. A method that fails with an error gets outcome "error" and the rest goes on. Throws ConfigError when there is nothing to audit. */
export async function audit(options: AuditOptions): Promise<AuditResult> {
  const { problem, methods, tests, seed, backend } = options;
  const count = Math.min(options.imageCount ?? problem.images.length, problem.images.length);
  if (count < 1 || methods.length === 0 || tests.length === 0) throw new ConfigError(`audit: ${count} images, ${methods.length} methods and ${tests.length} tests; it needs at least one of each`, {});
  const names = methods.map((m) => m.name);
  const twice = names.find((n, i) => names.indexOf(n) !== i);
  if (twice !== undefined) throw new ConfigError(`audit: two methods are called "${twice}"; give each its own name`, { name: twice });
  const { shape } = problem.images;
  const size = 2 * shape[0] * shape[1];
  const total = methods.length * count * tests.reduce((n, t) => n + t.steps, 0);
  let done = 0;
  const progress = async (what: string): Promise<void> => { await options.on?.progress?.({ what, done, total }); };

  const pictures: Record<string, string> = {};
  const noNoise = new Float64Array(size);
  const objectives = new Map<string, Objective>();
  const objectiveOf = async (method: Reconstructor, domain: Domain): Promise<Objective> => {
    const key = `${domain} ${method.name}`;
    if (!objectives.has(key)) objectives.set(key, await compileObjective(method, problem, domain, backend));
    return objectives.get(key)!;
  };
  const first = await objectiveOf(methods[0], "image");
  const transform = new GraphBuilder(ops);
  transform.output("y", transform.emit("fft2", { x: transform.input("x", [2, ...shape]) }, { inverse: false }));
  const transforming = await backend.compile(transform);
  const spectrum = (x: ArrayLike<number>): ArrayLike<number> => transforming.run({ x }).y;
  const measured: Measured[] = [];
  const images: ImageRecord[] = [];
  for (let i = 0; i < count; i++) {
    const x = problem.images.image(i);
    const noise = problem.draw(seed, i);
    const truth = magnitude(x);
    const y = first.measured(x).map((v, k) => v + noise[k]);
    measured.push({ scene: { x, noise }, truth, range: maximum(truth), y, xNorm: norm(x), yNorm: norm(y) });
    const given = options.images?.[i];
    images.push({ label: given?.label ?? `image ${i + 1}`, sha256: bytesToHex(sha256(float32Bytes(x))), preparation: given?.preparation ?? "none" });
    pictures[`image ${i}`] = greyPicture(truth, shape, maximum(truth));
  }
  pictures.mask = greyPicture(problem.operator.mask.data, shape, 1);

  // the clean baseline: reconstructions, their errors, and the scale that all error maps of an image share
  const accuracy: Accuracy[] = [];
  const gradientChecks: GradientCheck[] = [];
  const clean = new Map<string, Float64Array>();
  const failures = new Map<string, string>();
  const tops = new Array<number>(count).fill(1e-12);
  const cleanError = new Map<string, Float64Array>();
  const rangeOf = (i: number): number => measured[i].range;
  const errorOf = (i: number, x: Float64Array): Float64Array => magnitude(x.map((v, k) => v - measured[i].scene.x[k]));
  const randomPerturbation = (domain: Domain, label: string): (() => Float64Array) => {
    const rng = random(seed).fork(label);
    const { data } = problem.operator.mask;
    return () => Float64Array.from({ length: size }, (_, k) => { const v = rng.normal(); return domain === "image" || data[k % data.length] ? v : 0; });
  };
  for (const method of methods) {
    await progress(`${method.name}: clean reconstructions and gradient check`);
    try {
      const objective = await objectiveOf(method, "image");
      for (let i = 0; i < count; i++) {
        const x = objective.reconstruct(measured[i].scene, noNoise);
        if (x.length !== size || !x.every(Number.isFinite)) throw new ConfigError(`its reconstruction of image ${i + 1} is not finite or not an image`, {});
        clean.set(`${method.name} ${i}`, x);
        const m = magnitude(x);
        const error = errorOf(i, x);
        accuracy.push({ method: method.name, image: i, psnr: psnr(measured[i].truth, m, rangeOf(i)), ssim: ssim(measured[i].truth, m, shape, rangeOf(i)), nmse: nmse(measured[i].truth, m), maxError: maximum(error) });
        cleanError.set(`${method.name} ${i}`, error);
        tops[i] = Math.max(tops[i], maximum(error));
        pictures[`reconstruction ${i} ${method.name}`] = greyPicture(m, shape, rangeOf(i));
      }
      const check = checkGradient(objective, measured[0].scene, { random: randomPerturbation("image", `gradient check ${method.name}`) }, measured[0].xNorm, GRADIENT_TOLERANCE);
      gradientChecks.push({ method: method.name, ...check, tolerance: GRADIENT_TOLERANCE });
    } catch (error) {
      if (!(error instanceof FiducialError)) throw error;
      failures.set(method.name, error.message);
    }
  }

  const records: TestRecord[] = [];
  const errorMaps: { id: string; image: number; error: Float64Array }[] = [];
  for (const test of tests) {
    const measurements: Measurement[] = [];
    const verdicts: Verdict[] = [];
    const perturbations: { from: string; image: number; r: Float64Array }[] = [];
    for (const method of methods) {
      const broken = failures.get(method.name);
      if (broken !== undefined) {
        verdicts.push({ method: method.name, outcome: "error", explanation: broken });
        done += count * test.steps;
        continue;
      }
      const objective = await objectiveOf(method, test.domain);
      const own: Measurement[] = [];
      try {
        for (let i = 0; i < count; i++) {
          const { scene, truth, xNorm, yNorm } = measured[i];
          const before = clean.get(`${method.name} ${i}`)!;
          const cleanMagnitude = magnitude(before);
          const reference = test.domain === "image" ? xNorm : yNorm;
          const label = `${test.id} ${method.name} ${i}`;
          const quality = (x: Float64Array, against: Float64Array): { psnr: number; ssim: number; nmse: number } => {
            const m = magnitude(x);
            return { psnr: psnr(against, m, rangeOf(i)), ssim: ssim(against, m, shape, rangeOf(i)), nmse: nmse(against, m) };
          };
          const cleanQuality = { psnr: psnr(truth, cleanMagnitude, rangeOf(i)), ssim: ssim(truth, cleanMagnitude, shape, rangeOf(i)), nmse: nmse(truth, cleanMagnitude) };
          const changeOf = (x: Float64Array): number => norm(x.map((v, k) => v - before[k]));
          const begun = done;
          own.push(...await test.run({
            sigma: problem.noise.sigma,
            imageCount: count,
            reconstruct: (r) => objective.reconstruct(scene, r),
            psnrOf: (r) => psnr(truth, magnitude(objective.reconstruct(scene, r)), rangeOf(i)),
            method: method.name, image: i, size, reference, clean: before,
            climb: (r) => objective.climb(scene, r, before),
            rng: random(seed).fork(label),
            common: (name) => random(seed).fork(`${test.id} ${i} ${name}`),
            scan: { x: scene.x, y: measured[i].y, mask: problem.operator.mask, spectrum },
            random: randomPerturbation(test.domain, `start ${label}`),
            async tick() { done++; await progress(`${test.id}: ${method.name}, image ${i + 1} of ${count}`); },
            measure(proposed, { label: name, relativeBudget, series, iteration, picture }) {
              const length = norm(proposed);
              const limit = relativeBudget === undefined ? length : relativeBudget * reference;
              const r = length > limit ? proposed.map((v) => (v * limit) / length) : proposed;
              const size2 = norm(r);
              if (name === test.transferred) perturbations.push({ from: method.name, image: i, r });
              const x = objective.reconstruct(scene, r);
              if (!x.every(Number.isFinite)) throw new ConfigError(`its reconstruction of image ${i + 1} is not finite under ${name}`, {});
              const content = test.content ? r : undefined;
              const after = quality(x, content ? magnitude(content.map((v, k) => v + scene.x[k])) : truth);
              const draw = randomPerturbation(test.domain, `noise ${label} ${name}`);
              const noisy = Array.from({ length: NOISE_DRAWS }, () => {
                const e = draw();
                const n = norm(e);
                return objective.reconstruct(scene, e.map((v) => (v * size2) / n));
              });
              const changes = noisy.map(changeOf);
              const outputChange = changeOf(x);
              const maxOutputChange = Math.max(...changes);
              const id = `${test.id} ${i} ${method.name} ${name}`;
              let shown: Measurement["pictures"];
              if (picture) {
                const added = objective.asImage(r);
                const perturbation = magnitude(added);
                const top = maximum(perturbation);
                const gain = niceGain(rangeOf(i) / (2 * top));
                const error = errorOf(i, content ? x.map((v, k) => v - content[k]) : x);
                tops[i] = Math.max(tops[i], maximum(error));
                errorMaps.push({ id, image: i, error });
                shown = { perturbation: `${id}: r`, perturbationGained: `${id}: r, gained`, perturbedImage: `${id}: x + r`, reconstruction: `${id}: x̂`, error: `${id}: error`, gain, maxError: maximum(error) };
                pictures[shown.perturbation] = greyPicture(perturbation, shape, rangeOf(i));
                pictures[shown.perturbationGained] = greyPicture(perturbation.map((v) => v * gain), shape, rangeOf(i));
                pictures[shown.perturbedImage] = greyPicture(magnitude(added.map((v, k) => v + scene.x[k])), shape, rangeOf(i));
                pictures[shown.reconstruction] = greyPicture(magnitude(x), shape, rangeOf(i));
              }
              return {
                method: method.name, image: i, label: name, ...(relativeBudget === undefined ? {} : { relativeBudget }), norm: size2, relativeNorm: size2 / reference,
                measuredNorm: norm(objective.measured(r)), outputChange, amplification: outputChange / size2,
                noise: { draws: NOISE_DRAWS, meanOutputChange: changes.reduce((a, b) => a + b, 0) / NOISE_DRAWS, maxOutputChange, psnr: noisy.reduce((s, z) => s + psnr(truth, magnitude(z), rangeOf(i)), 0) / NOISE_DRAWS, nmse: noisy.reduce((s, z) => s + nmse(truth, magnitude(z)), 0) / NOISE_DRAWS },
                strongerThanNoise: outputChange > maxOutputChange,
                psnr: { before: cleanQuality.psnr, after: after.psnr }, ssim: { before: cleanQuality.ssim, after: after.ssim }, nmse: { before: cleanQuality.nmse, after: after.nmse },
                ...(series === undefined ? {} : { series }),
                ...(iteration === undefined ? {} : { iteration }),
                ...(shown === undefined ? {} : { pictures: shown }),
              };
            },
          }));
          // a search may end early
          done = begun + test.steps;
        }
        verdicts.push(test.judge(method, own));
      } catch (error) {
        if (!(error instanceof FiducialError)) throw error;
        verdicts.push({ method: method.name, outcome: "error", explanation: error.message });
      }
      measurements.push(...own);
    }
    const transfers: Transfer[] = [];
    for (const { from, image, r } of perturbations) for (const to of methods) {
      if (!clean.has(`${to.name} ${image}`)) continue;
      const x = (await objectiveOf(to, test.domain)).reconstruct(measured[image].scene, r);
      transfers.push({ from, to: to.name, image, psnr: psnr(measured[image].truth, magnitude(x), rangeOf(image)) });
    }
    const outcome = overall(verdicts);
    records.push({ ...(transfers.length > 0 ? { transfers } : {}), id: test.id, title: outcome === "fail" ? test.failureTitle : test.title, description: test.description, source: test.source, domain: test.domain, settings: test.settings, thresholds: test.thresholds, outcome, verdicts, measurements });
  }

  const certificates: Certificate[] = [];
  for (const method of options.certificates ? methods.filter((m) => !failures.has(m.name)) : []) {
    await progress(`${method.name}: local Lipschitz constant`);
    const objective = await objectiveOf(method, "measurement");
    const { scene, yNorm } = measured[0];
    const p = clean.get(`${method.name} 0`)!;
    const local = await localLipschitz((r) => objective.climb(scene, r, p), randomPerturbation("measurement", `certificate ${method.name}`)(), { radius: 1e-3 * yNorm, steps: POWER_STEPS });
    const found = Math.max(0, ...records.flatMap((t) => t.measurements.filter((m) => m.method === method.name && m.measuredNorm > 0).map((m) => m.outputChange / m.measuredNorm)));
    const { bound, why } = method.lipschitz ?? {};
    if (bound !== undefined && Math.max(local, found) > bound * (1 + 1e-3)) {
      throw new ConfigError(`audit: ${method.name} was seen to change by ${Math.max(local, found)} times its measurement's change, more than its proven bound ${bound} (${why}); the bound or the measurement is wrong`, { method: method.name });
    }
    certificates.push({ method: method.name, found, local, ...(bound === undefined ? {} : { upper: bound, why: why! }) });
  }
  for (const [key, error] of cleanError) {
    const at = key.lastIndexOf(" ");
    const i = Number(key.slice(at + 1));
    pictures[`error ${i} ${key.slice(0, at)}`] = heatPicture(error, shape, tops[i]);
  }
  for (const { id, image, error } of errorMaps) pictures[`${id}: error`] = heatPicture(error, shape, tops[image]);
  const result: Omit<AuditResult, "sha256"> = {
    schemaVersion,
    software: { name: "fiducial", version, backend: backend.name },
    seed,
    problem: { operator: problem.operator.description, noise: { ...problem.noise }, images },
    methods: methods.map(({ name, description }) => ({ name, description })),
    metrics: { psnr: "dB, range = the image's maximum magnitude", ssim: "7×7 uniform window, sample covariance, range = the image's maximum magnitude (skimage, fastMRI)", nmse: "‖g − p‖²/‖g‖² of magnitudes (fastMRI)" },
    gradientChecks, accuracy, tests: records, ...(certificates.length > 0 ? { certificates } : {}), pictures,
    scales: tops.map((error, i) => ({ magnitude: rangeOf(i), error })),
  };
  return { ...result, sha256: resultHash(result) };
}

/** 1, 2 or 5 times a power of ten, at most x, at least 1. */
function niceGain(x: number): number {
  let gain = 1;
  for (const step of [2, 2.5, 2, 2, 2.5, 2, 2, 2.5, 2, 2, 2.5, 2]) { if (gain * step > x) break; gain *= step; }
  return gain;
}
