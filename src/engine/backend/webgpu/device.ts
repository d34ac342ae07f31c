// An open device: its limits, its pipelines, what went wrong on it.
import { BackendError } from "../../core/errors.ts";
import { Turns } from "../turns.ts";
import { findAdapter, nameOf } from "./adapter.ts";

/** Shaders kept compiled for plans to come. */
const MOST_PIPELINES = 2000;
/** The bit of a compute shader's stage. */
const COMPUTE = 4;
const CLOCK: GPUFeatureName = "timestamp-query";
const LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
] as const;

/** Buffers that are to be made. */
interface Needs {
  readonly what: string;
  readonly bytes: number;
}

export class Device {
  readonly gpu: GPUDevice;
  readonly adapter: string;
  /** Whether a processor plays the card. */
  readonly isSoftware: boolean;
  /** Whether the card can say when it began and ended. */
  readonly hasClock: boolean;
  /** Why the device is gone, once it is. */
  lost: string | undefined;
  #failure: string | undefined;
  readonly #pipelines = new Map<string, Promise<GPUComputePipeline>>();
  readonly #layouts = new Map<number, GPUBindGroupLayout>();
  /** A device has one stack of error scopes: two compilations must not share it. */
  readonly #turns = new Turns();

  constructor(gpu: GPUDevice, adapter: GPUAdapter) {
    this.gpu = gpu;
    this.adapter = nameOf(adapter);
    this.isSoftware = adapter.info.isFallbackAdapter;
    this.hasClock = gpu.features.has(CLOCK);
    void gpu.lost.then(({ reason, message }) => {
      this.lost = message || reason;
    });
    gpu.addEventListener("uncapturederror", (event) => {
      this.#failure ??= event.error.message;
    });
  }

  /** Throws BackendError where there is no adapter, or it gives no device. */
  static async open(): Promise<Device> {
    const adapter = await findAdapter();
    const requiredFeatures = adapter.features.has(CLOCK) ? [CLOCK] : [];
    const requiredLimits = Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]]));
    try {
      const gpu = await adapter.requestDevice({ requiredFeatures, requiredLimits });
      return new Device(gpu, adapter);
    } catch (cause) {
      throw new BackendError(
        `webgpu: ${nameOf(adapter)} gave no device: ${(cause as Error).message}`,
        { adapter: nameOf(adapter) },
      );
    }
  }

  /** Throws BackendError where the device is gone, or refused a command: never a wrong number. */
  check(): void {
    if (this.lost !== undefined)
      throw new BackendError(
        `webgpu: the device of ${this.adapter} was lost (${this.lost}); what ran on it must be run again`,
        { adapter: this.adapter, lost: true },
      );
    if (this.#failure !== undefined)
      throw new BackendError(`webgpu: ${this.adapter} refused a command: ${this.#failure}`, {
        adapter: this.adapter,
      });
  }

  /** Throws what became of a command that failed: the loss is said a moment after its victims. */
  async failed(error: Error): Promise<never> {
    await Promise.race([this.gpu.lost, new Promise((done) => setTimeout(done, 200))]);
    this.check();
    throw new BackendError(`webgpu: ${this.adapter} failed: ${error.message}`, {
      adapter: this.adapter,
    });
  }

  /**
   * What `job` gives, which makes buffers of so many bytes for `what`. Throws BackendError where
   * the device has no room for them, or refuses what the job does.
   */
  guarded<T>(needs: Needs, job: () => T | Promise<T>): Promise<T> {
    return this.#turns.take(() => this.#scoped(needs, job));
  }
  async #scoped<T>({ what, bytes }: Needs, job: () => T | Promise<T>): Promise<T> {
    this.check();
    this.gpu.pushErrorScope("validation");
    this.gpu.pushErrorScope("out-of-memory");
    let given: T | undefined;
    let thrown: unknown;
    try {
      given = await job();
    } catch (error) {
      thrown = error;
    }
    const [memory, validation] = await Promise.all([
      this.gpu.popErrorScope(),
      this.gpu.popErrorScope(),
    ]);
    this.check();
    const { adapter } = this;
    if (memory)
      throw new BackendError(
        `webgpu: ${adapter} has no room for ${what}, ${bytes} bytes; make the batch or the image smaller, or use the wasm backend (${memory.message})`,
        { adapter, bytes },
      );
    const problem = validation ?? (thrown as Error | undefined);
    if (!problem) return given as T;
    throw thrown instanceof BackendError
      ? thrown
      : new BackendError(`webgpu: ${adapter} refused ${what}: ${problem.message}`, { adapter });
  }

  /** Bindings 0 to `count` − 1, all of them arrays that a shader may write. */
  layout(count: number): GPUBindGroupLayout {
    const known = this.#layouts.get(count);
    if (known) return known;
    const entries = Array.from({ length: count }, (_, binding): GPUBindGroupLayoutEntry => {
      return { binding, visibility: COMPUTE, buffer: { type: "storage" } };
    });
    const layout = this.gpu.createBindGroupLayout({ entries });
    this.#layouts.set(count, layout);
    return layout;
  }

  pipeline(code: string, bindings: number): Promise<GPUComputePipeline> {
    const known = this.#pipelines.get(code);
    if (known) return known;
    const made = this.gpu.createComputePipelineAsync({
      layout: this.gpu.createPipelineLayout({ bindGroupLayouts: [this.layout(bindings)] }),
      compute: { module: this.gpu.createShaderModule({ code }) },
    });
    if (this.#pipelines.size >= MOST_PIPELINES)
      this.#pipelines.delete(this.#pipelines.keys().next().value!);
    this.#pipelines.set(code, made);
    return made;
  }
}
