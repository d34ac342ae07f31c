// What a result from a file is held to before anything reads it: every field, as schema.ts has
// them and schema/result.schema.json says to others.
import { FormatError } from "../engine/index.ts";
import {
  aFlag,
  aHash,
  aList,
  aMap,
  aNumber,
  aRecord,
  aText,
  aWhole,
  check,
  maybe,
  numbers,
  oneOf,
  type Check,
} from "../imaging/index.ts";
import {
  aDetail,
  aFacts,
  aNumberFrom0,
  aNumberOrNull,
  anOutcome,
  aShare,
  aTrue,
  type Checks,
} from "./detail-checks.ts";
import type {
  Accuracy,
  AuditResult,
  Certificate,
  DetailScore,
  GradientCheck,
  ImageRecord,
  ImageScale,
  Measurement,
  MethodRecord,
  RateScore,
  Repeat,
  Score,
  TestRecord,
  Transfer,
  Verdict,
} from "./schema.ts";
import { parseAuditSpec } from "./spec.ts";

const aCount: Check = check(
  "a whole number from 1 up",
  (v) => Number.isSafeInteger(v) && (v as number) >= 1,
);
const two = (item: Check): Check => aRecord({ before: item, after: item });

export const gradientCheck: Checks<GradientCheck> = {
  method: aText,
  relativeError: aNumberFrom0,
  tolerance: aNumberFrom0,
  passed: aFlag,
};
export const repeat: Checks<Omit<Repeat, "method">> = {
  difference: aNumberFrom0,
  noise: aNumberFrom0,
};
export const accuracy: Checks<Accuracy> = {
  method: aText,
  image: aWhole,
  psnr: aNumberOrNull,
  ssim: aNumberOrNull,
  nmse: aNumberFrom0,
  maxError: aNumberFrom0,
};
const detail: Checks<DetailScore> = {
  radius: aNumber,
  contrast: aNumber,
  placements: aWhole,
  recovered: aNumber,
  low: maybe(aNumber),
  high: maybe(aNumber),
  shares: maybe(numbers),
  measured: aNumber,
  notRecoverable: aWhole,
  lost: aWhole,
  boxError: aNumber,
  ssim: aNumber,
};
export const rate: Checks<RateScore> = {
  method: aText,
  image: aWhole,
  rate: aNumber,
  psnr: aList(aNumberOrNull),
};
export const score: Checks<Score> = {
  method: aText,
  image: aWhole,
  label: aText,
  figures: aMap(aNumber),
  leftOut: maybe(aText),
  pictures: maybe(aRecord({ reconstruction: aText, change: aText })),
};
const noise: Checks<Measurement["noise"]> = {
  draws: aCount,
  measuredNorm: maybe(aNumberFrom0),
  meanOutputChange: aNumberFrom0,
  maxOutputChange: aNumberFrom0,
  psnr: aNumberOrNull,
  worstPsnr: maybe(aNumberOrNull),
  nmse: aNumberFrom0,
};
const search: Checks<NonNullable<Measurement["search"]>> = {
  goal: maybe(aText),
  changes: numbers,
  rising: aFlag,
  curve: maybe(numbers),
  start: maybe(aText),
  gradients: maybe(aWhole),
  largestChange: maybe(aNumberFrom0),
  vanishing: maybe(aFlag),
  queries: maybe(aWhole),
};
const likelihood: Checks<NonNullable<Measurement["likelihood"]>> = {
  probability: aShare,
  low: aShare,
  high: aShare,
  evaluations: aCount,
  levels: numbers,
  bound: aFlag,
};
const pictures: Checks<NonNullable<Measurement["pictures"]>> = {
  perturbation: aText,
  perturbationGained: aText,
  perturbedImage: aText,
  reconstruction: aText,
  error: aText,
  change: maybe(aText),
  gain: aNumberFrom0,
  maxError: aNumberFrom0,
};
export const measurement: Checks<Measurement> = {
  method: aText,
  image: aWhole,
  label: aText,
  relativeBudget: maybe(aNumberFrom0),
  norm: aNumberFrom0,
  relativeNorm: aNumberFrom0,
  measuredNorm: aNumberFrom0,
  outputChange: aNumberFrom0,
  amplification: aNumberFrom0,
  noise: aRecord(noise),
  strongerThanNoise: aFlag,
  psnr: two(aNumberOrNull),
  ssim: two(aNumberOrNull),
  nmse: two(aNumberFrom0),
  series: maybe(aText),
  losses: maybe(numbers),
  detail: maybe(aRecord(detail)),
  shown: maybe(aNumber),
  search: maybe(aRecord(search)),
  lossBound: maybe(aNumberFrom0),
  changeBound: maybe(aNumberFrom0),
  likelihood: maybe(aRecord(likelihood)),
  iteration: maybe(aCount),
  pictures: maybe(aRecord(pictures)),
};
const verdict: Checks<Verdict> = {
  method: aText,
  outcome: anOutcome,
  explanation: aText,
  figure: maybe(aRecord({ value: aNumberOrNull, threshold: aNumber, unit: aText })),
};
export const transfer: Checks<Transfer> = {
  from: aText,
  to: aText,
  image: aWhole,
  psnr: aNumberOrNull,
  picture: maybe(aText),
  change: maybe(aText),
};
const certificate: Checks<Certificate> = {
  method: aText,
  found: aNumberFrom0,
  local: aNumberFrom0,
  upper: maybe(aNumberFrom0),
  why: maybe(aText),
};
const scale: Checks<ImageScale> = {
  magnitude: aNumberFrom0,
  percentile: maybe(aNumber),
  error: aNumberFrom0,
  tests: maybe(aMap(aRecord({ error: aNumberFrom0, change: aNumberFrom0 }))),
};
const test: Checks<TestRecord> = {
  id: aText,
  title: aText,
  description: aText,
  source: aText,
  domain: oneOf(["image", "measurement"]),
  settings: aFacts,
  thresholds: aFacts,
  outcome: anOutcome,
  verdicts: aList(aRecord(verdict)),
  measurements: aList(aRecord(measurement)),
  transfers: maybe(aList(aRecord(transfer))),
  rates: maybe(aList(aRecord(rate))),
  scores: maybe(aList(aRecord(score))),
  details: aList(aDetail),
};
const image: Checks<ImageRecord> = {
  label: aText,
  sha256: aHash,
  preparation: aText,
  unlike: maybe(aText),
};
const method: Checks<MethodRecord> = { name: aText, description: aFacts, classical: maybe(aTrue) };
const aSpec: Check = (value, where) => {
  parseAuditSpec(value, where);
};

