// An audit as plain data. Workers, shards, a merge, a run that goes on and the result read the
// same.
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { ConfigError, FormatError, version as software, type Backend } from "../engine/index.ts";
import {
  analyticEllipses,
  aFlag,
  aHash,
  aList,
  aMethod,
  aNumber,
  arrayOf,
  aRecord,
  aShape,
  aText,
  aWhole,
  brainPhantoms,
  canonical,
  checkSpec,
  imagesFrom,
  inverseProblem,
  maybe,
  oneOf,
  openMethod,
  openOperator,
  parseOperatorSpec,
  type Arrays,
  type Check,
  type ImageSet,
  type Kinds,
  type MethodsGiven,
  type MethodSpec,
  type Networks,
  type Noise,
  type OperatorSpec,
} from "../imaging/index.ts";
import type { AuditOptions } from "./plan.ts";
import type { ImageRecord } from "./schema.ts";
import { aTest, openTest, type TestSpec } from "./stability/index.ts";

/** Of the spec's own form: another number when a field changes its meaning. */
export const specVersion = 1;
type Size = readonly [number, number];

export interface ImageKinds {
  /** Generated, none of them from a training. */
  brainPhantoms: {
    readonly shape: Size;
    readonly count: number;
    readonly seed: number;
    readonly mosaics?: number;
  };
  /** Generated, and measured from their formulas. */
  analyticEllipses: { readonly shape: Size; readonly count: number; readonly seed: number };
  /** Arrays [2,H,W], by the hashes of their values. */
  given: { readonly shape: Size; readonly images: readonly ImageRecord[] };
  /** Measurements of the operator's range, by the hashes of their values: no truth is known. */
  measured: { readonly shape: Size; readonly measurements: readonly ImageRecord[] };
}
export type ImageSpec = {
  [K in keyof ImageKinds]: { readonly kind: K } & ImageKinds[K];
}[keyof ImageKinds];

export interface AuditSpec {
  readonly version: typeof specVersion;
  readonly operator: OperatorSpec;
  readonly noise: Noise;
  readonly images: ImageSpec;
  readonly methods: readonly MethodSpec[];
  readonly tests: readonly TestSpec[];
  /** Whether every method's Lipschitz constant is bounded. */
  readonly certificates: boolean;
  readonly seed: number;
  /** What of the backend changes bits. */
  readonly backend: {
    readonly name: string;
    readonly precision: "reproducible" | "fast";
    /** The graphics adapter that searches take their gradients on, where one does. */
    readonly searches?: string;
  };
}
/** What a spec names by hash. */
export interface Given {
  readonly arrays: Arrays;
  readonly networks: Networks;
  /** Programs that the host runs, by the hash of their specs. */
  readonly programs?: MethodsGiven["programs"];
}

const records: Check = aList(
  aRecord({ label: aText, sha256: aHash, preparation: aText, unlike: maybe(aText) }),
);
const imageKinds: {
  readonly [K in keyof ImageKinds]: { readonly [F in keyof Required<ImageKinds[K]>]: Check };
} & Kinds = {
  brainPhantoms: { shape: aShape, count: aWhole, seed: aWhole, mosaics: maybe(aNumber) },
  analyticEllipses: { shape: aShape, count: aWhole, seed: aWhole },
  given: { shape: aShape, images: records },
  measured: { shape: aShape, measurements: records },
};
const fields: { readonly [K in keyof AuditSpec]: Check } = {
  version: aWhole,
  operator: parseOperatorSpec,
  noise: (value, where) => checkSpec(value, where, { gaussian: { sigma: aNumber } }),
  images: (value, where) => checkSpec(value, where, imageKinds),
  methods: aList(aMethod),
  tests: aList(aTest),
  certificates: aFlag,
  seed: aWhole,
  backend: aRecord({
    name: aText,
    precision: oneOf(["reproducible", "fast"]),
    searches: maybe(aText),
  }),
};
const anAudit = aRecord(fields);

/**
 * A value from a file as a spec. Throws FormatError that begins with `where` and names what this
 * version does not know: a newer version, a field, an operator, a method, a test.
 */
export function parseAuditSpec(value: unknown, where: string): AuditSpec {
  const { version } = (value ?? {}) as { version?: unknown };
  if (typeof version === "number" && version > specVersion)
    throw new FormatError(
      `${where}: it is of version ${version}, this program knows version ${specVersion}; update the program`,
      { version },
    );
  anAudit(value, where);
  return value as AuditSpec;
}

/** Names an audit: SHA-256 of its spec and of the version that computes it. */
export const auditFingerprint = (spec: AuditSpec): string =>
  bytesToHex(sha256(new TextEncoder().encode(canonical({ spec, software }))));

interface OpenedImages {
  readonly set: ImageSet;
  readonly records: readonly Pick<ImageRecord, "label" | "preparation" | "unlike">[];
  /** Where no truth is known; the images are empty then. */
  readonly measurements?: readonly Float32Array[];
}
function openImages(spec: ImageSpec, arrays: Arrays): OpenedImages {
  if (spec.kind !== "given" && spec.kind !== "measured") {
    const isAnalytic = spec.kind === "analyticEllipses";
    const preparation = isAnalytic
      ? "none; measured from its formula, not from its pixels"
      : "none";
    const generated = (_: unknown, i: number): OpenedImages["records"][number] => ({
      label: `generated phantom ${i + 1}`,
      preparation,
    });
    return {
      set: isAnalytic ? analyticEllipses(spec) : brainPhantoms(spec),
      records: Array.from({ length: spec.count }, generated),
    };
  }
  const values = ({ sha256, label }: ImageRecord): Float32Array =>
    Float32Array.from(arrayOf(arrays, sha256, label).data);
  if (spec.kind === "given")
    return { set: imagesFrom(spec.images.map(values), spec.shape), records: spec.images };
  const nothing = spec.measurements.map(() => new Float32Array(2 * spec.shape[0] * spec.shape[1]));
  const measurements = spec.measurements.map(values);
  return { set: imagesFrom(nothing, spec.shape), records: spec.measurements, measurements };
}

/**
 * The audit that a spec describes, on a backend that gives its bits. Throws ConfigError for another
 * backend and for options out of range, FormatError for an array, a network or a
 * program that is not given.
 */
export function auditFromSpec(
  spec: AuditSpec,
  { arrays, networks, programs }: Given,
  backend: Backend,
  searching?: Backend,
): AuditOptions {
  if (searching?.adapter !== spec.backend.searches)
    throw new ConfigError(
      `audit: its searches are to run on ${spec.backend.searches ?? "no graphics card"}, this one is ${searching?.adapter ?? "none"}; another one's bits differ`,
      { wanted: spec.backend.searches },
    );
  if (backend.name !== spec.backend.name)
    throw new ConfigError(
      `audit: it is to run on the backend ${spec.backend.name}, this one is ${backend.name}; open that one`,
      { wanted: spec.backend.name },
    );
  const { set, records, measurements } = openImages(spec.images, arrays);
  return {
    spec,
    ...(measurements ? { measurements } : {}),
    problem: inverseProblem({
      operator: openOperator(spec.operator, arrays),
      noise: spec.noise,
      images: set,
    }),
    methods: spec.methods.map((method) => openMethod(method, networks, programs)),
    tests: spec.tests.map(openTest),
    seed: spec.seed,
    backend,
    ...(searching ? { searching } : {}),
    images: records,
    certificates: spec.certificates,
  };
}
