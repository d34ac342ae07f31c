// What this host offers for threads: Node's worker threads, a page's workers, or none.

/**
 * A module of Node, undefined elsewhere; asked for without an import, so that bundlers leave it
 * alone.
 */
export const builtin = (name: string): unknown =>
  (
    globalThis as { process?: { getBuiltinModule?(name: string): unknown } }
  ).process?.getBuiltinModule?.(name);

/** A worker, wherever it runs. */
export interface Thread {
  post(message: unknown): void;
  /** Whether the process stays for it. */
  hold(on: boolean): void;
  stop(): unknown;
  lost: boolean;
}
interface NodeWorker {
  postMessage(message: unknown): void;
  on(name: "message" | "error" | "exit", listener: () => void): void;
  ref(): void;
  unref(): void;
  terminate(): Promise<unknown>;
}
type WorkerThreads = { Worker: new (file: URL, options: { execArgv: string[] }) => NodeWorker };

/** Starts a worker; `heard` is called at each of its messages, `lost` when it ends or fails. */
export function startThread(heard: () => void, lost: () => void): Thread {
  const threads = builtin("node:worker_threads") as WorkerThreads | undefined;
  return threads ? startInNode(threads, heard, lost) : startInPage(heard, lost);
}

function startInNode({ Worker }: WorkerThreads, heard: () => void, lost: () => void): Thread {
  // bundlers for pages know the pattern below, and would take this for a second file
  const here = import.meta.url;
  // flags of this process are about its own first script: --input-type, --import
  const worker = new Worker(new URL("./pool-worker.js", here), { execArgv: [] });
  const thread: Thread = {
    post: (message) => worker.postMessage(message),
    hold: (on) => (on ? worker.ref() : worker.unref()),
    stop: () => worker.terminate(),
    lost: false,
  };
  const end = (): void => {
    thread.lost = true;
    lost();
  };
  worker.on("message", heard);
  worker.on("error", end);
  worker.on("exit", end);
  return thread;
}

function startInPage(heard: () => void, lost: () => void): Thread {
  // written as bundlers look for it
  const worker = new Worker(new URL("./pool-worker.js", import.meta.url), { type: "module" });
  const thread: Thread = {
    post: (message) => worker.postMessage(message),
    hold: () => {},
    stop: () => worker.terminate(),
    lost: false,
  };
  worker.onmessage = heard;
  worker.onerror = () => {
    thread.lost = true;
    lost();
  };
  return thread;
}

/** Processors of this machine. */
export function processors(): number {
  const os = builtin("node:os") as { availableParallelism(): number } | undefined;
  const { navigator } = globalThis as { navigator?: { hardwareConcurrency?: number } };
  return os?.availableParallelism() ?? navigator?.hardwareConcurrency ?? 1;
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
