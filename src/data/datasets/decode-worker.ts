// What a decoding worker does: a file comes, its pixels or what is wrong with it go back.
import { FiducialError } from "../../engine/index.ts";
import { decoded, type DecodeTask } from "./decode.ts";

export interface Answer {
  readonly id: number;
  readonly pixels?: Uint16Array;
  /** What is wrong with the file, or what failed. */
  readonly wrong?: { readonly message: string; readonly ofFile: boolean };
}
interface Port {
  postMessage(message: unknown, transfer: ArrayBufferLike[]): void;
  on?(event: "message", listener: (data: { id: number; task: DecodeTask }) => void): void;
  onmessage?: ((event: { data: { id: number; task: DecodeTask } }) => void) | null;
}
const { process } = globalThis as { process?: { getBuiltinModule?(name: string): unknown } };
const threads = process?.getBuiltinModule?.("node:worker_threads") as
  | { parentPort: Port | null }
  | undefined;
const port = (threads?.parentPort ?? globalThis) as Port;

async function answer({ id, task }: { id: number; task: DecodeTask }): Promise<void> {
  try {
    const pixels = await decoded(task);
    port.postMessage({ id, pixels } satisfies Answer, [pixels.buffer]);
  } catch (error) {
    const wrong = { message: (error as Error).message, ofFile: error instanceof FiducialError };
    port.postMessage({ id, wrong } satisfies Answer, []);
  }
}
if (port.on) port.on("message", (data) => void answer(data));
else port.onmessage = (event) => void answer(event.data);
