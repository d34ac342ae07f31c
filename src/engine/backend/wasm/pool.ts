// Threads: workers over one shared memory that take numbered chunks of a pass until none is left.
// Results never depend on how many there are,
// for a chunk writes only its own places. Workers spin briefly within a run and sleep between runs.
import { BackendError } from "../../core/errors.ts";

/** A pass: its function, the addresses it is called with, and the number of its first chunk. */
export interface SharedCall {
  readonly name: string;
  readonly pointers: readonly number[];
  readonly first: number;
}
/**
 * What a worker must know of a plan: the compiled code, its memory, and for each pass the function
 * and the addresses it is called with.
 */
export interface SharedPlan {
  readonly id: number;
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly calls: readonly SharedCall[];
  readonly scratch: readonly number[];
}

/**
 * Words of the control array. A ticket is a pass's number and, in its low bits, the next chunk; a
 * closed one has all of them set.
 */
const [TICKET, CHUNKS, PASS, PLAN, DONE, SLEEPERS, MAIL, FAILED, WAITING, WORDS] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 16];
const CHUNK_BITS = 12;
export const MAX_CHUNKS: number = 2 ** CHUNK_BITS - 1;
/** A chunk takes milliseconds; after so long without news of one, its worker is gone. */
const PATIENCE_MS = 10_000;

/** Runs in the worker, from its own source text: it may use nothing from outside. */
function workerMain(): void {
  interface Port {
    postMessage(m: unknown): void;
    onmessage?: (e: { data: never }) => void;
    on?(name: string, f: (m: never) => void): void;
  }
  const node = (
    globalThis as { process?: { getBuiltinModule?(name: string): { parentPort: Port } } }
  ).process?.getBuiltinModule?.("node:worker_threads");
  const port = node ? node.parentPort : (globalThis as unknown as Port);
  type Call = (...args: number[]) => void;
  const plans = new Map<number, { calls: { call: Call; args: number[]; first: number }[]; weight: ArrayBuffer }>();
  let control: Int32Array;
  let read = 0;
  const [TICKET, CHUNKS, PASS, PLAN, DONE, SLEEPERS, MAIL, FAILED, WAITING] = [0, 1, 2, 3, 4, 5, 6, 7, 8];
  const work = (): void => {
    let idle = 0;
    while (Atomics.load(control, MAIL) === read) {
      const ticket = Atomics.load(control, TICKET);
      const chunk = ticket & 4095;
      const pass = Atomics.load(control, PASS);
      const plan = Atomics.load(control, PLAN);
      if (chunk < Atomics.load(control, CHUNKS)) {
        if (Atomics.compareExchange(control, TICKET, ticket, ticket + 1) !== ticket) continue;
        idle = 0;
        try {
          const { call, args, first } = plans.get(plan)!.calls[pass];
          args[args.length - 1] = first + chunk;
          call(...args);
        } catch {
          Atomics.store(control, FAILED, 1);
        }
        Atomics.add(control, DONE, 1);
        if (Atomics.load(control, WAITING) === 1) Atomics.notify(control, DONE);
      } else if (++idle > 3000) {
        Atomics.add(control, SLEEPERS, 1);
        if (Atomics.load(control, MAIL) === read) Atomics.wait(control, TICKET, ticket);
        Atomics.sub(control, SLEEPERS, 1);
        idle = 0;
      }
    }
  };
  const receive = (message: {
    control?: Int32Array;
    drop?: number;
    plan?: {
      id: number;
      module: WebAssembly.Module;
      memory: WebAssembly.Memory;
      calls: { name: string; pointers: number[]; first: number }[];
      scratch: number;
    };
  }): void => {
    read++;
    if (message.control) control = message.control;
    if (message.drop !== undefined) plans.delete(message.drop);
    if (message.plan) {
      const { id, module, memory, calls, scratch } = message.plan;
      const { exports } = new WebAssembly.Instance(module, { env: { memory } });
      // the weight of a shared memory, for the collector, as in the thread that made it
      plans.set(id, {
        calls: calls.map(({ name, pointers, first }) => ({
          call: exports[name] as Call,
          args: [...pointers, scratch, 0],
          first,
        })),
        weight: new ArrayBuffer(memory.buffer.byteLength),
      });
    }
    port.postMessage(read);
    // back to the event loop while more is in the post
    if (Atomics.load(control, MAIL) === read) work();
  };
  if (node) port.on!("message", receive as never);
  else port.onmessage = (event) => receive(event.data);
}

