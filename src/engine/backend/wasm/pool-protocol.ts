// What the pool and its workers agree on: the words of the control array, how a chunk is taken, and
// what is posted.

/**
 * A ticket is a pass's number and, in its low bits, the next chunk; a closed one has all of them
 * set. Every thread has one for its own part of the chunks, the same part in every pass of so many:
 * what it wrote in one lies in its own cache in the next. Who is through takes from the others.
 */
export const CHUNK_BITS = 12;
export const MAX_CHUNKS: number = 2 ** CHUNK_BITS - 1;

/** Words of the control array, in shared memory. */
export const WORD = {
  /** Number of the pass that is open; another one is news for those who wait. */
  opened: 0,
  /** Chunks of the pass, where its record lies in the plan's memory, and its plan. */
  chunks: 1,
  call: 2,
  plan: 3,
  /** Workers asleep on `opened`. */
  sleepers: 4,
  /** Messages posted so far. */
  mail: 5,
  /** 1 where a chunk trapped. */
  failed: 6,
  /** 1 where the pool sleeps on `news`, which every chunk that is done then counts up. */
  waiting: 7,
  news: 8,
} as const;
/** Each thread's words lie in a line of the cache of their own, behind the common one. */
const LINE = 16;
export const wordsFor = (threads: number): number => LINE * (1 + threads);
const ticketOf = (thread: number): number => LINE * (1 + thread);
/** Chunks that the thread has done, since ever. */
const doneBy = (thread: number): number => ticketOf(thread) + 1;

/** The control array as one of the threads sees it. */
export interface Seat {
  readonly control: Int32Array;
  readonly thread: number;
  readonly threads: number;
}
/** The first chunk of a thread's part, and with the next thread its end. */
const partOf = (thread: number, threads: number, chunks: number): number =>
  Math.floor((thread * chunks) / threads);

/** Opens every thread's part of a pass, or closes it. */
export function setTickets({ control, threads }: Seat, pass: number, chunks?: number): void {
  for (let thread = 0; thread < threads; thread++) {
    const next = chunks === undefined ? MAX_CHUNKS : partOf(thread, threads, chunks);
    Atomics.store(control, ticketOf(thread), (pass << CHUNK_BITS) | next);
  }
}
/** Takes a chunk of the pass, of the own part while there are any; -1 where none is left. */
export function takeChunk({ control, thread, threads }: Seat): number {
  for (let i = 0; i < threads; i++) {
    const whose = (thread + i) % threads;
    for (;;) {
      const ticket = Atomics.load(control, ticketOf(whose));
      const chunk = ticket & MAX_CHUNKS;
      // the count is that of the ticket's pass if the exchange succeeds: a new pass has new tickets
      const chunks = Atomics.load(control, WORD.chunks);
      if (chunk >= partOf(whose + 1, threads, chunks)) break;
      if (Atomics.compareExchange(control, ticketOf(whose), ticket, ticket + 1) === ticket)
        return chunk;
    }
  }
  return -1;
}
/** Says that a chunk is done, to the pool too if it sleeps. */
export function countDone({ control, thread }: Seat): void {
  Atomics.add(control, doneBy(thread), 1);
  if (Atomics.load(control, WORD.waiting) === 0) return;
  Atomics.add(control, WORD.news, 1);
  Atomics.notify(control, WORD.news);
}
/** Chunks that all threads have done since ever, modulo 2³². */
export function doneByAll({ control, threads }: Seat): number {
  let done = 0;
  for (let thread = 0; thread < threads; thread++)
    done = (done + Atomics.load(control, doneBy(thread))) | 0;
  return done;
}

/** A plan as one worker gets it: the compiled code, its memory, its own scratch. */
export interface WorkerPlan {
  readonly id: number;
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly scratch: number;
}
/** A worker answers each with the number of messages it has read. */
export type Message =
  | { readonly seat: Seat }
  | { readonly plan: WorkerPlan }
  | { readonly drop: number };
