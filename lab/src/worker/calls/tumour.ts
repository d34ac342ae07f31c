// Section 13: a tumour put into the image before it is measured, and how much of it comes back.
import {
  compileObjective,
  lookFor,
  structuralChange,
  type Looked,
  type Objective,
} from "fiducial/audit";
import { ConfigError } from "fiducial/engine";
import {
  applyOperator,
  detailAt,
  fullMask,
  magnitude,
  maximum,
  psnr,
  ssim,
  subsampledFourier,
  type DetailShape,
} from "fiducial/imaging";
import type { MethodName, NetworkName, ProblemAsked } from "../break/asked.ts";
import { openMethods, openProblem, type Opened } from "../break/problem.ts";
import { runTest } from "../break/watched.ts";
import type { Context } from "../protocol.ts";

export interface TumourAsked {
  readonly problem: ProblemAsked;
  readonly network: NetworkName;
  readonly shape: DetailShape;
  /** Pixels. */
  readonly radius: number;
  /** Share of the image's maximum. */
  readonly contrast: number;
  readonly row: number;
  readonly column: number;
}
type Plane = Float64Array;
interface Scores {
  readonly psnr: number;
  readonly ssim: number;
}
export interface Shown {
  readonly method: MethodName;
  readonly name: string;
  /** |x̂| with the tumour in the object. */
  readonly x: Plane;
  /** By how much |x̂| changed: what comes back of it. */
  readonly back: Plane;
  /** Share of the tumour's own contrast that comes back. */
  readonly recovered: number;
  readonly scores: Scores;
  /** Of the image without it, held to the truth with it: what scores say where it is lost. */
  readonly lost: Scores;
}
export interface Placed {
  /** |x + z| */
  readonly truth: Plane;
  readonly white: number;
  /** |x + z| − |x| */
  readonly tumour: Plane;
  /** Share of ‖z‖² that the mask measures. */
  readonly measured: number;
  /** Share of it that lies on tissue. */
  readonly tissue: number;
  readonly shown: readonly Shown[];
}

interface Prepared {
  readonly key: string;
  readonly opened: Opened;
  readonly methods: readonly { name: string; objective: Objective; clean: Float64Array }[];
  readonly scene: { x: Float32Array; noise: Float64Array };
}
/** The plans of the last problem: a tumour that moves needs no new ones. */
let kept: Prepared | undefined;
async function prepare(asked: ProblemAsked, names: readonly MethodName[]): Promise<Prepared> {
  const key = JSON.stringify({ asked, names });
  if (kept?.key === key) return kept;
  const opened = await openProblem(asked);
  const { problem, images, backend } = opened;
  const scene = { x: images.image(0), noise: problem.draw(asked.seed, 0) };
  const methods: { name: string; objective: Objective; clean: Float64Array }[] = [];
  for (const method of await openMethods(names, asked, opened)) {
    const objective = await compileObjective(method, problem, "image", backend);
    const clean = await objective.reconstruct(scene, new Float64Array(scene.x.length));
    methods.push({ name: method.name, objective, clean });
  }
  kept = { key, opened, methods, scene };
  return kept;
}
const methodsOf = (network: NetworkName): MethodName[] => [network, "tv", "zero"];
const difference = (a: Plane, b: Plane): Plane => a.map((v, k) => v - b[k]);

/** One tumour at one place, by every method. */
export async function placeTumour(asked: TumourAsked): Promise<Placed> {
  const { problem: wanted, network, shape, radius, contrast, row, column } = asked;
  const names = methodsOf(network);
  const { opened, methods, scene } = await prepare(wanted, names);
  const { size } = wanted;
  const { mask, backend } = opened;
  const square = [size, size] as const;
  const detail = detailAt(scene.x, square, { shape, radius, contrast }, [
    Math.min(row, size - 1),
    Math.min(column, size - 1),
  ]);
  const truth = magnitude(Float64Array.from(detail.z, (v, k) => v + scene.x[k]));
  const range = maximum(truth);
  const scoresOf = (m: Plane): Scores => ({
    psnr: psnr(truth, m, range),
    ssim: ssim(truth, m, square, range),
  });
  const whole = subsampledFourier({ mask: fullMask(square) });
  const spectrum = (v: ArrayLike<number>): Promise<Float64Array> =>
    applyOperator(whole, "forward", Float64Array.from(v), backend);
  const shown: Shown[] = [];
  let measured = 0;
  for (const [i, { name, objective, clean }] of methods.entries()) {
    let answer = clean;
    const reconstructAll = async ([r]: readonly Float64Array[]): Promise<Float64Array[]> => {
      answer = await objective.reconstruct(scene, r);
      return [answer];
    };
    const scan = { x: scene.x, y: scene.noise, mask, spectrum };
    const looked: Looked = { clean, shape: square, scan, reconstructAll };
    const [found] = await lookFor(looked, [detail]);
    const [x, before] = [magnitude(answer), magnitude(clean)];
    const figures = { recovered: found.recovered, scores: scoresOf(x), lost: scoresOf(before) };
    shown.push({ method: names[i], name, x, back: difference(x, before), ...figures });
    measured = found.measured;
  }
  const tumour = difference(truth, magnitude(scene.x));
  return {
    truth,
    white: maximum(magnitude(scene.x)),
    tumour,
    measured,
    tissue: detail.tissue,
    shown,
  };
}

export interface Swept {
  readonly method: MethodName;
  readonly name: string;
  /** Share that comes back, of every placement of which enough is measured. */
  readonly shares: readonly number[];
  readonly mean: number;
  readonly low: number | undefined;
  readonly high: number | undefined;
  readonly measured: number;
  readonly notRecoverable: number;
  readonly lost: number;
}
export interface SweepAsked {
  readonly problem: ProblemAsked;
  readonly network: NetworkName;
  readonly radius: number;
  readonly contrast: number;
  readonly placements: number;
}
/** Details of one size and contrast at many places, as the bench draws them; each method a note. */
export async function sweepTumours(asked: SweepAsked, context: Context): Promise<number> {
  const { problem: wanted, network, radius, contrast, placements } = asked;
  const names = methodsOf(network);
  const opened = await openProblem(wanted);
  const methods = await openMethods(names, wanted, opened);
  const test = structuralChange({ radii: [radius], contrasts: [contrast], placements });
  const options = { problem: opened.problem, methods, seed: wanted.seed, backend: opened.backend };
  await runTest(options, test, context, {
    tick: (done) => context.progress({ done }),
    piece(m, { error, findings }) {
      const detail = findings?.measurements[0]?.detail;
      if (!detail) throw new ConfigError(`${error ?? "nothing was found"}.`);
      const { shares = [], recovered: mean, low, high, measured, notRecoverable, lost } = detail;
      const figures = { shares, mean, low, high, measured, notRecoverable, lost };
      context.progress({
        swept: { method: names[m], name: methods[m].name, ...figures } satisfies Swept,
      });
    },
  });
  return placements;
}
