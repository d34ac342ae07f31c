// The worker's end of the line: hears questions, runs the engine, answers. Nothing is computed on
// the page's own thread.
import { calls } from "./calls.ts";
import type { Answer, Context, Failure, Question } from "./protocol.ts";

const port = globalThis as unknown as {
  postMessage(message: Answer): void;
  onmessage: ((event: { data: Question }) => void) | null;
};
const running = new Map<number, AbortController>();

function failureOf(thrown: unknown): Failure {
  const { code, message } = thrown as { code?: unknown; message?: unknown };
  return { code: typeof code === "string" ? code : "INTERNAL", message: String(message ?? thrown) };
}

async function answer({ id, name, argument }: Extract<Question, { kind: "call" }>): Promise<void> {
  const controller = new AbortController();
  running.set(id, controller);
  const context: Context = {
    progress: (progress) => port.postMessage({ kind: "progress", id, progress }),
    signal: controller.signal,
  };
  try {
    const perform = calls[name] as (argument: unknown, context: Context) => unknown;
    port.postMessage({ kind: "result", id, result: await perform(argument, context) });
  } catch (error) {
    port.postMessage({ kind: "failure", id, failure: failureOf(error) });
  } finally {
    running.delete(id);
  }
}

port.onmessage = ({ data }) => {
  if (data.kind === "stop") running.get(data.id)?.abort(new Error("stopped"));
  else void answer(data);
};
