// Backends by name. Each is loaded only when it is asked for.
import { ConfigError } from "../core/errors.ts";
import type { Backend, BackendOptions } from "./backend.ts";
import { agree, trial } from "./trial.ts";

/**
 * "reference": float64, plain loops; "wasm": emitted WebAssembly, float32; "webgpu": a graphics
 * card; "auto": wasm, which gives the same bits everywhere, and with precision "fast" a card where
 * it agrees with wasm and is faster. Throws ConfigError for another name, BackendError when it
 * cannot be opened.
 */
export async function openBackend(
  name: "auto" | "wasm" | "webgpu" | "reference",
  options: BackendOptions = {},
): Promise<Backend> {
  if (name === "reference") return (await import("./reference/backend.ts")).referenceBackend();
  if (name === "wasm") return (await import("./wasm/backend.ts")).wasmBackend(options);
  if (name === "webgpu") return (await import("./webgpu/backend.ts")).webgpuBackend(options);
  if (name === "auto") return fastest(options);
  throw new ConfigError(
    `openBackend: there is no backend "${String(name)}"; use auto, wasm, webgpu or reference`,
    { name },
  );
}

async function fastest(options: BackendOptions): Promise<Backend> {
  const wasm = await openBackend("wasm", options);
  if (options.precision !== "fast") return wasm;
  const { hasCard } = await import("./webgpu/adapter.ts");
  if (!(await hasCard())) return wasm;
  return fasterOf(wasm, await openBackend("webgpu", options));
}

/** The card where it agrees and is faster; the other one is closed. */
async function fasterOf(wasm: Backend, card: Backend): Promise<Backend> {
  const own = await trial(wasm);
  const other = await trial(card).catch(() => undefined);
  const isBetter = other !== undefined && agree(own, other) && other.ms < own.ms;
  await (isBetter ? wasm : card).close();
  return isBetter ? card : wasm;
}
