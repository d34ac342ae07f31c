// Programs are run by the main thread alone, so that it can end them all; a worker thread asks it.
import type { MessagePort } from "node:worker_threads";
import { ConfigError } from "../engine/index.ts";
import type { Images, Program, Question } from "./programs.ts";

interface Asked {
  readonly id: number;
  readonly question: Question;
}
interface Answered {
  readonly id: number;
  readonly images?: Images;
  readonly error?: string;
}

/** Answers what comes through the port. */
export function serveProgram(program: Program, port: MessagePort): void {
  port.on("message", async ({ id, question }: Asked) => {
    let answer: Answered;
    try {
      answer = { id, images: await program.ask(question) };
    } catch (error) {
      answer = { id, error: (error as Error).message };
    }
    port.postMessage(answer);
  });
  // it keeps nothing alive that is done otherwise
  port.unref();
}

/** The program behind the port. Its errors come as ConfigErrors. */
export function programBehind(port: MessagePort): Program {
  const waiting = new Map<number, (answer: Answered) => void>();
  let asked = 0;
  port.on("message", (answer: Answered) => waiting.get(answer.id)?.(answer));
  port.unref();
  return {
    ask: (question) =>
      new Promise((resolve, reject) => {
        const id = ++asked;
        waiting.set(id, ({ images, error }) => {
          waiting.delete(id);
          if (images) resolve(images);
          else reject(new ConfigError(error ?? "the program gave no answer", {}));
        });
        port.postMessage({ id, question } satisfies Asked);
      }),
  };
}
