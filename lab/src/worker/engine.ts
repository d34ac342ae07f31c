// The backends of the worker: float64 by definition for small figures, WebAssembly for images and
// training.
import { openBackend, version, type Backend } from "fiducial/engine";

let opened: Promise<Backend> | undefined;
/** Why WebAssembly is not used here, where it is not. */
let refused: string | undefined;

/** In float64, plain loops: what every derivative and small figure is computed by. */
export const exactly = (): Promise<Backend> => openBackend("reference");

/** The fastest that this browser has. */
export function quickly(): Promise<Backend> {
  opened ??= openBackend("wasm").catch((error: Error) => {
    refused = `${error.message} Everything is computed by plain loops instead, slowly.`;
    return exactly();
  });
  return opened;
}

export interface About {
  readonly version: string;
  readonly backend: string;
  readonly threads: number;
  /** What this page could not have, in sentences. */
  readonly notes: readonly string[];
}
export async function about(): Promise<About> {
  const { name, threads, notes } = await quickly();
  return {
    version,
    backend: name,
    threads,
    notes: refused === undefined ? notes : [refused, ...notes],
  };
}
