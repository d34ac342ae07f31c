// The WebGPU backend: which adapter runs what is asked for, and the next device after one is lost;
// plan.ts compiles.
import { BackendError } from "../../core/errors.ts";
import type { Graph } from "../../graph/ir.ts";
import type { Backend, BackendOptions, Plan } from "../backend.ts";
import { Device } from "./device.ts";
import { durable } from "./durable.ts";
import { executable } from "./execution.ts";
import { compileOn } from "./plan.ts";

/** The device that works, until the backend is closed. */
class Devices {
  #current: Promise<Device>;
  readonly #first: Device;
  #isClosed = false;
  constructor(first: Device) {
    this.#first = first;
    this.#current = Promise.resolve(first);
  }

  /** Throws BackendError when it was closed, or what is left gives other bits. */
  async working(): Promise<Device> {
    this.#requireOpen();
    const lost = this.#current;
    const device = await lost;
    if (device.lost === undefined) return device;
    // whoever comes first opens the next one; where there is none, whoever comes later looks again
    if (this.#current === lost)
      this.#current = this.#next(device).catch((error) => {
        this.#current = lost;
        throw error;
      });
    return this.#current;
  }
  async close(): Promise<void> {
    this.#isClosed = true;
    (await this.#current).gpu.destroy();
  }

  async #next({ lost }: Device): Promise<Device> {
    const device = await Device.open().catch((error: Error) => {
      const { adapter } = this.#first;
      throw new BackendError(
        `webgpu: the device of ${adapter} was lost (${lost}), and there is no other: ${error.message}`,
        { adapter },
      );
    });
    const { adapter } = this.#first;
    if (device.adapter === adapter) return device;
    device.gpu.destroy();
    throw new BackendError(
      `webgpu: ${adapter} is gone, and ${device.adapter} would give other bits; start again`,
      { adapter },
    );
  }
  #requireOpen(): void {
    if (this.#isClosed)
      throw new BackendError("webgpu: this backend was closed; open a new one", {});
  }
}

/** Throws BackendError where there is no adapter, with what to do about it. */
export async function webgpuBackend(options: BackendOptions = {}): Promise<Backend> {
  const first = await Device.open();
  const devices = new Devices(first);
  const isRecomputed = options.memory === "recomputed";
  // a plan that nobody holds any more gives its memory back
  const forgotten = new FinalizationRegistry<readonly GPUBuffer[]>((buffers) => {
    for (const buffer of buffers) buffer.destroy();
  });
  const build = async (graph: Graph): Promise<Plan> => {
    const compiled = await compileOn(await devices.working(), graph, isRecomputed);
    // not the plan: an execution that goes on holds this, and no plan
    forgotten.register(compiled, compiled.owned);
    return executable(compiled);
  };
  return {
    name: "webgpu",
    threads: 1,
    adapter: first.adapter,
    notes: first.isSoftware
      ? [`${first.adapter} is a processor that plays a graphics card: it is slow`]
      : [],
    compile: (graph) => durable(graph, () => build(graph)),
    close: () => devices.close(),
  };
}
