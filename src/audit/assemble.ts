// The result of an audit from its pieces: verdicts over all images, pictures on common scales,
// certificates. Nothing is computed again.
import { ConfigError, float32sOf, present } from "../engine/index.ts";
import type { Box } from "../report/index.ts";
import { accuracyOf, accuracyRecord, beforehand, type Standing } from "./accuracy.ts";
import { audited } from "./audited.ts";
import { certificateKey, cleanKey, testKey, type AuditHeader, type Piece } from "./plan.ts";
import { heatPicture, whereLargest, WHITE_PERCENTILE } from "./pictures.ts";
import { resultHash } from "./result.ts";
import type {
  AuditResult,
  Certificate,
  ImageScale,
  Outcome,
  TestRecord,
  Verdict,
} from "./schema.ts";
import { foundNothing, type Found } from "./stability/shown/found.ts";
import { shownWithoutTruth } from "./stability/shown/reference-free.ts";
import { shownAsSearch } from "./stability/shown/search.ts";
import { caveat, labelled } from "./stability/shown/weaker.ts";
import type { Beside, Findings, StabilityTest } from "./stability/test.ts";

type Record_ = Omit<TestRecord, "details">;

/** The pieces by method and image, and what went wrong with a method. */
interface Gathered {
  readonly header: AuditHeader;
  readonly names: readonly string[];
  readonly images: readonly number[];
  piece(key: string): Piece;
  readonly cleans: readonly (readonly Piece[])[];
  /** Why a method could not be run at all. */
  readonly failures: readonly (string | undefined)[];
  readonly standings: readonly (Standing | undefined)[];
}

function gather(header: AuditHeader, pieceOf: (key: string) => Piece | undefined): Gathered {
  const missing = header.pieces.filter((p) => pieceOf(p.key) === undefined).map((p) => p.key);
  if (missing.length > 0) {
    const some = `${missing.slice(0, 5).join(", ")}${missing.length > 5 ? ", …" : ""}`;
    throw new ConfigError(
      `audit: ${missing.length} of ${header.pieces.length} pieces are missing: ${some}; compute the other shards and merge again`,
      { missing },
    );
  }
  const piece = (key: string): Piece => pieceOf(key)!;
  const { facts } = header;
  const names = facts.methods.map((m) => m.name);
  const images = facts.problem.images.map((_, i) => i);
  const cleans = names.map((_, m) => images.map((i) => piece(cleanKey(m, i))));
  const failures = cleans.map((own) => own.find((p) => p.error !== undefined)?.error);
  const standings = accuracyOf(header, cleans);
  return { header, names, images, piece, cleans, failures, standings };
}

function joined(pieces: readonly Piece[]): Findings {
  const findings = pieces.flatMap((p) => p.findings ?? []);
  return {
    measurements: findings.flatMap((f) => f.measurements),
    rates: findings.flatMap((f) => f.rates ?? []),
    scores: findings.flatMap((f) => f.scores ?? []),
  };
}

/** A test that the operator cannot have. */
function leftOut(test: StabilityTest, names: readonly string[], explanation: string): Record_ {
  const { id, title, description, source, domain, settings, thresholds } = test;
  const verdicts = names.map(
    (method): Verdict => ({ method, outcome: "not-applicable", explanation }),
  );
  const outcome = "not-applicable";
  return {
    id,
    title,
    description,
    source,
    domain,
    settings,
    thresholds,
    outcome,
    verdicts,
    measurements: [],
  };
}

/**
 * What a test found for one method, judged beside the classical methods and what is known of it.
 */
