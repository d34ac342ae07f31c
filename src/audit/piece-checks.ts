// What the pieces of an audit and their header are held to when they come from files.
import { float32sOf, FormatError, quoted } from "../engine/index.ts";
import {
  aFlag,
  aHash,
  aList,
  aMap,
  aNumber,
  aRecord,
  aShape,
  aText,
  aWhole,
  check,
  maybe,
  numbers,
  type Check,
} from "../imaging/index.ts";
import { aFacts, aNumberFrom0, aNumberOrNull, type Checks } from "./detail-checks.ts";
import { cleanKey, testKey, type AuditHeader, type Piece, type PieceRecord } from "./plan.ts";
import {
  accuracy,
  gradientCheck,
  measurement,
  rate,
  repeat,
  result,
  score,
  transfer,
} from "./result-checks.ts";
import type { Findings } from "./stability/test.ts";

const aBase64: Check = check(
  "base64",
  (v) => typeof v === "string" && v.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(v),
);
const findings: Checks<Findings> = {
  measurements: aList(aRecord(measurement)),
  rates: maybe(aList(aRecord(rate))),
  scores: maybe(aList(aRecord(score))),
};
const piece: Checks<Piece> = {
  error: maybe(aText),
  constant: maybe(aFlag),
  leftOut: maybe(aText),
  repeat: maybe(aRecord(repeat)),
  accuracy: maybe(aRecord(accuracy)),
  gradientCheck: maybe(aRecord(gradientCheck)),
  local: maybe(aNumberFrom0),
  findings: maybe(aRecord(findings)),
  transfers: maybe(aList(aRecord(transfer))),
  pictures: maybe(aMap(aBase64)),
  errors: maybe(aMap(aBase64)),
  changes: maybe(aMap(aBase64)),
};
const aPiece = aRecord(piece);

/**
 * Throws FormatError, beginning with `where`, for a field that is unknown or of another type, and
 * for a map of errors that is none of the header's shape.
 */
export function checkPiece(
  value: Piece,
  { shape: [height, width] }: AuditHeader,
  where: string,
): Piece {
  // what JSON has no number for is null to the checks
  aPiece(JSON.parse(JSON.stringify(value)), where);
  const bytes = 4 * height * width;
  for (const [id, map] of Object.entries({ ...value.errors, ...value.changes })) {
    const fits =
      map.length === 4 * Math.ceil(bytes / 3) &&
      float32sOf(map).every((v) => v >= 0 && v < Number.MAX_VALUE);
    if (!fits)
      throw new FormatError(
        `${where}: its map ${quoted(id)} is not ${height}×${width} numbers from 0 up`,
        {},
      );
  }
  return value;
}

const facts: Checks<AuditHeader["facts"]> = {
  schemaVersion: result.schemaVersion,
  software: result.software,
  spec: result.spec,
  seed: result.seed,
  problem: result.problem,
  methods: result.methods,
  metrics: result.metrics,
};
const test: Checks<AuditHeader["tests"][number]> = {
  id: aText,
  settings: aFacts,
  thresholds: aFacts,
  notApplicable: maybe(aText),
};
const aBound = aRecord({ bound: aNumber, why: aText });
const record: Checks<PieceRecord> = {
  image: aWhole,
  // it is a file's name, and of no other folder
  key: check("letters, digits and dashes", (v) => typeof v === "string" && /^[a-z0-9-]+$/.test(v)),
  what: aText,
  steps: aWhole,
};
const header: Checks<AuditHeader> = {
  facts: aRecord(facts),
  tests: aList(aRecord(test)),
  bounds: aList((v, where) => {
    if (v !== null) aBound(v, where);
  }),
  shape: aShape,
  whites: numbers,
  initialPsnr: aList(aNumberOrNull),
  pictures: aMap(aBase64),
  pieces: aList(aRecord(record)),
  fingerprint: aHash,
};
const aHeader = aRecord(header);

/** Throws FormatError likewise, and where its lists do not fit one another. */
export function checkHeader(value: unknown, where: string): AuditHeader {
  aHeader(value, where);
  const { facts: own, tests, bounds, whites, initialPsnr, pieces } = value as AuditHeader;
  const fail = (what: string): never => {
    throw new FormatError(`${where}: ${what}`, {});
  };
  const images = own.problem.images.length;
  if (bounds.length !== own.methods.length) fail("it has not one bound for every method");
  if (whites.length !== images || initialPsnr.length !== images)
    fail("it has not one white for every image");
  if (own.spec && own.spec.tests.length !== tests.length)
    fail("its tests are not those of its spec");
  const keys = new Set(pieces.map((p) => p.key));
  const needed = own.methods.flatMap((_, m) =>
    own.problem.images.flatMap((_image, i) => [
      cleanKey(m, i),
      ...tests.flatMap((t) => (t.notApplicable === undefined ? testKey(t.id, m, i) : [])),
    ]),
  );
  const missing = needed.find((key) => !keys.has(key));
  if (missing !== undefined) fail(`it has no piece ${quoted(missing)}`);
  return value as AuditHeader;
}
