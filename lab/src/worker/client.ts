// The page's end of the line: asks the worker, and starts another where one is lost.
import { useEffect, useRef, useState } from "preact/hooks";
import type { Answer, Argument, CallName, Failure, Question, Result } from "./protocol.ts";

export class EngineError extends Error {
  readonly code: string;
  constructor({ code, message }: Failure) {
    super(message);
    this.code = code;
  }
}

interface Waiting {
  resolve(result: unknown): void;
  reject(error: EngineError): void;
  progress?: ((value: unknown) => void) | undefined;
}
const waiting = new Map<number, Waiting>();
let worker: Worker | undefined;
let last = 0;

function hear({ data }: { data: Answer }): void {
  const asked = waiting.get(data.id);
  if (data.kind === "progress") {
    asked?.progress?.(data.progress);
    return;
  }
  waiting.delete(data.id);
  if (data.kind === "result") asked?.resolve(data.result);
  else asked?.reject(new EngineError(data.failure));
}
function lose(): void {
  worker?.terminate();
  worker = undefined;
  const message = "The engine's worker was lost; it starts again with the next change.";
  for (const { reject } of waiting.values()) reject(new EngineError({ code: "WORKER", message }));
  waiting.clear();
}
function theWorker(): Worker {
  if (worker) return worker;
  worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  worker.onmessage = hear;
  worker.onerror = lose;
  return worker;
}

export interface Asked<R> {
  readonly result: Promise<R>;
  /** The answer is wanted no more. */
  stop(): void;
}
/** Asks the engine. The promise rejects with an EngineError, whose message is for people. */
export function ask<K extends CallName>(
  name: K,
  argument: Argument<K>,
  progress?: (value: never) => void,
): Asked<Result<K>> {
  const id = ++last;
  const post = (question: Question): void => theWorker().postMessage(question);
  const result = new Promise<Result<K>>((resolve, reject) => {
    waiting.set(id, {
      resolve: resolve as Waiting["resolve"],
      reject,
      progress: progress as Waiting["progress"],
    });
    post({ kind: "call", id, name, argument });
  });
  return { result, stop: () => post({ kind: "stop", id }) };
}

export interface Answered<R> {
  /** The newest there is: an earlier one while the engine is at work, or where it failed. */
  readonly value: R | undefined;
  readonly error: string | undefined;
  readonly busy: boolean;
}
/** What the engine says to an argument, and again whenever it changes; only the newest is asked. */
export function useEngine<K extends CallName>(name: K, argument: Argument<K>): Answered<Result<K>> {
  const [answered, setAnswered] = useState<Answered<Result<K>>>({
    value: undefined,
    error: undefined,
    busy: true,
  });
  const wanted = useRef<string | undefined>(undefined);
  const asking = useRef(false);
  const key = JSON.stringify(argument);
  useEffect(() => {
    wanted.current = key;
    setAnswered((before) => ({ ...before, busy: true }));
    if (!asking.current) void askNewest();
    async function askNewest(): Promise<void> {
      const mine = wanted.current;
      if (mine === undefined) return;
      asking.current = true;
      const next = await ask(name, JSON.parse(mine) as Argument<K>).result.then(
        (value) => ({ value, error: undefined }),
        (error: EngineError) => ({ error: error.message }),
      );
      asking.current = false;
      if (wanted.current === undefined) return;
      const settled = wanted.current === mine;
      setAnswered((before) => ({ ...before, ...next, busy: !settled }));
      if (!settled) await askNewest();
    }
  }, [key]);
  useEffect(
    () => () => {
      wanted.current = undefined;
    },
    [],
  );
  return answered;
}