function verdictOf(
  gathered: Gathered,
  test: StabilityTest,
  found: readonly (readonly Piece[])[],
  m: number,
): Verdict {
  const { names, failures, cleans, standings, header } = gathered;
  const method = names[m];
  const broken = failures[m] ?? found[m].find((p) => p.error !== undefined)?.error;
  if (broken !== undefined) return { method, outcome: "error", explanation: broken };
  const left = found[m].find((p) => p.leftOut !== undefined)?.leftOut;
  if (left !== undefined) return { method, outcome: "not-applicable", explanation: left };
  const references = header.facts.methods.flatMap(({ name, classical }, k) =>
    classical && k !== m && failures[k] === undefined && !cleans[k][0].constant
      ? [{ method: name, findings: joined(found[k]) }]
      : [],
  );
  const gradient = test.gradients ? cleans[m][0].gradientCheck : undefined;
  const known = (verdict: Verdict): Verdict =>
    beforehand(verdict, { standing: standings[m], gradient, repeat: cleans[m][0].repeat });
  if (header.facts.problem.truth === "unknown") {
    const { scores = [] } = joined(found[m]);
    const explanation =
      scores.length > 0
        ? `is not judged, but ${test.referenceFree!.say(scores)}`
        : "is not judged, and nothing was measured";
    return known({ method, outcome: "not-applicable", explanation });
  }
  const beside: Beside = { references, bound: header.bounds[m] ?? undefined };
  const verdict = test.judge(method, joined(found[m]), beside);
  if (cleans[m][0].constant) {
    const explanation = `gives the same image whatever is measured, so there is nothing to test; ${verdict.explanation}`;
    return { ...verdict, outcome: "error", explanation };
  }
  return known(verdict);
}

function recordOf(gathered: Gathered, test: StabilityTest, t: number): Record_ {
  const { header, names, images, piece } = gathered;
  const { notApplicable } = header.tests[t];
  if (notApplicable !== undefined) return leftOut(test, names, notApplicable);
  const found = names.map((_, m) => images.map((i) => piece(testKey(test.id, m, i))));
  const verdicts = names.map((_, m) => verdictOf(gathered, test, found, m));
  const all = found.flat();
  const { measurements, rates = [], scores = [] } = joined(all);
  const transfers = all.flatMap((p) => p.transfers ?? []);
  const outcome = outcomeFor(header, verdicts);
  return present({
    id: test.id,
    title: outcome === "fail" ? test.failureTitle : test.title,
    description: test.description,
    source: test.source,
    domain: test.domain,
    settings: test.settings,
    thresholds: test.thresholds,
    outcome,
    verdicts,
    measurements,
    transfers: transfers.length > 0 ? transfers : undefined,
    rates: rates.length > 0 ? rates : undefined,
    scores: scores.length > 0 ? scores : undefined,
  });
}
/** A test's outcome is that of the method which the audit is about. */
const outcomeFor = (header: AuditHeader, verdicts: readonly Verdict[]): Outcome =>
  verdicts.find((v) => v.method === audited(header.facts.methods))?.outcome ?? "not-applicable";

function certificatesOf(gathered: Gathered, records: readonly Record_[]): Certificate[] {
  const { header, names, failures, piece } = gathered;
  if (!header.pieces.some((p) => p.key === certificateKey(0))) return [];
  return names.flatMap((method, m): Certificate[] => {
    const { local } = piece(certificateKey(m));
    if (failures[m] !== undefined || local === undefined) return [];
    const ratios = records
      .flatMap((t) => t.measurements)
      .filter((x) => x.method === method && x.measuredNorm > 0)
      .map((x) => x.outputChange / x.measuredNorm);
    const found = Math.max(0, ...ratios);
    const seen = Math.max(local, found);
    const proven = header.bounds[m];
    if (proven && seen > proven.bound * (1 + 1e-3))
      throw new ConfigError(
        `audit: ${method} was seen to change by ${seen} times its measurement's change, more than its proven bound ${proven.bound} (${proven.why}); the bound or the measurement is wrong`,
        { method },
      );
    return [present({ method, found, local, upper: proven?.bound, why: proven?.why })];
  });
}

/** What a report shows pictures on: tops of colour scales, and where each change is largest. */
interface Coloured {
  readonly error: number;
  readonly change: number;
  readonly regions: Record<string, Box>;
}
/** Colours the maps of pieces of one image: all of one kind on one scale. */
function colour(
  { header }: Gathered,
  pieces: readonly Piece[],
  pictures: Record<string, string>,
): Coloured {
  const regions: Record<string, Box> = {};
  const topOf = (which: "errors" | "changes"): number => {
    const maps = pieces.flatMap((p) => Object.entries(p[which] ?? {}));
    const unpacked = maps.map(([id, packed]) => ({ id, values: float32sOf(packed) }));
    const top = unpacked.reduce(
      (most, { values }) => values.reduce((a, b) => Math.max(a, b), most),
      1e-12,
    );
    for (const { id, values } of unpacked) {
      pictures[id] = heatPicture(values, header.shape, top);
      if (which === "changes") regions[id] = whereLargest(values, header.shape);
    }
    return top;
  };
  return { error: topOf("errors"), change: topOf("changes"), regions };
}

