// A file of the visitor's on its way to the worker, where it is read; it never leaves the tab.
import { ask, EngineError } from "../worker/client.ts";
import type { Argument, Result } from "../worker/protocol.ts";

/** More bytes than these are not read: a page has little memory. */
const MOST_MEGABYTES = 64;
export type OpenCall = "openScan" | "openOwnNetwork" | "openResult";
/** What a call takes beside the file. */
export type Beside<K extends OpenCall> = Omit<Argument<K>, "bytes" | "name">;

/** Rejects with an EngineError, in one line, for a file that is too large or none of its kind. */
export async function openFile<K extends OpenCall>(
  call: K,
  file: File,
  beside: Beside<K>,
): Promise<Result<K>> {
  const { name, size } = file;
  const megabytes = Math.round(size / 1e6);
  if (megabytes > MOST_MEGABYTES) {
    const message = `${name} has ${megabytes} MB, which a page has no room for; open one of at most ${MOST_MEGABYTES} MB. The command line takes larger ones.`;
    throw new EngineError({ code: "SIZE", message });
  }
  const bytes = await file.arrayBuffer().then(
    (buffer) => new Uint8Array(buffer),
    () => {
      throw new EngineError({
        code: "FILE",
        message: `${name} cannot be read; is it a folder, or was it moved?`,
      });
    },
  );
  return ask(call, { bytes, name, ...beside } as unknown as Argument<K>).result;
}
