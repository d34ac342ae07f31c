// A result read back from its file.
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { FormatError } from "../engine/index.ts";
import { isKind } from "../report/index.ts";
import { schemaVersion, type AuditResult, type TestRecord } from "./schema.ts";
import { upgraded } from "./upgrade.ts";

/** The SHA-256 that a result carries: of its JSON without that field. */
export const resultHash = (result: Omit<AuditResult, "sha256">): string =>
  bytesToHex(sha256(new TextEncoder().encode(JSON.stringify(result))));

/** A result has some twelve levels. */
const MAX_DEPTH = 40;
function isDeeperThan(value: unknown, depth: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return depth === 0 || Object.values(value).some((v) => isDeeperThan(v, depth - 1));
}

/**
 * The result in `json`, the content of a result.json; one of an older version gets what it lacks,
 * and keeps its version and SHA-256. Throws FormatError, naming `what`, when it is
 * none, when its schema is another version's, or when it was changed since it was written.
 */
export function readResult(json: string, what: string): AuditResult {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw new FormatError(`${what}: it is no JSON, or only a part of it; give the result.json of an audit`, {});
  }
  if (isDeeperThan(value, MAX_DEPTH))
    throw new FormatError(`${what}: it is nested deeper than any result; give the result.json of an audit`, {});
  const { schemaVersion: version, sha256: hash, ...rest } = (value ?? {}) as AuditResult;
  if (typeof version !== "string" || typeof hash !== "string" || !Array.isArray(rest.tests))
    throw new FormatError(`${what}: it is no result of an audit; give a result.json`, {});
  const [[major, minor], [ownMajor, ownMinor]] = [version, schemaVersion].map((v) => v.split(".").map(Number));
  if (major > ownMajor || (major === ownMajor && minor > ownMinor))
    throw new FormatError(
      `${what}: its schema is version ${version}, this program knows ${schemaVersion}; update the program`,
      { version },
    );
  if (major < ownMajor || !Number.isInteger(minor))
    throw new FormatError(
      `${what}: its schema is version ${version}, which this program no longer reads (it knows ${schemaVersion}); repeat the audit`,
      { version },
    );
  // in the order of the fields, as it was written
  const ordered = Object.fromEntries(
    Object.entries(value as AuditResult).filter(([name]) => name !== "sha256"),
  ) as Omit<AuditResult, "sha256">;
  if (resultHash(ordered) !== hash)
    throw new FormatError(
      `${what}: its content does not fit its SHA-256, so it was changed or cut since it was written; repeat the audit`,
      {},
    );
  for (const { id, details = [] } of rest.tests as Partial<TestRecord>[]) {
    const kinds = details.map((detail): unknown => detail?.kind);
    const strange = kinds.find((kind) => !isKind(kind));
    if (kinds.some((kind) => !isKind(kind)))
      throw new FormatError(
        `${what}: test "${id}" shows a "${strange}", which this program cannot draw; repeat the audit`,
        { strange },
      );
  }
  return upgraded(value as AuditResult);
}
