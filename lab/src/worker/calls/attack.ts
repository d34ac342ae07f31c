// Section 12: one method after the other is searched for the perturbation that ruins its image, and
// what is found for the network is tried on the others.
import { instabilityAscent, type Measurement, type Subject } from "fiducial/audit";
import { ConfigError, log10 } from "fiducial/engine";
import { magnitude, maximum, norm, psnr, ssim, type Operator, type Reconstructor } from "fiducial/imaging";
import type { MethodName, NetworkName, ProblemAsked } from "../break/asked.ts";
import { openMethods, openProblem } from "../break/problem.ts";
import { runTest, watched, type Look, type Ran } from "../break/watched.ts";
import type { Context } from "../protocol.ts";
import { errorOf } from "./kspace.ts";

export interface AttackAsked {
  readonly problem: ProblemAsked;
  readonly network: NetworkName;
  /** ‖r₁‖ < ‖r₂‖ < ‖r₃‖ as shares of ‖x‖. */
  readonly norms: readonly number[];
  /** At the largest of them. */
  readonly steps: number;
}
type Plane = Float64Array;
/** |x̂|, how wrong it is, and what scores say of it. */
export interface Image {
  readonly x: Plane;
  readonly error: Plane;
  readonly psnr: number;
  readonly ssim: number;
}
/** The image r₁, r₂ or r₃ of one method. */
export interface Stop {
  readonly label: string;
  readonly measurement: Measurement;
  /** Real part of r. */
  readonly r: Plane;
  /** |x + r| */
  readonly perturbed: Plane;
  readonly image: Image;
  /** Of random noise that is measured as much: one draw of it, pictured. */
  readonly noise: Image;
}
export interface Live {
  readonly r: Plane;
  readonly perturbed: Plane;
  readonly x: Plane;
  readonly error: Plane;
  readonly psnr: number;
}
export type AttackNews =
  | {
      readonly kind: "begun";
      readonly method: MethodName;
      readonly name: string;
      readonly clean: Image;
      readonly truth: Plane;
      /** Gradient steps at most. */
      readonly most: number;
    }
  | { readonly kind: "step"; readonly method: MethodName; readonly psnr: readonly number[] }
  | { readonly kind: "tick"; readonly method: MethodName; readonly done: number }
  | { readonly kind: "live"; readonly method: MethodName; readonly live: Live }
  | { readonly kind: "stop"; readonly method: MethodName; readonly stop: Stop };

export interface Transferred {
  readonly method: MethodName;
  readonly label: string;
  readonly image: Image;
}
export interface Judged {
  readonly method: MethodName;
  readonly outcome: string;
  readonly explanation: string;
}
export interface Attacked {
  /** The network's r on the others. */
  readonly same: readonly Transferred[];
  readonly judged: readonly Judged[];
  readonly truth: Plane;
}

/** Milliseconds between two pictures of a search. */
const PICTURE_EVERY = 200;

function reader(subject: Subject) {
  const { truth: x, shape } = subject;
  const truth = magnitude(x);
  const range = maximum(truth);
  const sum = (r: ArrayLike<number>): Plane => magnitude(Float64Array.from(r, (v, k) => v + x[k]));
  return {
    truth,
    range,
    sum,
    image(answer: Float64Array): Image {
      const m = magnitude(answer);
      return { x: m, error: errorOf(answer, x), psnr: psnr(truth, m, range), ssim: ssim(truth, m, shape, range) };
    },
    /** PSNR of a search's value ‖|x̂| − |x|‖. */
    psnrOf: (value: number): number => 10 * log10((range ** 2 * truth.length) / value ** 2),
  };
}
const realPart = (r: ArrayLike<number>): Plane => Float64Array.from({ length: r.length / 2 }, (_, k) => r[k]);

/** Sends steps and pictures of one search, no more often than they can be drawn. */
function teller(method: MethodName, subject: Subject, progress: Context["progress"]) {
  const { sum, image, psnrOf } = reader(subject);
  let [told, steps] = [0, [] as number[]];
  return async ({ step, goal, value }: Look): Promise<void> => {
    if (goal === "harm") steps.push(psnrOf(value));
    if (performance.now() - told < PICTURE_EVERY) return;
    progress({ kind: "step", method, psnr: steps } satisfies AttackNews);
    steps = [];
    const r = await step.best();
    const { x, error, psnr: left } = image(await subject.reconstruct(r));
    const live = { r: realPart(r), perturbed: sum(r), x, error, psnr: left };
    progress({ kind: "live", method, live } satisfies AttackNews);
    told = performance.now();
  };
}

