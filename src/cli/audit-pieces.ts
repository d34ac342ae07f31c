// An audit's pieces on disk and on the processors: each is written as soon as it is known, so that
// an audit that was stopped goes on where it was, and parts of it can be computed on other
// machines.
import { Worker } from "node:worker_threads";
import { join } from "node:path";
import {
  decodePiece,
  encodePiece,
  parseAuditSpec,
  type AuditHeader,
  type AuditPlan,
  type Piece,
  type PieceRecord,
} from "../audit/index.ts";
import { ConfigError, FormatError } from "../engine/index.ts";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import type { Shard } from "./audit-options.ts";
import type { Handed } from "./audit-setup.ts";
import { MachineError } from "./errors.ts";
import { fileExists, listFolder, moveFile, readFile, removeFolder, writeFiles } from "./files.ts";
import type { Terminal } from "./terminal.ts";

/** What a folder of pieces says about itself. */
export interface PiecesHeader {
  readonly header: AuditHeader;
  readonly command: string;
  readonly shard: Shard;
}
const folderOf = (out: string): string => join(out, "pieces");
const headerOf = (out: string): string => join(folderOf(out), HEADER);
const fileOf = (out: string, key: string): string => join(folderOf(out), `${key}.json`);
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
  const text = new TextDecoder().decode(readFile(path, remedy));
  try {
    return JSON.parse(text);
  } catch {
    throw new FormatError(`${path}: it is no JSON; ${remedy}`, {});
  }
}
/** The content of a sealed file. Throws FormatError when it is another audit's, or not as it was. */
function unsealed(path: string, { audit, key, remedy }: { audit?: string; key: string; remedy: string }): string {
  const value = readJson(path, remedy);
  const fail = (what: string): never => {
    throw new FormatError(`${path}: ${what}; ${remedy}`, {});
  };
  const { content, ...seal } = (value ?? {}) as Record<string, unknown>;
  if (typeof seal.audit !== "string" || typeof seal.sha256 !== "string" || content === undefined)
    fail("it is no piece of an audit that this version knows");
  if (audit !== undefined && seal.audit !== audit) fail("it is a piece of another audit");
  if (seal.key !== key) fail(`it is the piece ${String(seal.key)} under another name`);
  const text = JSON.stringify(content);
  if (hashOf(text) !== seal.sha256) fail("its content does not fit its SHA-256, so it was changed or cut");
  return text;
}

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
  parseAuditSpec(own.header.facts.spec, `${headerOf(out)}: the audit`);
  return own;
}
/** The pieces of that audit that the folder holds. Throws FormatError for what is none of them. */
export function readPieces(out: string, { fingerprint, pieces }: AuditHeader): Map<string, Piece> {
  const keys = pieces.map((p) => p.key);
  const found = keys.filter((key) => fileExists(fileOf(out, key)));
  return new Map(
    found.map((key) => {
      const remedy = "remove it and run its audit again";
      return [key, decodePiece(unsealed(fileOf(out, key), { audit: fingerprint, key, remedy }))];
    }),
  );
}
/**
 * The folder gets another name first: one that is there under its own is whole, whenever its
 * removal is cut short.
 */
export function removePieces(out: string): void {
  if (fileExists(folderOf(out))) moveFile(folderOf(out), gone(out));
  removeFolder(gone(out));
}
const gone = (out: string): string => join(out, ".pieces-removed");

interface Computing {
  readonly own: Omit<PiecesHeader, "header">;
  /** For other threads. */
  readonly handed: Handed;
  readonly threads: number;
  readonly terminal: Terminal;
}
const sameWork = (a: PiecesHeader, b: PiecesHeader): boolean =>
  a.header.fingerprint === b.header.fingerprint && a.shard.index === b.shard.index && a.shard.count === b.shard.count;

/**
 * Computes the pieces of a shard that the folder lacks, on `threads` threads, and writes each as
 * soon as it is known. Throws ConfigError when the folder holds another audit's.
 */
export async function computePieces(
  out: string,
  plan: AuditPlan,
  { own, handed, threads, terminal }: Computing,
): Promise<Map<string, Piece>> {
  const { header } = plan;
  removeFolder(gone(out));
  const there = readPiecesHeader(out);
  if (there && !sameWork(there, { header, ...own }))
    throw new ConfigError(
      `${folderOf(out)}: it holds the pieces of an unfinished audit with other options (${there.command}); finish that one, remove the folder, or choose another --out`,
      {},
    );
  const pieces = there ? readPieces(out, header) : new Map<string, Piece>();
  if (!there) {
    const content = JSON.stringify({ header, ...own });
    writeFiles([{ path: headerOf(out), content: sealed(header.fingerprint, HEADER, content) }]);
  }
  const wanted = piecesOf(header, own.shard);
  const open = wanted.filter((p) => !pieces.has(p.key));
  if (open.length < wanted.length)
    terminal.note(
      `${wanted.length - open.length} of ${wanted.length} pieces of this audit are there already; going on from there`,
    );
  const total = open.reduce((n, p) => n + p.steps, 0);
  let finished = 0;
  const running = new Map<string, number>();
  const progress = (piece: PieceRecord): Promise<void> =>
    terminal.progress(piece.what, finished + [...running.values()].reduce((a, b) => a + b, 0), total);
  const tick = (piece: PieceRecord): Promise<void> => {
    running.set(piece.key, Math.min(piece.steps, (running.get(piece.key) ?? 0) + 1));
    return progress(piece);
  };
  const finish = (piece: PieceRecord, json: string): Promise<void> => {
    writeFiles([{ path: fileOf(out, piece.key), content: sealed(header.fingerprint, piece.key, json) }]);
    pieces.set(piece.key, decodePiece(json));
    running.delete(piece.key);
    finished += piece.steps;
    return progress(piece);
  };

  const queue = [...open];
  if (threads <= 1 || open.length <= 1) {
    for (const piece of queue) await finish(piece, encodePiece(await plan.compute(piece.key, () => tick(piece))));
    return pieces;
  }
  const workers = Array.from(
    { length: Math.min(threads, open.length) },
    () => new Worker(new URL("./audit-worker.js", import.meta.url), { workerData: handed }),
  );
  try {
    await Promise.all(
      workers.map(
        (worker) =>
          new Promise<void>((resolve, reject) => {
            let piece: PieceRecord | undefined;
            const next = (): void => {
              piece = queue.shift();
              if (piece) worker.postMessage(piece.key);
              else resolve();
            };
            worker.on("error", reject);
            worker.on("exit", () => {
              reject(
                new MachineError(
                  "a worker thread ended before its work; run the same command again, it goes on from there",
                  {},
                ),
              );
            });
            worker.on("message", (json: string | null) => {
              if (!piece) return;
              if (json === null) void tick(piece);
              else finish(piece, json).then(next, reject);
            });
            next();
          }),
      ),
    );
  } finally {
    await Promise.all(workers.map((w) => w.terminate()));
  }
  return pieces;
}
