// Threads: workers over one shared memory that take numbered chunks of a pass until none is left.
// Results never depend on how many there are, for a chunk writes only its own places. What a worker
// does is in pool-worker.ts.
import { BackendError } from "../../core/errors.ts";
import {
  CHUNK_BITS,
  countDone,
  doneByAll,
  setTickets,
  takeChunk,
  WORD,
  wordsFor,
  type Message,
  type Seat,
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
  /** This thread's, the first. */
  readonly #seat: Seat;
  readonly #threads: Thread[] = [];
  readonly #patienceMs: number;
  #pass = 0;
  #posted = 0;
  #answers = 0;
  /** Reasons for the process to stay. */
  #holds = 0;
  #broken = false;
  #listeners: (() => void)[] = [];

  private constructor(threads: number, patienceMs: number) {
    const control = new Int32Array(new SharedArrayBuffer(4 * wordsFor(threads)));
    this.#seat = { control, thread: 0, threads };
    this.#patienceMs = patienceMs;
  }

  /** Resolves when all workers listen. Throws BackendError when none can be started. */
  static async open(count: number, patienceMs: number = PATIENCE_MS): Promise<Pool> {
    const pool = new Pool(1 + count, patienceMs);
    const answered = (): void => {
      pool.#answers++;
      pool.#wake();
    };
    for (let i = 0; i < count; i++) pool.#threads.push(startThread(answered, () => pool.#wake()));
    await pool.#post((thread) => ({ seat: { ...pool.#seat, thread: thread + 1 } }));
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
    const { control } = this.#seat;
    const living = this.#threads.filter((t) => !t.lost);
    Atomics.store(control, WORD.mail, ++this.#posted);
    // another number, so that nobody falls asleep on the old one
    this.#closeTickets();
    this.#announce();
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
   * Does the chunks of the pass whose record lies at `call`, `own` this thread's. Throws
   * BackendError when a worker fails or is gone with a chunk undone.
   */
  distribute(plan: number, call: number, chunks: number, own: (chunk: number) => void): void {
    if (this.#broken)
      throw new BackendError(
        "wasm: a worker was lost in the middle of an earlier run; open a new backend",
        {},
      );
    const { control } = this.#seat;
    const before = doneByAll(this.#seat);
    this.#openTickets(plan, call, chunks);
    try {
      this.#takeChunks(own);
    } catch (cause) {
      Atomics.store(control, WORD.failed, 1);
      countDone(this.#seat);
      this.#await(before, chunks);
      throw cause;
    }
    this.#await(before, chunks);
    if (Atomics.exchange(control, WORD.failed, 0) !== 0)
      throw new BackendError("wasm: a worker failed in the middle of a run", {});
  }
  #openTickets(plan: number, call: number, chunks: number): void {
    const { control } = this.#seat;
    this.#closeTickets();
    Atomics.store(control, WORD.chunks, chunks);
    Atomics.store(control, WORD.call, call);
    Atomics.store(control, WORD.plan, plan);
    setTickets(this.#seat, this.#pass, chunks);
    this.#announce();
  }
  /** Nothing to take until the next tickets. */
  #closeTickets(): void {
    this.#pass = (this.#pass + 1) % PASSES;
    setTickets(this.#seat, this.#pass);
  }
  #announce(): void {
    const { control } = this.#seat;
    Atomics.store(control, WORD.opened, this.#pass);
    if (Atomics.load(control, WORD.sleepers) > 0) Atomics.notify(control, WORD.opened);
  }
  #takeChunks(own: (chunk: number) => void): void {
    for (let chunk = takeChunk(this.#seat); chunk >= 0; chunk = takeChunk(this.#seat)) {
      own(chunk);
      countDone(this.#seat);
    }
  }
  /** Waits until so many chunks more are done: spins for a moment, then sleeps. */
  #await(before: number, chunks: number): void {
    const { control } = this.#seat;
    const areDone = (): boolean => ((doneByAll(this.#seat) - before) | 0) >= chunks;
    for (let spins = 0; spins < SPINS; spins++) if (areDone()) return;
    Atomics.store(control, WORD.waiting, 1);
    let since = performance.now();
    for (;;) {
      const news = Atomics.load(control, WORD.news);
      if (areDone()) break;
      if (Atomics.wait(control, WORD.news, news, 100) !== "timed-out") since = performance.now();
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
