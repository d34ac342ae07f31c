// What the pool and its workers agree on: the words of the control array, and what is posted.

/**
 * A ticket is a pass's number and, in its low bits, the next chunk; a closed one has all of them
 * set.
 */
export const CHUNK_BITS = 12;
export const MAX_CHUNKS: number = 2 ** CHUNK_BITS - 1;

/** Words of the control array, in shared memory. */
export const WORD = {
  /** The next chunk to take. */
  ticket: 0,
  /** Chunks of the pass, its number, and its plan's. */
  chunks: 1,
  pass: 2,
  plan: 3,
  /** Chunks that are done. */
  done: 4,
  /** Workers asleep on the ticket. */
  sleepers: 5,
  /** Messages posted so far. */
  mail: 6,
  /** 1 where a chunk trapped. */
  failed: 7,
  /** 1 where the pool sleeps on `done`. */
  waiting: 8,
} as const;
export const WORDS = 16;

/** A pass: its function, the addresses it is called with, and the number of its first chunk. */
export interface SharedCall {
  readonly name: string;
  readonly pointers: readonly number[];
  readonly first: number;
}
/** A plan as one worker gets it: the compiled code, its memory, its passes, its own scratch. */
export interface WorkerPlan {
  readonly id: number;
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly calls: readonly SharedCall[];
  readonly scratch: number;
}
/** A worker answers each with the number of messages it has read. */
export type Message =
  | { readonly control: Int32Array }
  | { readonly plan: WorkerPlan }
  | { readonly drop: number };