interface Scales {
  readonly scales: readonly ImageScale[];
  /** What the pictures of the t-th test are shown on. */
  of(t: number): Pick<Found, "scales" | "regions">;
}
/** Colours every map: without perturbation by image, with it by image and test. */
function colourAll(
  gathered: Gathered,
  records: readonly Record_[],
  pictures: Record<string, string>,
): Scales {
  const { header, names, images, piece, cleans } = gathered;
  const clean = (i: number): Piece[] => cleans.map((own) => own[i]);
  const tried = (id: string, i: number): Piece[] => names.map((_, m) => piece(testKey(id, m, i)));
  const undisturbed = images.map((i) => colour(gathered, clean(i), pictures));
  const disturbed = records.map(({ id }, t) =>
    header.tests[t].notApplicable === undefined
      ? images.map((i) => colour(gathered, tried(id, i), pictures))
      : [],
  );
  const white = (i: number): Pick<ImageScale, "magnitude" | "percentile"> => ({
    magnitude: header.whites[i],
    percentile: WHITE_PERCENTILE,
  });
  const topsOf = (i: number): [string, { error: number; change: number }][] =>
    records.flatMap(({ id }, t) =>
      disturbed[t].slice(i, i + 1).map(({ error, change }) => [id, { error, change }] as const),
    );
  return {
    scales: images.map((i) => ({
      ...white(i),
      error: undisturbed[i].error,
      tests: Object.fromEntries(topsOf(i)),
    })),
    of: (t) => ({
      scales: disturbed[t].map(({ error, change }, i) => ({ ...white(i), error, change })),
      regions: Object.fromEntries(disturbed[t].flatMap(({ regions }) => Object.entries(regions))),
    }),
  };
}

/**
 * Puts the pieces of one audit together. `tests` are those of the plan. Throws ConfigError when a
 * piece is missing, and when a lower bound lies above a proven upper one.
 */
export function assembleAudit(
  header: AuditHeader,
  tests: readonly StabilityTest[],
  pieceOf: (key: string) => Piece | undefined,
): AuditResult {
  const gathered = gather(header, pieceOf);
  const { names, piece, cleans, failures } = gathered;
  const { facts } = header;
  const accurate = accuracyRecord(header, gathered.standings, failures, cleans);
  const records = tests.map((test, t) => recordOf(gathered, test, t));
  const certificates = certificatesOf(gathered, records);

  const pictures: Record<string, string> = { ...header.pictures };
  for (const { key } of header.pieces) Object.assign(pictures, piece(key).pictures);
  const accuracy = cleans.flatMap((own, m) =>
    failures[m] === undefined ? own.flatMap((p) => p.accuracy ?? []) : [],
  );
  const repeats = cleans.flatMap(([{ repeat }], m) =>
    repeat ? [{ method: names[m], ...repeat }] : [],
  );
  const { scales, of: shownOn } = colourAll(gathered, records, pictures);
  const around: Omit<Found, "test" | "scales" | "regions"> = {
    methods: names,
    audited: audited(facts.methods),
    images: facts.problem.images,
    accuracy,
    shape: header.shape,
    sampledFraction: Number(facts.problem.operator.sampledFraction),
  };
  const unknown = facts.problem.truth === "unknown";
  const shown = (record: Record_, t: number): TestRecord => {
    if (foundNothing(record)) return { ...record, details: [] };
    const found: Found = { ...around, ...shownOn(t), test: record };
    const show = unknown ? shownWithoutTruth : (tests[t].show ?? shownAsSearch);
    return { ...record, details: [...caveat(found), ...show(labelled(found))] };
  };
  const result: Omit<AuditResult, "sha256"> = present({
    ...facts,
    initialPsnr: unknown ? undefined : header.initialPsnr,
    gradientChecks: cleans.flatMap((own) => own[0].gradientCheck ?? []),
    repeats: repeats.length > 0 ? repeats : undefined,
    accuracy,
    tests: [
      { ...accurate, outcome: outcomeFor(header, accurate.verdicts), details: [] },
      ...records.map(shown),
    ],
    certificates: certificates.length > 0 ? certificates : undefined,
    pictures,
    scales,
  });
  return { ...result, sha256: resultHash(result) };
}
