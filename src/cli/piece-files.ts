// An audit's pieces on disk: a header that says of which audit they are, and a file for each, bound
// to that audit and to its own content.
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { join } from "node:path";
import {
  checkHeader,
  checkPiece,
  decodePiece,
  parseAuditSpec,
  type AuditHeader,
  type Piece,
  type PieceRecord,
} from "../audit/index.ts";
import { FormatError, parseJson, quoted } from "../engine/index.ts";
import { aRecord, aText, aWhole } from "../imaging/index.ts";
import type { Shard } from "./audit-options.ts";
import { fileExists, listFolder, moveFile, readFile, removeFolder, writeFiles } from "./files.ts";

/** What a folder of pieces says about itself. */
export interface PiecesHeader {
  readonly header: AuditHeader;
  readonly command: string;
  readonly shard: Shard;
}
export const folderOf = (out: string): string => join(out, "pieces");
const headerOf = (out: string): string => join(folderOf(out), HEADER);
const pieceFile = (out: string, key: string): string => join(folderOf(out), `${key}.json`);
const removedFolder = (out: string): string => join(out, ".pieces-removed");
const HEADER = "audit.json";

/** The pieces of a shard: every N-th. */
export const piecesOf = (header: AuditHeader, { index, count }: Shard): PieceRecord[] =>
  header.pieces.filter((_, k) => k % count === index);

// ---- files: a piece is bound to its audit and to its own content ----

const hashOf = (text: string): string => bytesToHex(sha256(new TextEncoder().encode(text)));
function sealed(fingerprint: string, key: string, content: string): string {
  return `{"audit":"${fingerprint}","key":${JSON.stringify(key)},"sha256":"${hashOf(content)}","content":${content}}`;
}
/** The value of a JSON file. Throws FormatError, saying what to do, when it is none. */
function readJson(path: string, remedy: string): unknown {
  return parseJson(readFile(path, remedy), `${path}: it`, remedy);
}
/**
 * The content of a sealed file. Throws FormatError when it is another audit's, or not as it was.
 */
function unsealed(
  path: string,
  { audit, key, remedy }: { audit?: string; key: string; remedy: string },
): string {
  const value = readJson(path, remedy);
  const fail = (what: string): never => {
    throw new FormatError(`${path}: ${what}; ${remedy}`, {});
  };
  const { content, ...seal } = (value ?? {}) as Record<string, unknown>;
  if (typeof seal.audit !== "string" || typeof seal.sha256 !== "string" || content === undefined)
    fail("it is no piece of an audit that this version knows");
  if (audit !== undefined && seal.audit !== audit) fail("it is a piece of another audit");
  if (seal.key !== key) fail(`it is the piece ${quoted(seal.key)} under another name`);
  const text = JSON.stringify(content);
  if (hashOf(text) !== seal.sha256)
    fail("its content does not fit its SHA-256, so it was changed or cut");
  return text;
}

const anOwn = aRecord({
  header: checkHeader,
  command: aText,
  shard: aRecord({ index: aWhole, count: aWhole }),
});
/**
 * What the folder says about itself; undefined where nothing was begun. Throws FormatError for
 * pieces without a header, and for a header that was changed.
 */
export function readPiecesHeader(out: string): PiecesHeader | undefined {
  const remedy = `remove ${folderOf(out)} and compute it again`;
  if (!fileExists(headerOf(out))) {
    const strays = fileExists(folderOf(out)) ? listFolder(folderOf(out)) : [];
    if (strays.length === 0) return undefined;
    throw new FormatError(
      `${folderOf(out)}: it holds ${strays.length} files and no ${HEADER} that says of which audit; ${remedy}`,
      {},
    );
  }
  const own = JSON.parse(unsealed(headerOf(out), { key: HEADER, remedy })) as PiecesHeader;
  anOwn(own, headerOf(out));
  parseAuditSpec(own.header.facts.spec, `${headerOf(out)}: the audit`);
  return own;
}
/** The pieces of that audit that the folder holds. Throws FormatError for what is none of them. */
export function readPieces(out: string, header: AuditHeader): Map<string, Piece> {
  const { fingerprint, pieces } = header;
  const keys = pieces.map((p) => p.key);
  const found = keys.filter((key) => fileExists(pieceFile(out, key)));
  return new Map(
    found.map((key) => {
      const remedy = "remove it and run its audit again";
      const path = pieceFile(out, key);
      return [
        key,
        checkPiece(decodePiece(unsealed(path, { audit: fingerprint, key, remedy })), header, path),
      ];
    }),
  );
}
/**
 * The folder gets another name first: one that is there under its own is whole, whenever its
 * removal is cut short.
 */
export function removePieces(out: string): void {
  if (fileExists(folderOf(out))) moveFile(folderOf(out), removedFolder(out));
  removeFolder(removedFolder(out));
}
/** What the removal of an earlier audit's pieces left when it was cut short. */
export const removeLeftovers = (out: string): void => {
  removeFolder(removedFolder(out));
};
export function writePiecesHeader(out: string, own: PiecesHeader): void {
  const content = sealed(own.header.fingerprint, HEADER, JSON.stringify(own));
  writeFiles([{ path: headerOf(out), content }]);
}
/** `json` is what encodePiece gave. */
export function writePiece(
  out: string,
  { fingerprint }: AuditHeader,
  key: string,
  json: string,
): void {
  writeFiles([{ path: pieceFile(out, key), content: sealed(fingerprint, key, json) }]);
}
