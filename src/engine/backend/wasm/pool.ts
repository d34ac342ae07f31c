// Threads: workers over one shared memory that take numbered chunks of a pass until none is left.
// Results never depend on how many there are, for a chunk writes only its own places. What a worker
// does is in pool-worker.ts.
import { BackendError } from "../../core/errors.ts";
import {
  CHUNK_BITS,
  MAX_CHUNKS,
  WORD,
  WORDS,
  type Message,
  type WorkerPlan,
} from "./pool-protocol.ts";
import { startThread, type Thread } from "./threads.ts";

/**
 * A plan for all threads; `scratch` is the address of each one's own, that of this thread first.
 */
export interface SharedPlan extends Omit<WorkerPlan, "scratch"> {
  readonly scratch: readonly number[];
}

/** A chunk takes milliseconds; after so long without news of one, its worker is gone. */
const PATIENCE_MS = 10_000;
/** Looks at what is done before this thread sleeps. */
const SPINS = 20_000;
/** Pass numbers begin again after so many. */
const PASSES = 2 ** (31 - CHUNK_BITS);

/** `count` workers beside the calling thread. */
export class Pool {
  readonly #control = new Int32Array(new SharedArrayBuffer(4 * WORDS));
  readonly #threads: Thread[] = [];
  readonly #patienceMs: number;
  #pass = 0;
  #posted = 0;
  #answers = 0;
  /** Reasons for the process to stay. */
  #holds = 0;
  #broken = false;
  #listeners: (() => void)[] = [];

  private constructor(patienceMs: number) {
    this.#patienceMs = patienceMs;
  }

  /** Resolves when all workers listen. Throws BackendError when none can be started. */
  static async open(count: number, patienceMs: number = PATIENCE_MS): Promise<Pool> {
    const pool = new Pool(patienceMs);
    const answered = (): void => {
      pool.#answers++;
      pool.#wake();
    };
    for (let i = 0; i < count; i++) pool.#threads.push(startThread(answered, () => pool.#wake()));
    await pool.#post(() => ({ control: pool.#control }));
    return pool;
  }

  get size(): number {
    return this.#threads.length;
  }

  /** Gives every worker the plan's code and its own scratch. */
  async share({ scratch, ...plan }: SharedPlan): Promise<void> {
    await this.#post((thread) => ({ plan: { ...plan, scratch: scratch[thread + 1] } }));
  }
  drop(id: number): void {
    void this.#post(() => ({ drop: id })).catch(() => {});
  }

  /** Posts to every worker that lives, and waits until all have read it or one is lost. */
  async #post(messageFor: (thread: number) => Message): Promise<void> {
    const living = this.#threads.filter((t) => !t.lost);
    Atomics.store(this.#control, WORD.mail, ++this.#posted);
    // a new ticket, so that nobody falls asleep on the old one
    this.#closeTicket();
    Atomics.notify(this.#control, WORD.ticket);
    for (const thread of living) thread.post(messageFor(this.#threads.indexOf(thread)));
    const wanted = this.#answers + living.length;
    this.#hold(1);
    while (this.#answers < wanted && !living.some((t) => t.lost))
      await new Promise<void>((resolve) => {
        this.#listeners.push(resolve);
      });
    this.#hold(-1);
    if (this.#threads.every((t) => t.lost))
      throw new BackendError(
        "wasm: no worker thread could be started; open the backend with { threads: 1 }",
        {},
      );
  }
  #wake(): void {
    for (const listener of this.#listeners.splice(0)) listener();
  }
  #hold(change: 1 | -1): void {
    this.#holds += change;
    for (const thread of this.#threads) thread.hold(this.#holds > 0);
  }

  /**
   * Does the chunks of one pass, `own` doing those of this thread. Throws BackendError when a
   * worker fails or is gone with a chunk undone.
   */
  distribute(plan: number, pass: number, chunks: number, own: (chunk: number) => void): void {
    if (this.#broken)
      throw new BackendError(
        "wasm: a worker was lost in the middle of an earlier run; open a new backend",
        {},
      );
    this.#openTicket(plan, pass, chunks);
    try {
      this.#takeChunks(chunks, own);
    } catch (cause) {
      Atomics.store(this.#control, WORD.failed, 1);
      Atomics.add(this.#control, WORD.done, 1);
      this.#await(chunks);
      throw cause;
    }
    this.#await(chunks);
    if (Atomics.exchange(this.#control, WORD.failed, 0) !== 0)
      throw new BackendError("wasm: a worker failed in the middle of a run", {});
  }
  #openTicket(plan: number, pass: number, chunks: number): void {
    const control = this.#control;
    this.#closeTicket();
    Atomics.store(control, WORD.chunks, chunks);
    Atomics.store(control, WORD.pass, pass);
    Atomics.store(control, WORD.plan, plan);
    Atomics.store(control, WORD.done, 0);
    Atomics.store(control, WORD.ticket, this.#pass << CHUNK_BITS);
    if (Atomics.load(control, WORD.sleepers) > 0) Atomics.notify(control, WORD.ticket);
  }
  /** Nothing to take until the next ticket. */
  #closeTicket(): void {
    this.#pass = (this.#pass + 1) % PASSES;
    Atomics.store(this.#control, WORD.ticket, (this.#pass << CHUNK_BITS) | MAX_CHUNKS);
  }
  #takeChunks(chunks: number, own: (chunk: number) => void): void {
    const control = this.#control;
    for (;;) {
      const ticket = Atomics.load(control, WORD.ticket);
      const chunk = ticket & MAX_CHUNKS;
      if (chunk >= chunks) return;
      if (Atomics.compareExchange(control, WORD.ticket, ticket, ticket + 1) !== ticket) continue;
      own(chunk);
      Atomics.add(control, WORD.done, 1);
    }
  }
  /** Waits until all chunks are done: spins for a moment, then sleeps. */
  #await(chunks: number): void {
    const control = this.#control;
    for (let spins = 0; spins < SPINS; spins++)
      if (Atomics.load(control, WORD.done) >= chunks) return;
    Atomics.store(control, WORD.waiting, 1);
    let since = performance.now();
    for (;;) {
      const done = Atomics.load(control, WORD.done);
      if (done >= chunks) break;
      if (Atomics.wait(control, WORD.done, done, 100) !== "timed-out") since = performance.now();
      else if (performance.now() - since > this.#patienceMs) {
        this.#broken = true;
        throw new BackendError(
          "wasm: a worker thread stopped in the middle of a run; open a new backend",
          {},
        );
      }
    }
    Atomics.store(control, WORD.waiting, 0);
  }

  async close(): Promise<void> {
    // the process stays until the workers have ended, whatever else is in the post
    this.#hold(1);
    await Promise.all(this.#threads.map((t) => t.stop()));
  }
}
