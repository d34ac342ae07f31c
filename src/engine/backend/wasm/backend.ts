// The wasm backend: what this host can give of what is asked for; plan.ts compiles.
import { BackendError, ConfigError } from "../../core/errors.ts";
import type { Backend, BackendOptions } from "../backend.ts";
import { FunctionBuilder } from "./encoder/function.ts";
import { encodeModule } from "./encoder/module.ts";
import { compilePlan, type Host } from "./plan.ts";
import { builtin, Pool, processors, whyAlone } from "./pool.ts";

/** A module with one relaxed multiply-add: whether the host takes it. */
const relaxedModule = (): Uint8Array<ArrayBuffer> => {
  const f = new FunctionBuilder(1, true);
  f.mulAdd(f.v128(0), 1, 1);
  return encodeModule([f]);
};
/**
 * Node 20 knows the instruction, but behind a flag that may be set until the first module that
 * needs it.
 */
const allowRelaxed = (): void =>
  (builtin("node:v8") as { setFlagsFromString(flag: string): void } | undefined)?.setFlagsFromString(
    "--experimental-wasm-relaxed-simd",
  );
const simdModule = (): Uint8Array<ArrayBuffer> => {
  const f = new FunctionBuilder(1);
  f.v128(0);
  return encodeModule([f]);
};

/**
 * Throws BackendError where WebAssembly or its SIMD is missing, ConfigError for a number of threads
 * that is not whole and positive.
 */
export function wasmBackend({
  threads,
  precision = "reproducible",
  convolution = "auto",
  memory = "kept",
}: BackendOptions = {}): Backend {
  if (typeof WebAssembly === "undefined")
    throw new BackendError("wasm: this host has no WebAssembly; use the reference backend", {});
  if (!WebAssembly.validate(simdModule()))
    throw new BackendError("wasm: this host's WebAssembly has no SIMD; update it, or use the reference backend", {});
  if (threads !== undefined && !(Number.isInteger(threads) && threads >= 1 && threads <= 64))
    throw new ConfigError(`wasm: threads is a whole number from 1 to 64, got ${threads}`, { threads });
  if (precision !== "reproducible" && precision !== "fast")
    throw new ConfigError(`wasm: precision is "reproducible" or "fast", got ${JSON.stringify(precision)}`, {
      precision,
    });
  const wanted = threads ?? Math.min(processors(), 16);
  const alone = wanted > 1 ? whyAlone() : undefined;
  if (precision === "fast" && !WebAssembly.validate(relaxedModule())) allowRelaxed();
  const relaxed = precision === "fast" && WebAssembly.validate(relaxedModule());
  let opening: Promise<Pool> | undefined;
  const host: Host = {
    threads: alone === undefined ? wanted : 1,
    relaxed,
    convolution,
    recompute: memory === "recomputed",
    pool: () => (opening ??= Pool.open(wanted - 1)),
    // a plan that nobody holds any more is forgotten by the workers as well
    forget: new FinalizationRegistry<number>((id) => {
      void opening?.then((pool) => pool.drop(id));
    }),
  };
  const notes = [
    ...(alone === undefined ? [] : [alone]),
    ...(precision === "fast" && !relaxed
      ? ["this host has no relaxed multiply-add, so fast precision is the reproducible one"]
      : []),
  ];
  return {
    name: relaxed ? "wasm fast" : "wasm",
    threads: host.threads,
    notes,
    compile: (graph) => compilePlan(graph, host),
    [Symbol.asyncDispose]: async () => {
      const pool = await opening;
      opening = undefined;
      await pool?.close();
    },
  };
}
