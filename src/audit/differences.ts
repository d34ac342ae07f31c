// In what two audits differ, field by field. Arrays and networks stand in their specs by hash.
import type { AuditResult } from "./schema.ts";

/** A field and its value in either; undefined where it is not there. */
export interface Difference {
  /** "operator.mask.seed" */
  readonly field: string;
  readonly a: unknown;
  readonly b: unknown;
}
type Fields = Readonly<Record<string, unknown>>;

/**
 * Lists of specs by their kinds ("totalVariation", then "totalVariation 2"): order is no
 * difference.
 */
function fieldsOf(value: unknown): Fields | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if (!Array.isArray(value)) return value as Fields;
  if (!value.every((item) => typeof item?.kind === "string")) return undefined;
  const seen = new Map<string, number>();
  return Object.fromEntries(
    value.map(({ kind, ...rest }) => {
      const nth = (seen.get(kind) ?? 0) + 1;
      seen.set(kind, nth);
      return [nth === 1 ? kind : `${kind} ${nth}`, rest];
    }),
  );
}
function compare(field: string, a: unknown, b: unknown): Difference[] {
  const [p, q] = [fieldsOf(a), fieldsOf(b)];
  if (!p || !q) return JSON.stringify(a) === JSON.stringify(b) ? [] : [{ field, a, b }];
  const names = [...new Set([...Object.keys(p), ...Object.keys(q)])];
  return names.flatMap((name) =>
    compare(field === "" ? name : `${field}.${name}`, p[name], q[name]),
  );
}

/** What a result without a spec says of the same. */
function recorded({ seed, problem, methods, tests }: AuditResult): Fields {
  const { operator, noise } = problem;
  return {
    seed,
    operator,
    noise,
    methods: Object.fromEntries(methods.map(({ name, description }) => [name, description])),
    tests: Object.fromEntries(
      tests.map(({ id, settings, thresholds }) => [id, { settings, thresholds }]),
    ),
  };
}

/** Every field in which two audits differ. */
export function differences(a: AuditResult, b: AuditResult): Difference[] {
  const fields = (r: AuditResult): Fields => ({
    ...(a.spec && b.spec ? r.spec : recorded(r)),
    "software version": r.software.version,
    "schema version": r.schemaVersion,
    backend: r.spec?.backend ?? r.software.backend,
    "images' SHA-256": Object.fromEntries(
      r.problem.images.map((image, i) => [String(i + 1), image.sha256]),
    ),
  });
  return compare("", fields(a), fields(b));
}
/** Whether a difference is one of what was done to the problem, not of the problem. */
export const ofTheBench = ({ field }: Difference): boolean =>
  /^(methods|tests|certificates)\b/.test(field);
