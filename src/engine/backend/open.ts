// Backends by name. Each is loaded only when it is asked for.
import { ConfigError } from "../core/errors.ts";
import type { Backend, BackendOptions } from "./backend.ts";

/**
 * "reference": float64, plain loops; "wasm": emitted WebAssembly, float32; "webgpu": a graphics
 * card; "auto": the fastest that this host has. Throws ConfigError for another name, BackendError
 * when it cannot be opened.
 */
export async function openBackend(
  name: "auto" | "wasm" | "webgpu" | "reference",
  options: BackendOptions = {},
): Promise<Backend> {
  if (name === "reference") return (await import("./reference/backend.ts")).referenceBackend();
  if (name === "auto" || name === "wasm") return (await import("./wasm/backend.ts")).wasmBackend(options);
  if (name === "webgpu") return (await import("./webgpu/backend.ts")).webgpuBackend(options);
  throw new ConfigError(`openBackend: there is no backend "${String(name)}"; use auto, wasm, webgpu or reference`, {
    name,
  });
}
