// The wasm backend: what this host can give of what is asked for; plan.ts compiles.
import { BackendError, ConfigError } from "../../core/errors.ts";
import type { Backend, BackendOptions } from "../backend.ts";
import { FunctionBuilder } from "./encoder/function.ts";
import { encodeModule } from "./encoder/module.ts";
import { compilePlan, type Host } from "./plan.ts";
import { Pool } from "./pool.ts";
import { builtin, processors, whyAlone } from "./threads.ts";

/** A module with one relaxed multiply-add: whether the host takes it. */
const relaxedModule = (): Uint8Array<ArrayBuffer> => {
  const f = new FunctionBuilder(true);
  f.mulAdd(f.v128(0), 1, 1);
  return encodeModule([f]);
};
/**
 * Node 20 knows the instruction, but behind a flag that may be set until the first module that
 * needs it.
 */
const allowRelaxed = (): void =>
  (
    builtin("node:v8") as { setFlagsFromString(flag: string): void } | undefined
  )?.setFlagsFromString("--experimental-wasm-relaxed-simd");
const simdModule = (): Uint8Array<ArrayBuffer> => {
  const f = new FunctionBuilder();
  f.v128(0);
  return encodeModule([f]);
};

/** Throws BackendError where this host cannot run what is emitted, with what to do about it. */
async function requireWebAssembly(): Promise<void> {
  if (typeof WebAssembly === "undefined")
    throw new BackendError("wasm: this host has no WebAssembly; use the reference backend", {});
  if (!WebAssembly.validate(simdModule()))
    throw new BackendError(
      "wasm: this host's WebAssembly has no SIMD; update it, or use the reference backend",
      {},
    );
  try {
    await WebAssembly.compile(simdModule());
  } catch {
    throw new BackendError(
      "wasm: this page's Content-Security-Policy forbids WebAssembly; add 'wasm-unsafe-eval' to its script-src, or use the reference backend",
      {},
    );
  }
}
function checkOptions({ threads, precision = "reproducible" }: BackendOptions): void {
  if (threads !== undefined && !(Number.isInteger(threads) && threads >= 1 && threads <= 64))
    throw new ConfigError(`wasm: threads is a whole number from 1 to 64, got ${threads}`, {
      threads,
    });
  if (precision !== "reproducible" && precision !== "fast")
    throw new ConfigError(
      `wasm: precision is "reproducible" or "fast", got ${JSON.stringify(precision)}`,
      { precision },
    );
}
/** Whether products and sums may be rounded at once here. */
function hasRelaxed(): boolean {
  if (!WebAssembly.validate(relaxedModule())) allowRelaxed();
  return WebAssembly.validate(relaxedModule());
}

/** The workers of a backend: started when a plan first needs them. */
class Workers {
  readonly notes: string[] = [];
  threads: number;
  #opening: Promise<Pool | undefined> | undefined;
  constructor(threads: number) {
    const alone = threads > 1 ? whyAlone() : undefined;
    if (alone !== undefined) this.notes.push(alone);
    this.threads = alone === undefined ? threads : 1;
  }
  pool(): Promise<Pool | undefined> {
    this.#opening ??= Pool.open(this.threads - 1).catch(() => {
      this.threads = 1;
      this.notes.push("no worker thread could be started here, so the engine runs on one thread");
      return undefined;
    });
    return this.#opening;
  }
  drop(plan: number): void {
    void this.#opening?.then((pool) => pool?.drop(plan));
  }
  async close(): Promise<void> {
    const pool = await this.#opening;
    this.#opening = undefined;
    await pool?.close();
  }
}

/**
 * Throws BackendError where WebAssembly or its SIMD is missing or forbidden, ConfigError for a
 * number of threads that is not whole and positive.
 */
export async function wasmBackend(options: BackendOptions = {}): Promise<Backend> {
  await requireWebAssembly();
  checkOptions(options);
  const { precision, convolution = "auto", memory = "kept" } = options;
  const relaxed = precision === "fast" && hasRelaxed();
  const unrelaxed =
    "this host has no relaxed multiply-add, so fast precision is the reproducible one";
  const workers = new Workers(options.threads ?? Math.min(processors(), 16));
  const host: Host = {
    relaxed,
    convolution,
    memory,
    pool: async () => (workers.threads > 1 ? workers.pool() : undefined),
    // a plan that nobody holds any more is forgotten by the workers as well
    forget: new FinalizationRegistry<number>((id) => workers.drop(id)),
  };
  return {
    name: relaxed ? "wasm fast" : "wasm",
    get threads() {
      return workers.threads;
    },
    get notes() {
      return [...workers.notes, ...(precision === "fast" && !relaxed ? [unrelaxed] : [])];
    },
    compile: (graph) => compilePlan(graph, host),
    close: () => workers.close(),
  };
}
