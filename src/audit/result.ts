// A result read back from its file.
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { FormatError, parseJson } from "../engine/index.ts";
import { checkResult } from "./result-checks.ts";
import { schemaVersion, type AuditResult } from "./schema.ts";
import { upgraded } from "./upgrade.ts";

/** The SHA-256 that a result carries: of its JSON without that field. */
export const resultHash = (result: Omit<AuditResult, "sha256">): string =>
  bytesToHex(sha256(new TextEncoder().encode(JSON.stringify(result))));

/**
 * The result in `json`, the content of a result.json, as text or bytes; one of an older version
 * gets what it lacks, and keeps its version and SHA-256. Throws FormatError, naming `what`, when it
 * is none, when its schema is another version's, when it was changed since it was written, and when
 * a field is missing, unknown or of another type.
 */
export function readResult(json: string | Uint8Array, what: string): AuditResult {
  const value = parseJson(json, `${what}: it`, "give the result.json of an audit");
  const { schemaVersion: version, sha256: hash, ...rest } = (value ?? {}) as AuditResult;
  if (typeof version !== "string" || typeof hash !== "string" || !Array.isArray(rest.tests))
    throw new FormatError(`${what}: it is no result of an audit; give a result.json`, {});
  const [[major, minor], [ownMajor, ownMinor]] = [version, schemaVersion].map((v) =>
    v.split(".").map(Number),
  );
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
  const old = minor < ownMinor;
  return upgraded(checkResult(value, what, { old }));
}
