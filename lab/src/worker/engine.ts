// The backends of the worker: float64 by definition for small figures, WebAssembly for images and
// training, and a graphics card for gradients where the visitor chooses it.
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

/** What searches and training may take their gradients on. */
export const gradientBackends = ["wasm", "webgpu"] as const;
export type GradientBackend = (typeof gradientBackends)[number];

let card: Promise<Backend> | undefined;
/** The graphics card; looked for again where there was none. Throws BackendError. */
function onCard(): Promise<Backend> {
  card ??= openBackend("webgpu").catch((error: Error) => {
    card = undefined;
    throw error;
  });
  return card;
}
/** Throws BackendError where the card is asked for and there is none. */
export const gradientsOn = (name: GradientBackend): Promise<Backend> =>
  name === "webgpu" ? onCard() : quickly();
/** An audit's searches: on the card, or where everything else is computed. */
export async function searchesOn(name: GradientBackend): Promise<{ searching?: Backend }> {
  return name === "webgpu" ? { searching: await onCard() } : {};
}

export interface Card {
  /** Whether this page could have one. */
  readonly isThere: boolean;
  /** Its name and what is to be said of it, once it is opened. */
  readonly adapter?: string | undefined;
  readonly notes: readonly string[];
}
interface Host {
  readonly gpu?: { requestAdapter(): Promise<object | null> };
}
async function canHaveCard(): Promise<boolean> {
  const adapter = await (navigator as Host).gpu?.requestAdapter().catch(() => null);
  return adapter !== null && adapter !== undefined;
}
/** The card is opened only where it is `chosen`; throws BackendError where it cannot be then. */
export async function graphicsCard({ chosen }: { chosen: boolean }): Promise<Card> {
  if (!chosen) return { isThere: await canHaveCard(), notes: [] };
  const { adapter, notes } = await onCard();
  return { isThere: true, adapter, notes };
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
