// Section 12: one method after the other is searched for the perturbation that ruins its image, and
// what is found for the network is tried on the others.
import {
  instabilityAscent,
  worstCasePerturbation,
  type Measurement,
  type StabilityTest,
  type Subject,
} from "fiducial/audit";
import { ConfigError, log10 } from "fiducial/engine";
import {
  applyOperator,
  magnitude,
  maximum,
  norm,
  psnr,
  ssim,
  type Operator,
  type Reconstructor,
} from "fiducial/imaging";
import type { MethodName, NetworkName, ProblemAsked } from "../break/asked.ts";
import { openMethods, openProblem } from "../break/problem.ts";
import { runTest, watched, type Look, type Ran } from "../break/watched.ts";
import { searchesOn, type GradientBackend } from "../engine.ts";
import type { Context } from "../protocol.ts";
import { errorOf } from "./kspace.ts";

export interface AttackAsked {
  readonly problem: ProblemAsked;
  readonly network: NetworkName;
  /** Of the image, which is measured with r; or of the measurement itself. */
  readonly domain: "image" | "measurement";
  /** ‖r₁‖ < ‖r₂‖ < ‖r₃‖ as shares of ‖x‖ or ‖y‖. */
  readonly norms: readonly number[];
  /** At the largest of them. */
  readonly steps: number;
  /** What the searches take their gradients on. */
  readonly backend: GradientBackend;
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
  /** Real part of r, or of A*r where r is of the measurement. */
  readonly r: Plane;
  /** |x + r|, |x + A*r| */
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
  | { readonly kind: "tick"; readonly method: MethodName; readonly done: number }
  | {
      readonly kind: "live";
      readonly method: MethodName;
      readonly live: Live;
      /** Of every point that the search for harm looked at since the last picture. */
      readonly psnr: readonly number[];
    }
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
/** Where the engine is slow, it waits longer: so many times as long as a picture took. */
const PAUSE = 9;
const LONGEST_PAUSE = 1000;

function reader(subject: Subject) {
  const { truth: x, shape } = subject;
  const truth = magnitude(x);
  const range = maximum(truth);
  const sum = (r: ArrayLike<number>): Plane => {
    const whole = new Float64Array(x.length);
    for (let k = 0; k < x.length; k++) whole[k] = r[k] + x[k];
    return magnitude(whole);
  };
  /** Without SSIM, which takes as long as a gradient step. */
  const glance = (answer: Float64Array): Omit<Image, "ssim"> => {
    const m = magnitude(answer);
    return { x: m, error: errorOf(answer, x), psnr: psnr(truth, m, range) };
  };
  return {
    truth,
    range,
    sum,
    glance,
    image(answer: Float64Array): Image {
      const seen = glance(answer);
      return { ...seen, ssim: ssim(truth, seen.x, shape, range) };
    },
    /** PSNR of a search's value ‖|x̂| − |x|‖. */
    psnrOf: (value: number): number => 10 * log10((range ** 2 * truth.length) / value ** 2),
  };
}
const realPart = (r: ArrayLike<number>): Plane =>
  Float64Array.from({ length: r.length / 2 }, (_, k) => r[k]);
/** A perturbation as an image: itself, or A*r. */
type Pictured = (r: Float64Array) => Promise<ArrayLike<number>>;

/** Sends steps and pictures of one search, no more often than they can be drawn. */
function teller(
  method: MethodName,
  subject: Subject,
  pictured: Pictured,
  progress: Context["progress"],
) {
  const { sum, glance, psnrOf } = reader(subject);
  let [due, steps] = [0, [] as number[]];
  return async ({ step, goal, value }: Look): Promise<void> => {
    if (goal === "harm") steps.push(psnrOf(value));
    const began = performance.now();
    if (began < due) return;
    const r = await step.best();
    const { x, error, psnr: left } = glance(await subject.reconstruct(r));
    const seen = await pictured(r);
    const live = { r: realPart(seen), perturbed: sum(seen), x, error, psnr: left };
    progress({ kind: "live", method, live, psnr: steps } satisfies AttackNews);
    steps = [];
    const now = performance.now();
    due = now + Math.max(PICTURE_EVERY, Math.min(LONGEST_PAUSE, PAUSE * (now - began)));
  };
}

/** One draw of noise in the row space of A, measured as much as r is. */
async function noiseBeside(
  subject: Subject,
  domain: AttackAsked["domain"],
  measuredNorm: number,
): Promise<Float64Array> {
  const e = await subject.random();
  const length = norm(domain === "image" ? await subject.forward(e) : e);
  return subject.reconstruct(e.map((v) => (length > 0 ? (v * measuredNorm) / length : 0)));
}

/** The network's perturbations, tried on the other methods. */
async function tried(
  subjects: ReadonlyMap<MethodName, Subject>,
  found: readonly { label: string; r: Float64Array }[],
) {
  const same: Transferred[] = [];
  for (const [method, subject] of [...subjects].slice(1))
    for (const { label, r } of found)
      same.push({ method, label, image: reader(subject).image(await subject.reconstruct(r)) });
  return same;
}

function checkNorms(norms: readonly number[]): void {
  const grows = norms.every((v, i) => v > (norms[i - 1] ?? 0));
  if (!grows)
    throw new ConfigError(
      "The three sizes must grow: make r₁ smaller than r₂, and r₂ smaller than r₃.",
    );
}

/** The test that tells the page what it sees, and what it leaves for later. */
function watchedSearch(
  asked: AttackAsked,
  methodOf: (subject: Subject) => MethodName,
  pictured: Pictured,
  context: Steered,
) {
  const { network, domain } = asked;
  const subjects = new Map<MethodName, Subject>();
  const tellers = new Map<MethodName, ReturnType<typeof teller>>();
  const tell = (news: AttackNews): void => context.progress(news);
  const test = testOf(asked);
  const { steps: most } = test;
  const found: { label: string; r: Float64Array }[] = [];
  const counts = new Map<MethodName, number>();
  /** r₁, r₂, r₃ in their order, whatever the test calls them. */
  const labelOf = (method: MethodName): string => {
    const k = counts.get(method) ?? 0;
    counts.set(method, k + 1);
    return labels[k];
  };
  const through = watched(test, {
    begin(subject) {
      const method = methodOf(subject);
      subjects.set(method, subject);
      tellers.set(method, teller(method, subject, pictured, context.progress));
      const { truth, image } = reader(subject);
      const begun = { name: subject.method, clean: image(subject.clean), truth, most };
      tell({ kind: "begun", method, ...begun });
    },
    async look(subject, look) {
      context.reached();
      await context.wanted;
      await tellers.get(methodOf(subject))!(look);
    },
    async measured(subject, r, measurement) {
      const method = methodOf(subject);
      const { image, sum } = reader(subject);
      const label = labelOf(method);
      if (method === network) found.push({ label, r });
      const seen = await pictured(r);
      const stop = {
        ...{ label, measurement, r: realPart(seen), perturbed: sum(seen) },
        image: image(await subject.reconstruct(r)),
        noise: image(await noiseBeside(subject, domain, measurement.measuredNorm)),
      };
      tell({ kind: "stop", method, stop });
    },
  });
  const tick = (done: number): void =>
    tell({ kind: "tick", method: [...subjects.keys()].at(-1)!, done });
  return { test: through, tick, subjects, found };
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

const labels = ["r₁", "r₂", "r₃"] as const;
/** The bench's own test. */
function testOf({ domain, norms, steps }: AttackAsked): StabilityTest {
  if (domain === "image") return instabilityAscent({ relativeNorms: norms, iterations: steps });
  return worstCasePerturbation({ domain, relativeBudgets: norms, steps });
}

/** Of a search that goes no further than its first look until it is wanted. */
interface Steered extends Context {
  readonly wanted: Promise<void>;
  /** It waits there, or has waited. */
  reached(): void;
}
async function searched(asked: AttackAsked, context: Steered): Promise<Attacked> {
  const { problem: wanted, network, norms, domain } = asked;
  checkNorms(norms);
  const names: MethodName[] = [network, "tv", "zero"];
  const opened = await openProblem(wanted);
  const { problem, backend, operator, images } = opened;
  const methods = await openMethods(names, wanted, opened);
  const nameOf = (subject: Subject): MethodName =>
    names[methods.findIndex((m) => m.name === subject.method)];
  const pictured: Pictured = async (r) =>
    domain === "image" ? r : applyOperator(operator, "adjoint", r, backend);
  const { test, tick, subjects, found } = watchedSearch(asked, nameOf, pictured, context);
  const searches = await searchesOn(asked.backend);
  const audited = { problem, methods, seed: wanted.seed, backend, ...searches };
  const ran = await runTest(audited, test, context, { tick });
  const failed = ran.pieces.flat().find((piece) => piece.error !== undefined);
  if (failed) throw new ConfigError(`${failed.error}.`);
  const judged = verdicts(ran, methods, names, operator);
  return { same: await tried(subjects, found), judged, truth: magnitude(images.image(0)) };
}

/** A promise, and what fulfils it. */
function later(): [Promise<void>, () => void] {
  let fulfil = (): void => {};
  const promise = new Promise<void>((resolve) => {
    fulfil = resolve;
  });
  return [promise, fulfil];
}
const keyOf = (asked: AttackAsked): string => JSON.stringify(asked);
/** A search that waits at its first look: what it said until then, and who hears what comes. */
interface Ready {
  readonly key: string;
  readonly result: Promise<Attacked>;
  readonly compiled: Promise<void>;
  stop(): void;
  /** It goes on, and says everything to `context`. */
  want(context: Context): Promise<Attacked>;
}
function readied(asked: AttackAsked): Ready {
  const controller = new AbortController();
  const said: unknown[] = [];
  let tell = (value: unknown): void => void said.push(value);
  const [wanted, wake] = later();
  const [compiled, reached] = later();
  const stop = (): void => {
    controller.abort(new Error("stopped"));
    wake();
  };
  const { signal } = controller;
  const result = searched(asked, { signal, wanted, reached, progress: (value) => tell(value) });
  return {
    ...{ key: keyOf(asked), result, compiled },
    stop,
    want(context) {
      for (const value of said) context.progress(value);
      tell = context.progress;
      context.signal.addEventListener("abort", stop, { once: true });
      wake();
      return result;
    },
  };
}

let ready: Ready | undefined;
/** Compiles all that a search needs: the click on it then shows its first picture at once. */
export async function prepareAttack(asked: AttackAsked, { signal }: Context): Promise<void> {
  if (ready?.key === keyOf(asked)) return;
  ready?.stop();
  const mine = readied(asked);
  ready = mine;
  const forget = (): void => {
    if (ready !== mine) return;
    ready = undefined;
    mine.stop();
  };
  signal.addEventListener("abort", forget, { once: true });
  // what is wrong is said when the search is asked for
  await Promise.race([mine.compiled, mine.result.catch(forget)]);
}

/** Says in notes what happens, an AttackNews each. */
export function attack(asked: AttackAsked, context: Context): Promise<Attacked> {
  const mine = ready?.key === keyOf(asked) ? ready : readied(asked);
  if (mine !== ready) ready?.stop();
  ready = undefined;
  return mine.want(context);
}
