// An audit as pieces: each is one method on one image for one test, depends on nothing but the
// options, and can be computed anywhere, in any order. Put together they are the result.
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import {
  base64,
  ConfigError,
  FiducialError,
  float32Bytes,
  nameOfBackend,
  present,
  sizeOf,
  version,
  type Backend,
} from "../engine/index.ts";
import { dotTest, lacking, misfit, type InverseProblem, type Method } from "../imaging/index.ts";
import { certificatePiece, cleanPiece, POWER_STEPS } from "./clean.ts";
import { openLaboratory, type Collected, type Laboratory, type View } from "./laboratory.ts";
import { greyPicture } from "./pictures.ts";
import {
  schemaVersion,
  type Accuracy,
  type AuditResult,
  type GradientCheck,
  type ImageRecord,
  type Repeat,
  type Transfer,
} from "./schema.ts";
import { auditFingerprint, type AuditSpec } from "./spec.ts";
import type { Findings, StabilityTest } from "./stability/test.ts";
import { openSubject } from "./subject.ts";

/** The adjoint's bar on a float32 backend. */
const ADJOINT_TOLERANCE = 1e-4;

export interface AuditOptions {
  readonly problem: InverseProblem;
  readonly methods: readonly Method[];
  readonly tests: readonly StabilityTest[];
  readonly seed: number;
  readonly backend: Backend;
  /** What searches take their gradients on, where it is another: a graphics card. */
  readonly searching?: Backend;
  /** The first so many of the problem's images; all unless given. */
  readonly imageCount?: number;
  /** Labels and preparations of the images; "image 1" and "none" unless given. */
  readonly images?: readonly Pick<ImageRecord, "label" | "preparation" | "unlike">[];
  /**
   * Measurements of the operator's range instead of the problem's images, which are nothing then:
   * no truth is known, so nothing is judged against one.
   */
  readonly measurements?: readonly ArrayLike<number>[];
  /** Also bounds every method's Lipschitz constant: up to sixty more gradient steps each. */
  readonly certificates?: boolean;
  /** The same as plain data, of an audit that auditFromSpec made; the result carries it. */
  readonly spec?: AuditSpec;
}

/**
 * What is known before anything is computed. Pieces belong together when their headers have one
 * fingerprint.
 */
export interface AuditHeader {
  readonly facts: Pick<
    AuditResult,
    "schemaVersion" | "software" | "spec" | "seed" | "problem" | "methods" | "metrics"
  >;
  readonly tests: readonly {
    readonly id: string;
    readonly settings: StabilityTest["settings"];
    readonly thresholds: StabilityTest["thresholds"];
    /** Why the test has no pieces: what it needs that the operator lacks. */
    readonly notApplicable?: string;
  }[];
  /** Proven Lipschitz constants, by method; null where there is none. */
  readonly bounds: readonly ({ readonly bound: number; readonly why: string } | null)[];
  readonly shape: readonly [number, number];
  /** The images' |x| that pictures show as white. */
  readonly whites: readonly number[];
  /** PSNR of the images' first images, zero-filling for k-space. */
  readonly initialPsnr: readonly number[];
  readonly pictures: Readonly<Record<string, string>>;
  readonly pieces: readonly PieceRecord[];
  readonly fingerprint: string;
}
export interface PieceRecord {
  /** The image that it is about. */
  readonly image: number;
  /** May be a file's name. */
  readonly key: string;
  /** For a progress line. */
  readonly what: string;
  readonly steps: number;
}
/** What one piece found out. Pure JSON. */
export interface Piece {
  readonly error?: string;
  readonly constant?: boolean;
  /** Why the test cannot be had of this method. */
  readonly leftOut?: string;
  readonly repeat?: Omit<Repeat, "method">;
  readonly accuracy?: Accuracy;
  readonly gradientCheck?: GradientCheck;
  readonly local?: number;
  readonly findings?: Findings;
  readonly transfers?: readonly Transfer[];
  readonly pictures?: Readonly<Record<string, string>>;
  /** |x̂ − x| by the id of their picture: float32, little-endian, base64. */
  readonly errors?: Readonly<Record<string, string>>;
  /** |x̂(r) − x̂(0)|, likewise. */
  readonly changes?: Readonly<Record<string, string>>;
}
/** A piece as JSON and back, with what JSON has no number for: an infinite PSNR stays one. */
export const encodePiece = (piece: Piece): string =>
  JSON.stringify(piece, (_, v: unknown) =>
    typeof v === "number" && !Number.isFinite(v) ? { number: String(v) } : v,
  );
export const decodePiece = (json: string): Piece =>
  JSON.parse(json, (_, v: unknown) =>
    typeof v === "object" && v !== null && Object.keys(v).join() === "number"
      ? Number((v as { number: string }).number)
      : v,
  ) as Piece;