interface Thread {
  post(message: unknown): void /** Whether the process stays for it. */;
  hold(on: boolean): void;
  stop(): unknown;
  lost: boolean;
}
type NodeWorker = {
  postMessage(m: unknown): void;
  on(name: string, f: (m: never) => void): void;
  ref(): void;
  unref(): void;
  terminate(): Promise<unknown>;
};
/**
 * A module of Node, undefined elsewhere; asked for without an import, so that bundlers leave it
 * alone.
 */
export const builtin = (name: string): unknown =>
  (globalThis as { process?: { getBuiltinModule?(name: string): unknown } }).process?.getBuiltinModule?.(name);

function startThread(heard: () => void, lost: () => void): Thread {
  // helpers that a bundler or test runner adds to functions' names do not exist in the worker
  const source = `const __name = (f) => f; (${workerMain.toString()})()`;
  const threads = builtin("node:worker_threads") as
    | { Worker: new (source: string, options: object) => NodeWorker }
    | undefined;
  if (threads) {
    const worker = new threads.Worker(source, { eval: true });
    const thread: Thread = {
      post: (m) => worker.postMessage(m),
      hold: (on) => (on ? worker.ref() : worker.unref()),
      stop: () => worker.terminate(),
      lost: false,
    };
    worker.on("message", heard);
    worker.on("error", lost);
    worker.on("exit", () => {
      thread.lost = true;
      lost();
    });
    return thread;
  }
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const worker = new Worker(url);
  worker.onmessage = heard;
  const thread: Thread = {
    post: (m) => worker.postMessage(m),
    hold: () => {},
    stop: () => worker.terminate(),
    lost: false,
  };
  worker.onerror = () => {
    thread.lost = true;
    lost();
  };
  return thread;
}

/** Processors of this machine. */
export function processors(): number {
  const os = builtin("node:os") as { availableParallelism(): number } | undefined;
  return (
    os?.availableParallelism() ??
    (globalThis as { navigator?: { hardwareConcurrency?: number } }).navigator?.hardwareConcurrency ??
    1
  );
}
/** Why this host cannot share work among threads, or undefined where it can. */
export function whyAlone(): string | undefined {
  if (!builtin("node:worker_threads") && typeof Worker === "undefined")
    return "this host offers no worker threads (Node does from 20.16 on), so the engine runs on one thread";
  if (typeof SharedArrayBuffer === "undefined")
    return "this page is not cross-origin isolated (COOP same-origin, COEP require-corp), so the engine runs on one thread";
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 0);
  } catch {
    return "the main thread of a page may not wait, so the engine runs on one thread; open the backend inside a worker";
  }
  return undefined;
}

/** `count` workers beside the calling thread. */
export class Pool {
  readonly #control = new Int32Array(new SharedArrayBuffer(4 * WORDS));
  readonly #threads: Thread[] = [];
  #sequence = 0;
  #posted = 0;
  #answers = 0;
  #broken = false;
  #listeners: (() => void)[] = [];

  readonly #patienceMs: number;
  private constructor(patienceMs: number) {
    this.#patienceMs = patienceMs;
  }

