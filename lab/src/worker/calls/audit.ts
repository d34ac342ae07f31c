// Section 16: a whole audit, run here as the command line runs it, and results opened and compared.
import {
  answerOf,
  audit,
  differences,
  openTest,
  readResult,
  renderHtml,
  specVersion,
  testDefaults,
  type AuditResult,
  type AuditSpec,
  type TestSpec,
} from "fiducial/audit";
import { FormatError } from "fiducial/engine";
import {
  arrayHash,
  gaussianNoise,
  networksByHash,
  type ImageSet,
  type MethodSpec,
} from "fiducial/imaging";
import type { MethodName, NetworkName, ProblemAsked } from "../break/asked.ts";
import { networkAt } from "../break/networks.ts";
import { HELD_OUT_SEED, openMethods, openProblem } from "../break/problem.ts";
import { scanRecord } from "../break/scan.ts";
import { searchesOn, type GradientBackend } from "../engine.ts";
import type { Context } from "../protocol.ts";
import { giveWay } from "../samples.ts";

/** In the command line's order. */
export const auditTests = ["ascent", "details", "rates"] as const;
export type AuditTest = (typeof auditTests)[number];
export interface AuditAsked {
  readonly problem: ProblemAsked;
  readonly network: NetworkName;
  readonly tests: readonly AuditTest[];
  /** Generated heads; a scan of the visitor's is one. */
  readonly count: number;
  /** Of the ascent, at its largest norm. */
  readonly steps: number;
  /** What the searches take their gradients on. */
  readonly backend: GradientBackend;
  /** The command that repeats it, for the report. */
  readonly command: string;
}
export interface AuditNews {
  readonly what: string;
  readonly done: number;
  readonly total: number;
}
/** One method's verdict in one test. */
export interface Claim {
  readonly test: string;
  readonly title: string;
  readonly method: string;
  readonly outcome: string;
  readonly explanation: string;
  /** "2.14 of 3 dB" */
  readonly figure: string;
}
export interface ShownResult {
  readonly name: string;
  readonly sha256: string;
  /** One paragraph: what the bench says. */
  readonly answer: string;
  readonly claims: readonly Claim[];
  /** As the command line writes it. */
  readonly json: string;
  /** The report as a page of its own. */
  readonly html: string;
}

const testSpecs = (steps: number): Readonly<Record<AuditTest, TestSpec>> => ({
  ascent: {
    kind: "instabilityAscent",
    maxPsnrLoss: testDefaults.maxPsnrLoss,
    relativeNorms: testDefaults.relativeNorms,
    iterations: steps,
  },
  details: {
    kind: "structuralChange",
    placements: testDefaults.placements,
    leastRecovery: testDefaults.leastRecovery,
  },
  rates: { kind: "samplingRates" },
});

type Figure = NonNullable<AuditResult["tests"][number]["verdicts"][number]["figure"]>;
/** What rounding left of nothing is 0. */
function figureWords({ value, threshold, unit }: Figure): string {
  const nothing = 1e-6 * (Math.abs(threshold) || 1);
  const [found, limit] = [Math.abs(value) < nothing ? 0 : value, threshold].map((v) =>
    String(Number(v.toPrecision(3))).replace("-", "−"),
  );
  return `${found} of ${limit} ${unit}`;
}
function claimsOf({ tests }: AuditResult): Claim[] {
  return tests.flatMap(({ id, title, verdicts }) =>
    verdicts.map(({ method, outcome, explanation, figure }) => ({
      ...{ test: id, title, method, outcome, explanation },
      figure: figure ? figureWords(figure) : "–",
    })),
  );
}
function shown(result: AuditResult, name: string, command: string): ShownResult {
  const { answer } = answerOf(result);
  return {
    ...{ name, sha256: result.sha256, answer, claims: claimsOf(result) },
    json: `${JSON.stringify(result)}\n`,
    html: renderHtml(result, { command }),
  };
}

/** As the command line describes them. */
const recordsOf = (asked: AuditAsked, count: number) =>
  asked.problem.image === "own"
    ? [scanRecord(asked.problem.size)]
    : Array.from({ length: count }, (_, i) => ({
        label: `generated phantom ${i + 1}`,
        preparation: "none",
      }));

function imageSpec({ problem, count }: AuditAsked, images: ImageSet): AuditSpec["images"] {
  const { size, seed, image } = problem;
  const shape = [size, size] as const;
  if (image === "own")
    return {
      kind: "given",
      shape,
      images: [{ ...scanRecord(size), sha256: arrayHash(images.image(0)) }],
    };
  return { kind: "brainPhantoms", shape, count, seed: HELD_OUT_SEED + seed };
}

/** The audit, byte for byte what the command gives; its notes, an AuditNews each, say how far. */
export async function runAudit(
  asked: AuditAsked,
  { progress, signal }: Context,
): Promise<ShownResult> {
  const { problem: wanted, network, steps, tests } = asked;
  const count = wanted.image === "own" ? 1 : asked.count;
  const names: MethodName[] = [network, "tv", "zero"];
  const opened = await openProblem(wanted, count);
  const { problem, backend, operator, images } = opened;
  const methods = await openMethods(names, wanted, opened);
  const [sha256] = networksByHash([await networkAt(network, wanted.size)]).keys();
  const sigma = wanted.noise;
  const methodSpecs: MethodSpec[] = [
    { kind: "networkReconstructor", sha256 },
    { kind: "totalVariation", sigma },
    { kind: "zeroFilled" },
  ];
  const searches = await searchesOn(asked.backend);
  const { searching } = searches;
  const chosen = auditTests
    .filter((name) => tests.includes(name))
    .map((name) => testSpecs(steps)[name]);
  const spec: AuditSpec = {
    ...{ version: specVersion, operator: operator.spec!, noise: gaussianNoise({ sigma }) },
    ...{ images: imageSpec(asked, images), methods: methodSpecs, tests: chosen },
    ...{
      certificates: false,
      seed: wanted.seed,
      backend: {
        ...{ name: backend.name, precision: "reproducible" as const },
        ...(searching?.adapter === undefined ? {} : { searches: searching.adapter }),
      },
    },
  };
  const result = await audit({
    ...{ problem, methods, tests: chosen.map(openTest), seed: wanted.seed, spec },
    ...{ backend, ...searches },
    images: recordsOf(asked, count),
    on: {
      async progress(news) {
        progress(news satisfies AuditNews);
        await giveWay();
        signal.throwIfAborted();
      },
    },
  });
  return shown(result, "this audit", asked.command);
}

/** Results that were opened, by their SHA-256. */
const openedResults = new Map<string, AuditResult>();
/** Throws FormatError for a file that is no result. */
export function openResult({ bytes, name }: { bytes: Uint8Array; name: string }): ShownResult {
  const result = readResult(bytes, name);
  openedResults.set(result.sha256, result);
  return shown(result, name, `fiducial report ${name}`);
}

export interface Difference {
  readonly field: string;
  readonly a: string;
  readonly b: string;
}
const written = (value: unknown): string => (value === undefined ? "–" : JSON.stringify(value));
/** In what two opened results differ. Throws FormatError where one is open no more. */
export function compareResults(asked: { readonly a: string; readonly b: string }): Difference[] {
  const [a, b] = [asked.a, asked.b].map((hash) => openedResults.get(hash));
  if (!a || !b) throw new FormatError("A result is open no more: open both again.");
  return differences(a, b).map(({ field, ...values }) => ({
    field,
    a: written(values.a),
    b: written(values.b),
  }));
}