export interface AuditPlan {
  readonly header: AuditHeader;
  /** Computes a piece; `tick` is awaited after each of its steps. */
  compute(key: string, tick?: () => Promise<void>): Promise<Piece>;
}

const packed = (maps: Readonly<Record<string, Float64Array>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(maps).map(([id, values]) => [
      id,
      base64(float32Bytes(Float32Array.from(values))),
    ]),
  );

export const cleanKey = (m: number, i: number): string => `clean-${m}-${i}`;
export const testKey = (id: string, m: number, i: number): string => `${id}-${m}-${i}`;
export const certificateKey = (m: number): string => `certificate-${m}`;

/** Throws ConfigError for what no audit can be made of. */
async function checkAudit(options: AuditOptions, count: number): Promise<void> {
  const { problem, methods, tests, seed, backend, measurements = [] } = options;
  const wanted = sizeOf(problem.operator.range);
  const strangeOne = measurements.find((y) => y.length !== wanted);
  if (strangeOne || (options.measurements && measurements.length !== problem.images.length))
    throw new ConfigError(
      `audit: ${measurements.length} measurements, one of ${strangeOne?.length ?? wanted} values; the operator's have ${wanted}, one for each of ${problem.images.length} images`,
      {},
    );
  if (count < 1 || methods.length === 0 || tests.length === 0)
    throw new ConfigError(
      `audit: ${count} images, ${methods.length} methods and ${tests.length} tests; it needs at least one of each`,
      {},
    );
  const named = { methods: methods.map((m) => m.name), tests: tests.map((t) => t.id) };
  for (const [what, names] of Object.entries(named)) {
    const twice = names.find((n, i) => names.indexOf(n) !== i);
    if (twice !== undefined)
      throw new ConfigError(`audit: two ${what} are called "${twice}"; give each its own name`, {
        name: twice,
      });
  }
  for (const method of methods) {
    const strange = misfit(method, problem.operator);
    if (strange !== undefined)
      throw new ConfigError(`audit: ${strange}; use a method that was made for this operator`, {
        name: method.name,
      });
  }
  const adjoint = await dotTest(problem.operator, { seed, backend });
  if (!(adjoint < ADJOINT_TOLERANCE))
    throw new ConfigError(
      `audit: the adjoint of ${problem.operator.name} is not its forward's adjoint (dot test ${adjoint.toExponential(1)}, bar ${ADJOINT_TOLERANCE}), so no gradient through it is right; mend it`,
      { adjoint },
    );
}

type Compute = (collected: Collected, tick: () => Promise<void>) => Promise<Piece>;
interface Job extends PieceRecord {
  readonly compute: Compute;
}

/** Said of a test that compares with the true image, where there is none. */
const NO_TRUTH = "needs the true image, and of a measurement none is known";
/** Why a test cannot be had; undefined where it can. */
const unfit = (
  { requires, referenceFree }: StabilityTest,
  { problem, known }: Pick<Laboratory, "problem" | "known">,
): string | undefined =>
  lacking(problem.operator, requires) ?? (known || referenceFree ? undefined : NO_TRUTH);

/** Said of a test that differentiates the method, where it is a program. */
const NO_GRADIENT = "needs a gradient, and a program has none";
/** One method on one image for one test. */
function tested(
  lab: Laboratory,
  test: StabilityTest,
  method: Method,
  image: number,
): Pick<Job, "steps" | "compute"> {
  const differentiable = lab.differentiable(method);
  if (test.gradients === "needed" && !differentiable)
    return { steps: 1, compute: async () => ({ leftOut: NO_GRADIENT }) };
  return {
    steps: differentiable ? test.steps : (test.queries ?? test.steps),
    async compute(collected, tick) {
      const subject = await openSubject(lab, { test, method, image, collected, tick });
      if (lab.known) return { findings: await test.examine(subject) };
      return {
        findings: { measurements: [], scores: (await test.referenceFree?.examine(subject)) ?? [] },
      };
    },
  };
}

/**
 * Every piece: first each method on each image as it is, then test by test, then the certificates.
 */
function jobsOf({ methods, tests, certificates }: AuditOptions, lab: Laboratory): Job[] {
  const { imageCount: count } = lab;
  const every = (make: (method: Method, m: number, image: number) => Job): Job[] =>
    methods.flatMap((method, m) => Array.from({ length: count }, (_, i) => make(method, m, i)));
  const clean = every((method, m, image) => ({
    key: cleanKey(m, image),
    image,
    what: `${method.name}: image ${image + 1} of ${count} without perturbation`,
    steps: 1,
    compute: (collected) => cleanPiece(lab, method, image, collected),
  }));
  const ofTests = tests
    .filter((test) => unfit(test, lab) === undefined)
    .flatMap((test) =>
      every((method, m, image) => ({
        key: testKey(test.id, m, image),
        image,
        what: `${test.id}: ${method.name}, image ${image + 1} of ${count}`,
        ...tested(lab, test, method, image),
      })),
    );
  const bounds = methods.map((method, m) => ({
    key: certificateKey(m),
    image: 0,
    what: `${method.name}: local Lipschitz constant`,
    steps: POWER_STEPS,
    compute: (_: Collected, tick: () => Promise<void>) => certificatePiece(lab, method, tick),
  }));
  return [...clean, ...ofTests, ...(certificates ? bounds : [])];
}