/** One draw of noise in the row space of A, measured as much as r is. */
async function noiseBeside(subject: Subject, measuredNorm: number): Promise<Float64Array> {
  const e = await subject.random();
  const length = norm(await subject.forward(e));
  return subject.reconstruct(e.map((v) => (length > 0 ? (v * measuredNorm) / length : 0)));
}

/** The network's perturbations, tried on the other methods. */
async function tried(subjects: ReadonlyMap<MethodName, Subject>, found: readonly { label: string; r: Float64Array }[]) {
  const same: Transferred[] = [];
  for (const [method, subject] of [...subjects].slice(1))
    for (const { label, r } of found)
      same.push({ method, label, image: reader(subject).image(await subject.reconstruct(r)) });
  return same;
}

function checkNorms(norms: readonly number[]): void {
  const grows = norms.every((v, i) => v > (norms[i - 1] ?? 0));
  if (!grows) throw new ConfigError("The three sizes must grow: make r₁ smaller than r₂, and r₂ smaller than r₃.");
}

/** The test that tells the page what it sees, and what it leaves for later. */
function watchedAscent(asked: AttackAsked, methodOf: (subject: Subject) => MethodName, context: Context) {
  const { network, norms, steps } = asked;
  const subjects = new Map<MethodName, Subject>();
  const tellers = new Map<MethodName, ReturnType<typeof teller>>();
  const found: { label: string; r: Float64Array }[] = [];
  const tell = (news: AttackNews): void => context.progress(news);
  const ascent = instabilityAscent({ relativeNorms: norms, iterations: steps });
  const test = watched(ascent, {
    begin(subject) {
      const method = methodOf(subject);
      subjects.set(method, subject);
      tellers.set(method, teller(method, subject, context.progress));
      const { truth, image } = reader(subject);
      const begun = { name: subject.method, clean: image(subject.clean), truth, most: ascent.steps };
      tell({ kind: "begun", method, ...begun });
    },
    look: (subject, look) => tellers.get(methodOf(subject))!(look),
    async measured(subject, r, measurement) {
      const method = methodOf(subject);
      const { image, sum } = reader(subject);
      if (method === network) found.push({ label: measurement.label, r });
      const stop = {
        ...{ label: measurement.label, measurement, r: realPart(r), perturbed: sum(r) },
        image: image(await subject.reconstruct(r)),
        noise: image(await noiseBeside(subject, measurement.measuredNorm)),
      };
      tell({ kind: "stop", method, stop });
    },
  });
  const tick = (done: number): void => tell({ kind: "tick", method: [...subjects.keys()].at(-1)!, done });
  return { test, tick, subjects, found };
}

/** Each method as the bench judges it, beside the classical ones. */
function verdicts(
  { test, pieces }: Ran,
  methods: readonly Reconstructor[],
  names: readonly MethodName[],
  operator: Operator,
): Judged[] {
  const findings = pieces.map(([piece]) => piece.findings!);
  return methods.map((method, m) => {
    const references = methods.flatMap(({ name, classical }, k) =>
      classical && k !== m ? [{ method: name, findings: findings[k] }] : [],
    );
    const bound = method.lipschitz?.(operator);
    const { outcome, explanation } = test.judge(method.name, findings[m], { references, bound });
    return { method: names[m], outcome, explanation };
  });
}

/** Says in notes what happens, an AttackNews each. */
export async function attack(asked: AttackAsked, context: Context): Promise<Attacked> {
  const { problem: wanted, network, norms } = asked;
  checkNorms(norms);
  const names: MethodName[] = [network, "tv", "zero"];
  const opened = await openProblem(wanted);
  const { problem, backend, operator, images } = opened;
  const methods = await openMethods(names, wanted, opened);
  const nameOf = (subject: Subject): MethodName => names[methods.findIndex((m) => m.name === subject.method)];
  const { test, tick, subjects, found } = watchedAscent(asked, nameOf, context);
  const ran = await runTest({ problem, methods, seed: wanted.seed, backend }, test, context, { tick });
  const failed = ran.pieces.flat().find((piece) => piece.error !== undefined);
  if (failed) throw new ConfigError(`${failed.error}.`);
  const judged = verdicts(ran, methods, names, operator);
  return { same: await tried(subjects, found), judged, truth: magnitude(images.image(0)) };
}
