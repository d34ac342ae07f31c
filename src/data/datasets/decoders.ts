// Workers that decode pictures, so that the thread that trains does not.
import { BackendError, FormatError } from "../../engine/index.ts";
import type { Answer } from "./decode-worker.ts";
import type { DecodeTask } from "./decode.ts";

interface Thread {
  post(message: unknown): void;
  /** Whether the process stays for it. */
  hold(on: boolean): void;
  stop(): void;
}
interface NodeWorker {
  postMessage(message: unknown): void;
  on(name: "message" | "error" | "exit", listener: (data: Answer) => void): void;
  ref(): void;
  unref(): void;
  terminate(): Promise<unknown>;
}
type WorkerThreads = { Worker: new (file: URL, options: { execArgv: string[] }) => NodeWorker };
const workerThreads = (): WorkerThreads | undefined => {
  const { process } = globalThis as { process?: { getBuiltinModule?(name: string): unknown } };
  return process?.getBuiltinModule?.("node:worker_threads") as WorkerThreads | undefined;
};

function start(heard: (answer: Answer) => void, lost: () => void): Thread {
  const inNode = workerThreads();
  if (!inNode) {
    // written as bundlers look for it
    const worker = new Worker(new URL("./decode-worker.js", import.meta.url), { type: "module" });
    worker.onmessage = (event: { data: Answer }) => heard(event.data);
    worker.onerror = lost;
    return { post: (m) => worker.postMessage(m), hold: () => {}, stop: () => worker.terminate() };
  }
  // bundlers for pages know the pattern above, and would take this for a second file
  const here = import.meta.url;
  const worker = new inNode.Worker(new URL("./decode-worker.js", here), { execArgv: [] });
  worker.on("message", heard);
  worker.on("error", lost);
  worker.on("exit", lost);
  worker.unref();
  const hold = (on: boolean): void => (on ? worker.ref() : worker.unref());
  return { post: (m) => worker.postMessage(m), hold, stop: () => void worker.terminate() };
}

interface Waiting {
  readonly done: (pixels: Uint16Array) => void;
  readonly failed: (error: unknown) => void;
}
export interface Decoders {
  decode(task: DecodeTask): Promise<Uint16Array>;
  /** Ends the workers; what they have not answered fails. */
  close(): void;
}
const LOST = "a decoding worker ended before its pictures were decoded; decode with threads: 0";
/** Whether this host has workers. */
export const canDecodeApart = (): boolean =>
  workerThreads() !== undefined || typeof Worker !== "undefined";

/** So many workers, started at the first task; the tasks go round. */
export function openDecoders(count: number): Decoders {
  const threads: (Thread & { busy: number })[] = [];
  const waiting = new Map<number, Waiting & { thread: number }>();
  let [next, closed, broken] = [0, false, false];
  const failAll = (why: string): void => {
    for (const { failed } of waiting.values()) failed(new BackendError(why, {}));
    waiting.clear();
  };
  const settle = (id: number): Waiting | undefined => {
    const own = waiting.get(id);
    if (!own) return undefined;
    waiting.delete(id);
    const thread = threads[own.thread];
    if (--thread.busy === 0) thread.hold(false);
    return own;
  };
  const heard = ({ id, pixels, wrong }: Answer): void => {
    const own = settle(id);
    if (pixels) own?.done(pixels);
    else if (wrong?.ofFile) own?.failed(new FormatError(wrong.message, {}));
    else own?.failed(new BackendError(`a decoding worker failed: ${wrong?.message}`, {}));
  };
  const lost = (): void => {
    if (closed) return;
    broken = true;
    failAll(LOST);
  };
  return {
    decode(task) {
      if (broken) return Promise.reject(new BackendError(LOST, {}));
      if (closed)
        return Promise.reject(new BackendError("the pictures were closed; open them again", {}));
      const id = next++;
      const k = id % count;
      threads[k] ??= { ...start(heard, lost), busy: 0 };
      return new Promise<Uint16Array>((done, failed) => {
        waiting.set(id, { done, failed, thread: k });
        if (threads[k].busy++ === 0) threads[k].hold(true);
        threads[k].post({ id, task });
      });
    },
    close() {
      closed = true;
      failAll("the pictures were closed while some were decoded");
      for (const thread of threads) thread?.stop();
    },
  };
}