const metrics = {
  psnr: "dB, range = the image's maximum magnitude",
  ssim: "7×7 uniform window, sample covariance, range = the image's maximum magnitude (skimage, fastMRI)",
  nmse: "‖g − p‖²/‖g‖² of magnitudes (fastMRI)",
};

const computedOn = ({ backend, searching }: AuditOptions): string =>
  searching
    ? `${nameOfBackend(backend)}, searches on ${nameOfBackend(searching)}`
    : nameOfBackend(backend);

function factsOf(options: AuditOptions, count: number): AuditHeader["facts"] {
  const { problem, methods, seed, spec, images, measurements } = options;
  const records = Array.from({ length: count }, (_, i): ImageRecord => {
    const { label = `image ${i + 1}`, preparation = "none", unlike } = images?.[i] ?? {};
    const values = measurements ? Float32Array.from(measurements[i]) : problem.images.image(i);
    return present({
      label,
      sha256: bytesToHex(sha256(float32Bytes(values))),
      preparation,
      unlike,
    });
  });
  return present({
    schemaVersion,
    software: { name: "fiducial", version, backend: computedOn(options) },
    spec,
    seed,
    problem: present({
      operator: problem.operator.description,
      noise: { ...problem.noise },
      images: records,
      truth: measurements ? ("unknown" as const) : undefined,
    }),
    methods: methods.map(({ name, description, classical }) =>
      present({ name, description, classical }),
    ),
    metrics,
  });
}

async function headerOf(
  options: AuditOptions,
  lab: Laboratory,
  jobs: readonly Job[],
): Promise<Omit<AuditHeader, "fingerprint">> {
  const { problem, methods, tests } = options;
  const { operator, images } = problem;
  const { shape } = images;
  const views: View[] = [];
  for (let i = 0; i < lab.imageCount; i++) views.push(await lab.view(i));
  const truths = views.map(({ truth, white }, i) => [
    `image ${i}`,
    greyPicture(truth, shape, white),
  ]);
  const drawn = operator.picture?.();
  return {
    facts: factsOf(options, lab.imageCount),
    tests: tests.map((test) =>
      present({
        id: test.id,
        settings: test.settings,
        thresholds: test.thresholds,
        notApplicable: unfit(test, lab),
      }),
    ),
    bounds: methods.map((m) => m.lipschitz?.(operator) ?? null),
    shape,
    whites: views.map((v) => v.white),
    initialPsnr: views.map((v) => v.initialPsnr),
    pictures: {
      ...Object.fromEntries(truths),
      ...(drawn ? { mask: greyPicture(drawn.data, drawn.shape, 1) } : {}),
    },
    pieces: jobs.map(({ key, image, what, steps }) => ({ key, image, what, steps })),
  };
}

/** What a job found out, or why it could not. */
async function pieceOf(compute: Compute, tick: () => Promise<void>): Promise<Piece> {
  const collected: Collected = { pictures: {}, errors: {}, changes: {}, transfers: [] };
  try {
    const piece = await compute(collected, tick);
    const { pictures, errors, changes, transfers } = collected;
    return {
      ...piece,
      ...(transfers.length > 0 ? { transfers } : {}),
      pictures,
      errors: packed(errors),
      changes: packed(changes),
    };
  } catch (error) {
    if (!(error instanceof FiducialError)) throw error;
    return { error: error.message };
  }
}

/**
 * Divides an audit into pieces. The header and every piece depend on the options alone, whatever
 * computes them. Throws ConfigError when there is nothing to audit, when two methods or tests share
 * a name, when a method was made for another operator, and when the operator's adjoint is none.
 */
export async function planAudit(options: AuditOptions): Promise<AuditPlan> {
  const { problem, spec } = options;
  const imageCount = Math.min(options.imageCount ?? problem.images.length, problem.images.length);
  await checkAudit(options, imageCount);
  const lab = await openLaboratory({ ...options, imageCount });
  const jobs = jobsOf(options, lab);
  const header = await headerOf(options, lab, jobs);
  const fingerprint = spec
    ? auditFingerprint(spec)
    : bytesToHex(sha256(new TextEncoder().encode(JSON.stringify(header))));
  return {
    header: { ...header, fingerprint },
    async compute(key, tick = async () => {}) {
      const job = jobs.find((j) => j.key === key);
      if (!job) throw new ConfigError(`audit: there is no piece "${key}"`, { key });
      return pieceOf(job.compute, tick);
    },
  };
}