  /** Resolves when all workers listen. Throws BackendError when none can be started. */
  static async open(count: number, patienceMs: number = PATIENCE_MS): Promise<Pool> {
    const pool = new Pool(patienceMs);
    const wake = (): void => {
      for (const listener of pool.#listeners.splice(0)) listener();
    };
    for (let i = 0; i < count; i++)
      pool.#threads.push(
        startThread(() => {
          pool.#answers++;
          wake();
        }, wake),
      );
    await pool.#post({ control: pool.#control });
    return pool;
  }
  async #post(message: unknown, each: (thread: number) => unknown = () => message): Promise<void> {
    const living = this.#threads.filter((t) => !t.lost);
    Atomics.store(this.#control, MAIL, ++this.#posted);
    // a new ticket, so that nobody falls asleep on the old one
    this.#close();
    Atomics.notify(this.#control, TICKET);
    living.forEach((thread) => {
      thread.post(each(this.#threads.indexOf(thread)));
    });
    const wanted = this.#answers + living.length;
    for (const thread of living) thread.hold(true);
    while (this.#answers < wanted && !living.some((t) => t.lost))
      await new Promise<void>((resolve) => {
        this.#listeners.push(resolve);
      });
    for (const thread of living) thread.hold(false);
    if (this.#threads.every((t) => t.lost))
      throw new BackendError("wasm: no worker thread could be started; open the backend with { threads: 1 }", {});
  }
  /** Gives every worker the plan's code and its own scratch. */
  async share(plan: SharedPlan): Promise<void> {
    const { scratch, ...rest } = plan;
    await this.#post(undefined, (thread) => ({ plan: { ...rest, scratch: scratch[thread + 1] } }));
  }
  drop(id: number): void {
    void this.#post({ drop: id }).catch(() => {});
  }
  /**
   * Does the chunks of one pass, `own` doing those of this thread. Throws BackendError when a
   * worker fails or is gone with a chunk undone.
   */
  run(plan: number, pass: number, chunks: number, own: (chunk: number) => void): void {
    const control = this.#control;
    if (this.#broken)
      throw new BackendError("wasm: a worker was lost in the middle of an earlier run; open a new backend", {});
    this.#close();
    Atomics.store(control, CHUNKS, chunks);
    Atomics.store(control, PASS, pass);
    Atomics.store(control, PLAN, plan);
    Atomics.store(control, DONE, 0);
    Atomics.store(control, TICKET, this.#sequence << CHUNK_BITS);
    if (Atomics.load(control, SLEEPERS) > 0) Atomics.notify(control, TICKET);
    for (;;) {
      const ticket = Atomics.load(control, TICKET);
      const chunk = ticket & MAX_CHUNKS;
      if (chunk >= chunks) break;
      if (Atomics.compareExchange(control, TICKET, ticket, ticket + 1) !== ticket) continue;
      try {
        own(chunk);
      } catch (cause) {
        Atomics.store(control, FAILED, 1);
        Atomics.add(control, DONE, 1);
        this.#await(chunks);
        throw cause;
      }
      Atomics.add(control, DONE, 1);
    }
    this.#await(chunks);
    if (Atomics.load(control, FAILED) !== 0) {
      Atomics.store(control, FAILED, 0);
      throw new BackendError("wasm: a worker failed in the middle of a run", {});
    }
  }
  /** Nothing to take until the next ticket. */
  #close(): void {
    this.#sequence = (this.#sequence + 1) & (2 ** (31 - CHUNK_BITS) - 1);
    Atomics.store(this.#control, TICKET, (this.#sequence << CHUNK_BITS) | MAX_CHUNKS);
  }
  #await(chunks: number): void {
    const control = this.#control;
    for (let spins = 0; spins < 20_000; spins++) if (Atomics.load(control, DONE) >= chunks) return;
    Atomics.store(control, WAITING, 1);
    let since = performance.now();
    for (;;) {
      const done = Atomics.load(control, DONE);
      if (done >= chunks) break;
      if (Atomics.wait(control, DONE, done, 100) !== "timed-out") since = performance.now();
      else if (performance.now() - since > this.#patienceMs) {
        this.#broken = true;
        throw new BackendError("wasm: a worker thread stopped in the middle of a run; open a new backend", {});
      }
    }
    Atomics.store(control, WAITING, 0);
  }
  async close(): Promise<void> {
    await Promise.all(this.#threads.map((t) => t.stop()));
  }
}
