// The WebGPU backend: which adapter runs what is asked for; plan.ts compiles.
import { ConfigError } from "../../core/errors.ts";
import type { Backend, BackendOptions } from "../backend.ts";
import { Device } from "./device.ts";
import { executable } from "./execution.ts";
import { compileOn } from "./plan.ts";

/**
 * Throws BackendError where there is no adapter, ConfigError for options that a card does not have.
 */
export async function webgpuBackend(options: BackendOptions = {}): Promise<Backend> {
  if (options.precision === "fast")
    throw new ConfigError('webgpu: precision "fast" is the wasm backend\'s; leave it out', { precision: "fast" });
  const device = await Device.open();
  const isRecomputed = options.memory === "recomputed";
  // a plan that nobody holds any more gives its memory back
  const forgotten = new FinalizationRegistry<readonly GPUBuffer[]>((buffers) => buffers.forEach((b) => b.destroy()));
  return {
    name: "webgpu",
    threads: 1,
    adapter: device.adapter,
    notes: device.isSoftware ? [`${device.adapter} is a processor that plays a graphics card: it is slow`] : [],
    async compile(graph) {
      const compiled = await compileOn(device, graph, isRecomputed);
      const plan = executable(compiled);
      forgotten.register(plan, compiled.owned);
      return plan;
    },
    close: async () => device.gpu.destroy(),
  };
}