export const result: Checks<AuditResult> = {
  schemaVersion: aText,
  software: aRecord({ name: aText, version: aText, backend: aText }),
  spec: maybe(aSpec),
  seed: aWhole,
  problem: aRecord({
    operator: aFacts,
    noise: aFacts,
    images: aList(aRecord(image)),
    truth: maybe(oneOf(["unknown"])),
  }),
  methods: aList(aRecord(method)),
  metrics: aRecord({ psnr: aText, ssim: aText, nmse: aText }),
  gradientChecks: aList(aRecord(gradientCheck)),
  repeats: maybe(aList(aRecord({ method: aText, ...repeat }))),
  initialPsnr: maybe(aList(aNumberOrNull)),
  accuracy: aList(aRecord(accuracy)),
  tests: aList(aRecord(test)),
  certificates: maybe(aList(aRecord(certificate))),
  pictures: aMap(aText),
  scales: aList(aRecord(scale)),
  sha256: aHash,
};
const aResult = aRecord(result);
/** Before 1.3 a result did not say how its tests are shown. */
const anOldResult = aRecord({
  ...result,
  tests: aList(aRecord({ ...test, details: maybe(aList(aDetail)) })),
});

/** What a result says of images by number must be there. */
function checkReferences({ problem, accuracy, scales, tests }: AuditResult, where: string): void {
  const count = problem.images.length;
  const about = [
    ...accuracy,
    ...tests.flatMap((t) => [
      ...t.measurements,
      ...(t.rates ?? []),
      ...(t.scores ?? []),
      ...(t.transfers ?? []),
    ]),
  ];
  const elsewhere = about.find((a) => a.image >= count);
  if (elsewhere)
    throw new FormatError(
      `${where}: it has figures of image ${elsewhere.image + 1}, and there are ${count} images`,
      {},
    );
  if (scales.length < count)
    throw new FormatError(`${where}: it has ${scales.length} scales for ${count} images`, {});
}

/** Throws FormatError that names the first field which is missing, unknown or of another type. */
export function checkResult(value: unknown, where: string, { old }: { old: boolean }): AuditResult {
  (old ? anOldResult : aResult)(value, where);
  checkReferences(value as AuditResult, where);
  return value as AuditResult;
}
