// An audit's pieces on the processors: each is written as soon as it is known, so that an audit
// that was stopped goes on where it was, and parts of it can be computed on other machines.
import { MessageChannel, Worker } from "node:worker_threads";
import {
  decodePiece,
  encodePiece,
  type AuditPlan,
  type Piece,
  type PieceRecord,
} from "../audit/index.ts";
import { ConfigError } from "../engine/index.ts";
import type { Handed } from "./audit-setup.ts";
import { MachineError } from "./errors.ts";
import {
  folderOf,
  piecesOf,
  readPieces,
  readPiecesHeader,
  removeLeftovers,
  writePiece,
  writePiecesHeader,
  type PiecesHeader,
} from "./piece-files.ts";
import { serveProgram } from "./program-port.ts";
import type { Program } from "./programs.ts";
import type { Terminal } from "./terminal.ts";

interface Computing {
  readonly own: Omit<PiecesHeader, "header">;
  /** For other threads. */
  readonly handed: Handed;
  /** Which they ask for through this one. */
  readonly program?: Program | undefined;
  readonly threads: number;
  readonly terminal: Terminal;
}
const sameWork = (a: PiecesHeader, b: PiecesHeader): boolean =>
  a.header.fingerprint === b.header.fingerprint &&
  a.shard.index === b.shard.index &&
  a.shard.count === b.shard.count;

/** What is there already, after an audit that was stopped; a header is there from here on. */
function begun(out: string, { header }: AuditPlan, own: Computing["own"]): Map<string, Piece> {
  removeLeftovers(out);
  const there = readPiecesHeader(out);
  if (!there) {
    writePiecesHeader(out, { header, ...own });
    return new Map();
  }
  if (!sameWork(there, { header, ...own }))
    throw new ConfigError(
      `${folderOf(out)}: it holds the pieces of an unfinished audit with other options (${there.command}); finish that one, remove the folder, or choose another --out`,
      {},
    );
  return readPieces(out, header);
}

/** Counts the steps of the pieces that are computed, and shows them. */
interface Watch {
  tick(piece: PieceRecord): Promise<void>;
  finish(piece: PieceRecord): Promise<void>;
}
function watch(open: readonly PieceRecord[], terminal: Terminal): Watch {
  const total = open.reduce((n, p) => n + p.steps, 0);
  const running = new Map<string, number>();
  let finished = 0;
  const show = ({ what }: PieceRecord): Promise<void> =>
    terminal.progress(what, finished + [...running.values()].reduce((a, b) => a + b, 0), total);
  return {
    tick(piece) {
      running.set(piece.key, Math.min(piece.steps, (running.get(piece.key) ?? 0) + 1));
      return show(piece);
    },
    finish(piece) {
      running.delete(piece.key);
      finished += piece.steps;
      return show(piece);
    },
  };
}

type Finish = (piece: PieceRecord, json: string) => Promise<void>;
/** Gives the worker piece after piece of the queue, until it is empty. */
const work = (
  worker: Worker,
  queue: PieceRecord[],
  tick: Watch["tick"],
  finish: Finish,
): Promise<void> =>
  new Promise((resolve, reject) => {
    let piece: PieceRecord | undefined;
    const next = (): void => {
      piece = queue.shift();
      if (piece) worker.postMessage(piece.key);
      else resolve();
    };
    worker.on("error", reject);
    worker.on("exit", () => {
      const what =
        "a worker thread ended before its work; run the same command again, it goes on from there";
      reject(new MachineError(what, {}));
    });
    worker.on("message", (json: string | null) => {
      if (!piece) return;
      if (json === null) tick(piece).catch(reject);
      else finish(piece, json).then(next, reject);
    });
    next();
  });

function openWorker(handed: Handed, program: Program | undefined): Worker {
  const address = new URL("./audit-worker.js", import.meta.url);
  if (!program) return new Worker(address, { workerData: handed });
  const { port1, port2: port } = new MessageChannel();
  serveProgram(program, port1);
  return new Worker(address, { workerData: { ...handed, port }, transferList: [port] });
}

/**
 * Computes the pieces of a shard that the folder lacks, on `threads` threads, and writes each as
 * soon as it is known. Throws ConfigError when the folder holds another audit's, FormatError for
 * pieces that are not what they should be.
 */
export async function computePieces(
  out: string,
  plan: AuditPlan,
  { own, handed, program, threads, terminal }: Computing,
): Promise<Map<string, Piece>> {
  const { header } = plan;
  const pieces = begun(out, plan, own);
  const wanted = piecesOf(header, own.shard);
  const open = wanted.filter((p) => !pieces.has(p.key));
  if (open.length < wanted.length)
    terminal.note(
      `${wanted.length - open.length} of ${wanted.length} pieces of this audit are there already; going on from there`,
    );
  const watched = watch(open, terminal);
  const finish: Finish = (piece, json) => {
    writePiece(out, header, piece.key, json);
    pieces.set(piece.key, decodePiece(json));
    return watched.finish(piece);
  };
  if (threads <= 1 || open.length <= 1) {
    for (const piece of open)
      await finish(piece, encodePiece(await plan.compute(piece.key, () => watched.tick(piece))));
    return pieces;
  }
  const count = Math.min(threads, open.length);
  const workers = Array.from({ length: count }, () => openWorker(handed, program));
  const queue = [...open];
  try {
    await Promise.all(workers.map((worker) => work(worker, queue, watched.tick, finish)));
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
  return pieces;
}
