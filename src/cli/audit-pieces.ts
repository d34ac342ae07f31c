// An audit's pieces on disk and on the processors: each is written as soon as it is known, so that
// an audit that was stopped goes on where it was, and parts of it can be computed on other
// machines.
import { Worker } from "node:worker_threads";
import { join } from "node:path";
import {
  decodePiece,
  encodePiece,
  type AuditHeader,
  type AuditPlan,
  type Piece,
  type PieceRecord,
} from "../audit/index.ts";
import { ConfigError, FormatError } from "../engine/index.ts";
import type { AuditValues, Shard } from "./audit-options.ts";
import { MachineError } from "./errors.ts";
import { fileExists, listFolder, readFile, removeFolder, writeFiles } from "./files.ts";
import type { Terminal } from "./terminal.ts";

/** What a folder of pieces says about itself. `options` are those that tests are made from. */
export interface PiecesHeader {
  readonly header: AuditHeader;
  readonly options: Partial<AuditValues>;
  readonly command: string;
  readonly shard: Shard;
}

const folderOf = (out: string): string => join(out, "pieces");
const headerOf = (out: string): string => join(folderOf(out), "audit.json");
const fileOf = (out: string, key: string): string => join(folderOf(out), `${key}.json`);
const text = (path: string): string => new TextDecoder().decode(readFile(path));

/** The pieces of a shard: every N-th. */
export const piecesOf = (header: AuditHeader, { index, count }: Shard): PieceRecord[] =>
  header.pieces.filter((_, k) => k % count === index);

/**
 * Whether the pieces of two folders are of one audit; precision is an option that no header tells
 * of.
 */
export const belongTogether = (a: Omit<PiecesHeader, "shard">, b: Omit<PiecesHeader, "shard">): boolean =>
  a.header.fingerprint === b.header.fingerprint && JSON.stringify(a.options) === JSON.stringify(b.options);

export function readPiecesHeader(out: string): PiecesHeader | undefined {
  if (!fileExists(headerOf(out))) return undefined;
  try {
    return JSON.parse(text(headerOf(out))) as PiecesHeader;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new FormatError(`${headerOf(out)}: it is no JSON; remove ${folderOf(out)} and compute it again`, {});
  }
}
/** The pieces that a folder holds. */
export function readPieces(out: string): Map<string, Piece> {
  const names = fileExists(folderOf(out))
    ? listFolder(folderOf(out)).filter((n) => n.endsWith(".json") && n !== "audit.json")
    : [];
  return new Map(
    names.map((name) => {
      try {
        return [name.slice(0, -".json".length), decodePiece(text(join(folderOf(out), name)))];
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error;
        throw new FormatError(
          `${join(folderOf(out), name)}: it is no JSON; remove it and run the same command again`,
          {},
        );
      }
    }),
  );
}
export const removePieces = (out: string): void => {
  removeFolder(folderOf(out));
};

/**
 * Computes the pieces of a shard that the folder lacks, on `threads` threads, and writes each as
 * soon as it is known. Throws ConfigError when the folder holds another audit's.
 */
export async function computePieces(
  out: string,
  plan: AuditPlan,
  own: Omit<PiecesHeader, "header">,
  values: AuditValues,
  threads: number,
  terminal: Terminal,
): Promise<Map<string, Piece>> {
  const { header } = plan;
  const there = readPiecesHeader(out);
  if (
    there &&
    (!belongTogether(there, { header, ...own }) ||
      there.shard.index !== own.shard.index ||
      there.shard.count !== own.shard.count)
  ) {
    throw new ConfigError(
      `${folderOf(out)}: it holds the pieces of an unfinished audit with other options (${there.command}); finish that one, remove the folder, or choose another --out`,
      {},
    );
  }
  const pieces = there ? readPieces(out) : new Map<string, Piece>();
  if (!there) writeFiles([{ path: headerOf(out), content: JSON.stringify({ header, ...own }) }]);
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
    writeFiles([{ path: fileOf(out, piece.key), content: json }]);
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
    () => new Worker(new URL("./audit-worker.js", import.meta.url), { workerData: values }),
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
